use std::time::{Duration, Instant};

use fairlead_config::{Code, ConfigKey, Diagnostic, FieldPath, Kind, Severity, Subject};
use fairlead_envoy::TypeUrl;
use fairlead_incremental::{Db, Settled};
use fairlead_xds::server::Sessions;

use super::{Metrics, names};
use crate::core::Objects;

/// The text after something of each sort has happened: a family without members is not exposed.
fn encoded() -> String {
    let metrics = Metrics::new();
    metrics.watch(Sessions::default());
    metrics.accepted(TypeUrl::Cluster, Duration::from_millis(3));
    let now = Instant::now();
    let settled = Settled { recomputed: [("a query", 1)].into(), ..Settled::default() };
    metrics.round(now, now, now, now, &settled);
    metrics.sizes(&Db::new(), &Objects::default(), 0, 0);
    let on = Subject::Object(ConfigKey::new(Kind::Gateway, "shop", "edge"));
    metrics.diagnostics(&[Diagnostic::new(Severity::Error, on, Code::BadHost, FieldPath::spec(), "bad")]);
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
