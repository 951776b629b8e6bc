use std::time::{Duration, Instant};

use fairlead_config::{Code, ConfigKey, Diagnostic, FieldPath, Kind, Severity, Subject};
use fairlead_incremental::{Db, Settled};
use fairlead_resource::TypeUrl;
use fairlead_xds::server::Sessions;

mod format;

use super::{Form, Metrics, names};
use crate::core::Objects;

/// The text after something of each sort has happened: a family without members is not exposed.
fn metrics() -> Metrics {
    let metrics = Metrics::new();
    metrics.watch(Sessions::default());
    metrics.triggered([Kind::Pod, Kind::Service, Kind::Pod].into_iter());
    metrics.accepted(TypeUrl::CLUSTER, Duration::from_millis(3));
    let now = Instant::now();
    let settled = Settled { recomputed: [("a query", 1)].into(), ..Settled::default() };
    metrics.round(now, now, now, now, &settled);
    metrics.sizes(&Db::new(), &Objects::default(), 0, 0);
    let on = Subject::Object(ConfigKey::new(Kind::Gateway, "shop", "edge"));
    metrics.diagnostics(&[Diagnostic::new(Severity::Error, on, Code::BadHost, FieldPath::spec(), "bad")]);
    metrics
}

fn encoded() -> String {
    metrics().encode()
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

#[test]
fn both_texts_are_what_the_formats_demand() {
    for form in [Form::OpenMetrics, Form::Prometheus] {
        format::check(&metrics().text(form), form);
    }
}

#[test]
fn who_does_not_ask_for_openmetrics_gets_what_all_collectors_read() {
    let prometheus =
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    assert_eq!(Form::wanted([prometheus].into_iter()), Form::OpenMetrics);
    assert_eq!(Form::wanted(["text/plain"].into_iter()), Form::Prometheus);
    assert_eq!(Form::wanted([].into_iter()), Form::Prometheus);
    let text = metrics().text(Form::Prometheus);
    for line in [
        "# TYPE fairlead_xds_acks_total counter",
        "# HELP fairlead_xds_acks_total Responses that proxies accepted, by type",
        "# TYPE pilot_xds_pushes counter",
        "# TYPE fairlead_build_info gauge",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
    }
}

#[test]
fn a_round_counts_once_for_each_sort_of_change() {
    let text = encoded();
    for (word, count) in [("endpoint", 1), ("service", 1), ("config", 0), ("secret", 0), ("global", 0)] {
        assert!(
            text.contains(&format!("\npilot_push_triggers{{type=\"{word}\"}} {count}\n")),
            "{word}: {text}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_system_says_of_this_process_is_plausible() {
    let text = encoded();
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("{name}: {text}"))
    };
    let resident = value("process_resident_memory_bytes");
    assert!(resident > 1e6 && value("process_virtual_memory_bytes") >= resident, "{text}");
    assert!(
        value("process_open_fds") >= 3.0 && value("process_max_fds") >= value("process_open_fds"),
        "{text}"
    );
    assert!(value("process_threads") >= 1.0 && value("process_cpu_seconds_total") >= 0.0, "{text}");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock that is right").as_secs_f64();
    let age = now - value("process_start_time_seconds");
    assert!((-5.0..86_400.0).contains(&age), "{age}");
}
