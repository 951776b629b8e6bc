use envoy_types::pb::envoy::{
    config::{
        core::v3::Locality as ProtoLocality,
        endpoint::v3::{ClusterStats, UpstreamLocalityStats},
    },
    service::load_stats::v3::LoadStatsRequest,
};

use super::{KEY_BYTES, KEYS, Load, LoadReports, NAME_BYTES, Reporter};
use crate::server::{ServerOptions, clients::client_of};

fn report(cluster: &str, zone: &str, issued: u64, in_progress: u64) -> LoadStatsRequest {
    let stats = UpstreamLocalityStats {
        locality: Some(ProtoLocality { zone: zone.into(), ..ProtoLocality::default() }),
        total_issued_requests: issued,
        total_requests_in_progress: in_progress,
        ..UpstreamLocalityStats::default()
    };
    let cluster = ClusterStats {
        cluster_name: cluster.into(),
        upstream_locality_stats: vec![stats],
        ..ClusterStats::default()
    };
    LoadStatsRequest { node: None, cluster_stats: vec![cluster] }
}

#[test]
fn counts_add_up_and_what_is_under_way_ends_with_its_client() {
    let reports = LoadReports::default();
    let (mut one, mut two) = (Reporter::new(reports.clone(), None), Reporter::new(reports.clone(), None));
    one.report(report("a", "z", 5, 2));
    one.report(report("a", "z", 3, 1));
    two.report(report("a", "z", 10, 4));
    assert_eq!(reports.clients(), 2);
    assert_eq!(
        reports.snapshot().into_values().collect::<Vec<_>>(),
        [Load { issued: 18, in_progress: 5, ..Load::default() }]
    );
    drop(two);
    assert_eq!(reports.snapshot().into_values().map(|load| load.in_progress).collect::<Vec<_>>(), [1]);
    assert_eq!((reports.clients(), reports.reports()), (1, 3));
}

#[test]
fn names_are_bounded_in_number_and_length() {
    let reports = LoadReports::default();
    let mut reporter = Reporter::new(reports.clone(), None);
    for i in 0..=KEYS {
        reporter.report(report(&i.to_string(), "z", 1, 0));
    }
    reporter.report(report(&"n".repeat(NAME_BYTES + 1), "z", 1, 0));
    // What is known goes on.
    reporter.report(report("0", "z", 1, 0));
    assert_eq!((reports.snapshot().len(), reports.left_out()), (KEYS, 2));
}

#[test]
fn long_names_are_bounded_in_bytes_for_a_client_and_for_all() {
    let reports = LoadReports::default();
    let options =
        ServerOptions { client_bytes: 1 << 20, max_request_bytes: 1 << 20, ..ServerOptions::default() };
    let client = client_of("10.0.0.1", &options);
    let mut reporter = Reporter::new(reports.clone(), Some(&client));
    let name = |i: usize| format!("{i:0>NAME_BYTES$}");
    for i in 0..4000 {
        reporter.report(report(&name(i), "z", 1, 0));
    }
    let kept = reports.len();
    assert!((1000..2100).contains(&kept), "twice the budget, as each is small: {kept}");
    let mut rich = Reporter::new(reports.clone(), None);
    for i in 0..2 * KEY_BYTES / NAME_BYTES {
        rich.report(report(&name(i), "z", 1, 0));
    }
    assert!(reports.len() <= KEY_BYTES / NAME_BYTES, "{}", reports.len());
}
