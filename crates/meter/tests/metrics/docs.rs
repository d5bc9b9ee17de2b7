//! The example on the page is the example in its folder, and the API server takes it.

use std::fs;
use std::path::Path;

use billing_api::{Meter, MetricsServer};
use billing_test_harness::User;

use crate::Result;
use crate::stage::{METER, stage};

#[tokio::test(flavor = "multi_thread")]
async fn the_example_on_the_page_is_in_its_folder_and_can_be_applied() -> Result {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let example = fs::read_to_string(root.join("examples/metrics/requests.yaml"))?;
    let page = fs::read_to_string(root.join("docs/meters.md"))?;
    assert!(page.contains(&format!("```yaml\n{example}```")), "{example}");
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("no stage")?;
    stage.control_plane.apply(User::ClusterAdmin, &example)?;
    let meter = stage.cluster::<Meter>().get(METER).await?;
    let metrics = meter.spec.metrics.ok_or("no metrics")?;
    // What the page says that is so where nothing is said.
    assert_eq!((metrics.window.hours(), metrics.delay.as_str(), metrics.scrape_interval.as_str()), (6, "15m", "60s"));
    assert_eq!((metrics.coverage.as_str(), metrics.max_wait.as_str(), metrics.per.as_str()), ("0.95", "12h", "1"));
    let server = stage.cluster::<MetricsServer>().get("main").await?;
    assert_eq!((server.spec.timeout.as_str(), server.spec.max_series), ("30s", 10_000));
    Ok(())
}
