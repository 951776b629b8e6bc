use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::{Cluster, cluster::TransportSocketMatch};

use super::golden::check_messages;
use crate::{
    IntoProto, address,
    cluster::{
        Discovery, Dns, DnsLookupFamily, LbPolicy, OriginalDst, cluster,
        limits::{
            self, Consecutive, OutlierDetection, RetryBudget, Thresholds, circuit_breakers,
            outlier_detection, slow_start,
        },
        protocol::{
            AutoSni, CommonHttp, Http2, Http2Keepalive, UpstreamHttp, http_protocol_options,
            set_http_protocol_options,
        },
        set_lb_policy,
        upstream::{Keepalive, bind_config, upstream_connection_options},
    },
    endpoint::{lb_endpoint, load_assignment, locality_lb_endpoints},
    metadata::{filter_metadata, string_struct, string_value, struct_of},
    tls::raw_buffer,
};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn eds(name: &str) -> Cluster {
    cluster(name, Discovery::Eds { service_name: None }, None)
}

fn dns(name: &str) -> Dns {
    let endpoints = [lb_endpoint(address::address(format!("{name}.example.com"), 443))];
    Dns {
        load_assignment: load_assignment(name, [locality_lb_endpoints(None, endpoints)]),
        family: DnsLookupFamily::V4Only,
        refresh_rate: Some(seconds(60)),
        respect_ttl: true,
        jitter: Some(Duration::from_millis(100)),
        resolver: None,
    }
}

#[test]
fn discovery() {
    let static_hosts = locality_lb_endpoints(None, [lb_endpoint(address::address("10.0.0.1", 80))]);
    let original = OriginalDst {
        port_override: Some(8443),
        http_header: Some("x-original".to_owned()),
        cleanup_interval: Some(seconds(60)),
    };
    check_messages(
        "clusters-discovery",
        &vec![
            eds("eds"),
            cluster(
                "renamed",
                Discovery::Eds { service_name: Some("asked-for".to_owned()) },
                Some(seconds(10)),
            ),
            cluster("strict", Discovery::StrictDns(dns("strict")), None),
            cluster(
                "logical",
                Discovery::LogicalDns(Dns { family: DnsLookupFamily::All, ..dns("logical") }),
                None,
            ),
            cluster("static", Discovery::Static(load_assignment("static", [static_hosts])), None),
            cluster("original", Discovery::OriginalDst(OriginalDst::default()), None),
            cluster("original-set", Discovery::OriginalDst(original), None),
        ],
    );
}

#[test]
fn load_balancing() {
    let ramp = || Some(slow_start(seconds(30), Some(1.5), Some(10.0)));
    let policies = [
        LbPolicy::RoundRobin(None),
        LbPolicy::RoundRobin(ramp()),
        LbPolicy::LeastRequest(None),
        LbPolicy::LeastRequest(ramp()),
        LbPolicy::Random,
        LbPolicy::RingHash { minimum_ring_size: None },
        LbPolicy::RingHash { minimum_ring_size: Some(1024) },
        LbPolicy::Maglev { table_size: Some(65_537) },
    ];
    let clusters: Vec<Cluster> = policies
        .into_iter()
        .enumerate()
        .map(|(n, policy)| {
            let mut cluster = eds(&format!("lb-{n}"));
            set_lb_policy(&mut cluster, policy);
            cluster
        })
        .collect();
    check_messages("clusters-load-balancing", &clusters);
}

#[test]
fn a_later_policy_leaves_nothing_of_an_earlier_one() {
    let mut cluster = eds("a");
    set_lb_policy(&mut cluster, LbPolicy::Maglev { table_size: Some(7) });
    set_lb_policy(&mut cluster, LbPolicy::RoundRobin(None));
    assert_eq!(cluster, eds("a"));
}

#[test]
fn everything_set() {
    let mut cluster = cluster("all", Discovery::Eds { service_name: None }, Some(seconds(1)));
    cluster.circuit_breakers = Some(circuit_breakers(Thresholds {
        max_connections: Some(1),
        max_pending_requests: Some(2),
        max_requests: Some(u32::MAX),
        max_retries: Some(4),
        retry_budget: Some(RetryBudget { percent: Some(20.0), min_retry_concurrency: Some(3) }),
        track_remaining: true,
    }));
    cluster.outlier_detection = Some(outlier_detection(OutlierDetection {
        consecutive_5xx: Some(Consecutive::After(1)),
        consecutive_gateway_failure: Some(Consecutive::Never),
        consecutive_local_origin_failure: Some(Consecutive::After(2)),
        split_external_local_origin_errors: false,
        enforcing_success_rate: Some(0),
        interval: Some(seconds(1)),
        base_ejection_time: Some(seconds(180)),
        max_ejection_percent: Some(100),
    }));
    cluster.common_lb_config = Some(limits::common_lb_config(Some(0.0), true));
    cluster.upstream_bind_config = Some(bind_config("127.0.0.6", ["::6".to_owned()]));
    cluster.upstream_connection_options = Some(upstream_connection_options(Keepalive {
        probes: Some(3),
        time_seconds: Some(60),
        interval_seconds: None,
    }));
    let plain = |name: &str, fields| TransportSocketMatch {
        name: name.to_owned(),
        r#match: Some(fields),
        transport_socket: Some(raw_buffer()),
    };
    cluster.transport_socket_matches =
        vec![plain("some", string_struct([("mode", "plain")])), plain("any", struct_of::<String>([]))];
    cluster.metadata = Some(filter_metadata([("ns", struct_of([("key", string_value("value"))]))]));
    set_http_protocol_options(
        &mut cluster,
        &http_protocol_options(
            UpstreamHttp::Http2(Http2 {
                max_concurrent_streams: Some(100),
                keepalive: Some(Http2Keepalive { interval: seconds(30), timeout: seconds(5) }),
            }),
            CommonHttp {
                idle_timeout: Some(seconds(300)),
                max_connection_duration: Some(seconds(3600)),
                max_requests_per_connection: Some(1),
            },
            AutoSni { sni: true, san_validation: true },
        ),
    );
    check_messages("clusters-everything", &[cluster]);
}

#[test]
fn protocols() {
    let versions = [
        UpstreamHttp::Http1,
        UpstreamHttp::Http2(Http2::default()),
        UpstreamHttp::UseDownstream(Http2::default()),
        UpstreamHttp::Auto(Http2::default()),
    ];
    let options =
        versions.map(|version| http_protocol_options(version, CommonHttp::default(), AutoSni::default()));
    check_messages("clusters-protocols", &options);
}

#[test]
fn a_threshold_that_is_not_given_is_not_sent() {
    let breakers = circuit_breakers(Thresholds { max_requests: Some(0), ..Thresholds::default() });
    assert_eq!(breakers.thresholds[0].max_requests, Some(0_u32.into_proto()));
    assert_eq!(breakers.thresholds[0].max_connections, None);
}
