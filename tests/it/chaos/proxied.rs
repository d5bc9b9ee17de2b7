//! A world whose operator reaches the API server through a proxy.

use std::{
    ops::Deref,
    time::{Duration, Instant},
};

use billing_test_harness::Proxy;

use crate::{
    Result,
    chart::install::{NAMESPACE, RELEASE},
    support::{World, prepare, start_operator, wait},
};

/// The operator does everything that it has to do within this time of the last change: longer than any pause that it makes
/// between two looks.
const QUIET: Duration = Duration::from_secs(5);

/// How long it may take until there is nothing left to do.
const LIMIT: Duration = Duration::from_secs(120);

/// A world, and the proxy in it.
pub struct Proxied {
    /// The world.
    pub world: World,
    /// What the operator says to the API server.
    pub proxy: Proxy,
}

impl Deref for Proxied {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Proxied {
    /// A world of one's own, with more arguments of the operator.
    ///
    /// # Errors
    /// When something does not start.
    pub fn start(operator_args: &[&str]) -> Result<Self> {
        let (control_plane, _) = prepare()?;
        let token = control_plane.service_account_token(NAMESPACE, RELEASE)?;
        let proxy = Proxy::start(&control_plane, &token)?;
        let kubeconfig = proxy.kubeconfig(&control_plane, "proxied")?;
        let (operator, port) = start_operator(&control_plane, &kubeconfig, "operator", operator_args)?;
        Ok(Self { world: World { operator, port, control_plane }, proxy })
    }

    /// Kills the operator, which the proxy has stopped, and starts it again.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn crash(&mut self) -> Result {
        self.world.operator.kill9();
        self.proxy.resume();
        self.world.restart_operator()
    }

    /// Waits until the operator has written nothing for a while.
    ///
    /// # Errors
    /// When it never stops.
    pub async fn wait_quiet(&self) -> Result {
        let (mut seen, mut since) = (usize::MAX, Instant::now());
        wait("the operator has nothing left to write", LIMIT, async || {
            let writes = self.proxy.writes().len();
            if writes != seen {
                (seen, since) = (writes, Instant::now());
            }
            Ok((since.elapsed() >= QUIET).then_some(()))
        })
        .await
    }
}
