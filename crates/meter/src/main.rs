//! The meter: wiring only.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use billing_meter::metrics::Metrics;
use billing_meter::settings::Settings;
use billing_meter::{Program, run};
use clap::Parser;
use operator_kit::clock::{ServerClock, SystemClock};
use operator_kit::reach::Reach;
use operator_kit::{client, logging, shutdown};
use tokio_util::sync::CancellationToken;

/// Usage that meters itself: objects of the cluster become running usage records, as Meters say.
#[derive(Parser)]
#[command(name = "billing-meter", version)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

fn main() -> ExitCode {
    match measure(Arguments::parse().settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", operator_kit::trouble::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn measure(settings: Settings) -> Result<(), Box<dyn Error>> {
    logging::start(&settings.log_level, settings.log_format)?;
    let cancel = CancellationToken::new();
    shutdown::on_signals(cancel.clone())?;

    let (clock, metrics) = (ServerClock::new(Arc::new(SystemClock)), Metrics::new());
    let reach = Reach::new(metrics.work.clone());
    let client = client::connect(&settings.client(), clock.clone(), metrics.work.clone(), reach.clone()).await?;
    let billing = match settings.billing_client() {
        Some(other) => {
            // A clock of its own: what is measured has the times of the cluster that it is in.
            let (clock, reach) = (ServerClock::new(Arc::new(SystemClock)), Reach::new(metrics.work.clone()));
            Some((client::connect(&other, clock, metrics.work.clone(), reach.clone()).await?, reach))
        }
        None => None,
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), ?settings, "billing-meter starts");
    run(Program { settings, client, billing, clock, reach, metrics }, cancel).await?;
    tracing::info!("billing-meter stopped");
    Ok(())
}
