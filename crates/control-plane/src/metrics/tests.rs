use std::time::Duration;

use fairlead_envoy::TypeUrl;
use fairlead_xds::server::Sessions;

use super::{Metrics, names};

fn encoded() -> String {
    let metrics = Metrics::new();
    metrics.watch(Sessions::default());
    metrics.accepted(TypeUrl::Cluster, Duration::from_millis(3));
    metrics.encode()
}

#[test]
fn every_named_metric_is_exposed_with_its_help() {
    let text = encoded();
    for name in names::ALL {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is missing:\n{text}");
    }
}

#[test]
fn counters_under_names_of_istiod_have_no_suffix() {
    let text = encoded();
    assert!(text.contains("\npilot_xds_pushes{type=\"cds\"} 0\n"), "{text}");
    assert!(text.contains("\nfairlead_xds_acks_total{type=\"cds\"} 0\n"), "{text}");
}

#[test]
fn the_text_ends_as_openmetrics_demands() {
    assert!(encoded().ends_with("# EOF\n"));
}
