use std::time::Duration;

use fairlead_config::Kind;

use fairlead_incremental::Query;

use super::*;
use crate::{
    CertificateSource, ConsistentHash, HashAlgorithm, HashKey, ServerValidation, ServiceKey,
    UpstreamTlsSettings,
    testing::{World, errors, only_object},
};

fn resolved(spec: &str) -> DestinationRule {
    let (rule, errors) = with_errors(spec);
    assert_eq!(errors, Vec::<String>::new());
    rule
}

/// A rule, and the errors: `code path`.
fn with_errors(spec: &str) -> (DestinationRule, Vec<String>) {
    let yaml = format!(
        "{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: dr, namespace: shop}}, spec: {{host: a, {spec}}}}}"
    );
    let object = only_object!(DestinationRule, &yaml);
    (resolve(&object, "cluster.local", &Visibility::Public), errors(&yaml))
}

fn blocks(policy: &str) -> PolicyBlocks {
    resolved(&format!("trafficPolicy: {{{policy}}}")).policy.blocks
}

#[test]
fn a_connection_pool_takes_zero_for_unset() {
    let pool = blocks(
        "connectionPool: {tcp: {maxConnections: 1, connectTimeout: 1s, tcpKeepalive: {probes: 3, time: 7200s}}, http: {http1MaxPendingRequests: 2, http2MaxRequests: 0, maxRequestsPerConnection: 3, maxRetries: 4, idleTimeout: 5s, h2UpgradePolicy: UPGRADE}}",
    )
    .connection_pool;
    let expected = ConnectionPool {
        max_connections: Some(1),
        connect_timeout: Some(Duration::from_secs(1)),
        tcp_keepalive: Some(crate::TcpKeepalive {
            probes: Some(3),
            time: Some(Duration::from_secs(7200)),
            interval: None,
        }),
        max_pending_requests: Some(2),
        max_requests: None,
        max_requests_per_connection: Some(3),
        max_retries: Some(4),
        http_idle_timeout: Some(Duration::from_secs(5)),
        h2_upgrade: Some(true),
        ..ConnectionPool::default()
    };
    assert_eq!(pool, Some(expected));
}

#[test]
fn load_balancers_by_name() {
    for (simple, expected) in [
        ("LEAST_REQUEST", LoadBalancer::LeastRequest),
        ("LEAST_CONN", LoadBalancer::LeastRequest),
        ("ROUND_ROBIN", LoadBalancer::RoundRobin),
        ("RANDOM", LoadBalancer::Random),
        ("PASSTHROUGH", LoadBalancer::Passthrough),
    ] {
        assert_eq!(blocks(&format!("loadBalancer: {{simple: {simple}}}")).load_balancer, Some(expected));
    }
}

#[test]
fn consistent_hashes_have_a_key_and_a_ring() {
    let hash = |text: &str| blocks(&format!("loadBalancer: {{consistentHash: {{{text}}}}}")).load_balancer;
    let ring = |key: HashKey, minimum_ring_size| {
        let algorithm = HashAlgorithm::RingHash { minimum_ring_size };
        Some(LoadBalancer::ConsistentHash(ConsistentHash { key, algorithm }))
    };
    assert_eq!(hash("httpHeaderName: x-user"), ring(HashKey::Header("x-user".into()), 1024));
    assert_eq!(hash("useSourceIp: true, ringHash: {minimumRingSize: 9}"), ring(HashKey::SourceIp, 9));
    let cookie = HashKey::Cookie {
        name: "u".into(),
        path: Some("/a".into()),
        ttl: Some(Duration::ZERO),
        attributes: Vec::new(),
    };
    assert_eq!(hash("httpCookie: {name: u, path: /a, ttl: 0s}"), ring(cookie, 1024));
    let maglev = ConsistentHash {
        key: HashKey::QueryParameter("q".into()),
        algorithm: HashAlgorithm::Maglev { table_size: Some(101) },
    };
    assert_eq!(
        hash("httpQueryParameterName: q, maglev: {tableSize: 101}"),
        Some(LoadBalancer::ConsistentHash(maglev))
    );
}

#[test]
fn an_empty_outlier_detection_is_still_one() {
    assert_eq!(blocks("outlierDetection: {}").outlier_detection, Some(OutlierDetection::default()));
    assert_eq!(blocks("loadBalancer: {simple: RANDOM}").outlier_detection, None);
}

#[test]
fn tls_by_mode() {
    let tls = |text: &str| blocks(&format!("tls: {{{text}}}")).tls.expect("there is a block");
    assert_eq!(tls("mode: DISABLE"), UpstreamTls::Disable);
    let settings = UpstreamTlsSettings { sni: Some("a.com".into()), ..Default::default() };
    assert_eq!(tls("mode: SIMPLE, sni: a.com"), UpstreamTls::Simple(settings));
    let settings =
        UpstreamTlsSettings { validation: ServerValidation::File("/ca".into()), ..Default::default() };
    assert_eq!(tls("mode: SIMPLE, caCertificates: /ca"), UpstreamTls::Simple(settings));
    let settings = UpstreamTlsSettings { validation: ServerValidation::Skip, ..Default::default() };
    assert_eq!(tls("mode: SIMPLE, insecureSkipVerify: true"), UpstreamTls::Simple(settings));
    let mutual = UpstreamTls::Mutual {
        certificate: CertificateSource::Secret("cred".into()),
        settings: UpstreamTlsSettings {
            validation: ServerValidation::Secret("cred".into()),
            ..Default::default()
        },
    };
    assert_eq!(tls("mode: MUTUAL, credentialName: cred"), mutual);
    assert_eq!(tls("mode: ISTIO_MUTUAL"), UpstreamTls::IstioMutual(UpstreamTlsSettings::default()));
}

const LAYERS: &str = "trafficPolicy: {loadBalancer: {simple: RANDOM}, outlierDetection: {}, portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]}, subsets: [{name: plain, labels: {v: a}}, {name: own, labels: {v: b}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}, {name: port, labels: {v: c}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, portLevelSettings: [{port: {number: 80}, connectionPool: {tcp: {maxConnections: 9}}}]}}]";

fn check_policy(port: u16, subset: Option<&str>, expected: &TrafficPolicy) {
    let rule = resolved(LAYERS);
    let subset = subset.map(|name| rule.subset(name).expect("the subset is defined"));
    assert_eq!(rule.policy_for(port, subset, &PolicyBlocks::default()), *expected);
}

fn policy(load_balancer: Option<LoadBalancer>, outliers: bool) -> TrafficPolicy {
    TrafficPolicy {
        load_balancer,
        outlier_detection: outliers.then(OutlierDetection::default),
        ..TrafficPolicy::default()
    }
}

#[test]
fn a_rule_applies_to_ports_without_settings() {
    check_policy(81, None, &policy(Some(LoadBalancer::Random), true));
}

#[test]
fn settings_of_a_port_replace_the_policy_whole() {
    check_policy(80, None, &TrafficPolicy { tls: Some(UpstreamTls::Disable), ..TrafficPolicy::default() });
}

#[test]
fn a_subset_overrides_block_by_block() {
    check_policy(81, Some("plain"), &policy(Some(LoadBalancer::Random), true));
    check_policy(81, Some("own"), &policy(Some(LoadBalancer::RoundRobin), true));
}

#[test]
fn a_subset_overrides_the_settings_of_a_port_block_by_block() {
    let expected =
        TrafficPolicy { tls: Some(UpstreamTls::Disable), ..policy(Some(LoadBalancer::RoundRobin), false) };
    check_policy(80, Some("own"), &expected);
}

#[test]
fn settings_of_a_port_of_a_subset_replace_everything() {
    let pool = ConnectionPool { max_connections: Some(9), ..ConnectionPool::default() };
    check_policy(80, Some("port"), &TrafficPolicy { connection_pool: pool, ..TrafficPolicy::default() });
}

#[test]
fn the_mesh_fills_absent_blocks_of_a_port_too() {
    let defaults =
        PolicyBlocks { outlier_detection: Some(OutlierDetection::default()), ..Default::default() };
    let policy = resolved(LAYERS).policy_for(80, None, &defaults);
    assert_eq!(policy.outlier_detection, Some(OutlierDetection::default()));
    assert_eq!(policy.load_balancer, None);
}

/// DestinationRules in a row, each `namespace name host rest-of-spec`.
fn rules(list: &[(&str, &str, &str, &str)]) -> String {
    let rule = |(namespace, name, host, rest): &(&str, &str, &str, &str)| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{host: '{host}'{rest}}}}}\n"
        )
    };
    list.iter().map(rule).collect()
}

/// The objects of the rule that a client of `client` uses for `a.shop`.
fn check_lookup(list: &[(&str, &str, &str, &str)], client: &str, expected: &[&str]) {
    for reversed in [false, true] {
        let mut list = list.to_vec();
        if reversed {
            list.reverse();
        }
        let mut world = World::of(&rules(&list));
        let service = ServiceKey { host: Host::new("a.shop.svc.cluster.local"), namespace: "shop".into() };
        let found = world.get::<RuleFor>(&RuleForKey { client: client.into(), service });
        let objects: Vec<String> = found
            .iter()
            .flat_map(|key| key.objects.iter().map(|object| format!("{}/{}", object.namespace, object.name)))
            .collect();
        assert_eq!(objects, expected);
    }
}

const HOST: &str = "a.shop.svc.cluster.local";
const WILDCARD: &str = "*.shop.svc.cluster.local";
const PRIVATE: &str = ", exportTo: ['.']";

#[test]
fn the_clients_namespace_comes_before_the_services_and_the_root() {
    let all = [("istio-system", "r", HOST, ""), ("shop", "s", HOST, ""), ("web", "w", HOST, "")];
    check_lookup(&all, "web", &["web/w"]);
    check_lookup(&all[..2], "web", &["shop/s"]);
    check_lookup(&all[..1], "web", &["istio-system/r"]);
    check_lookup(&[], "web", &[]);
}

#[test]
fn a_less_specific_rule_of_the_client_beats_the_owners() {
    check_lookup(&[("shop", "s", HOST, ""), ("web", "w", WILDCARD, "")], "web", &["web/w"]);
}

#[test]
fn the_most_specific_host_wins_within_a_namespace() {
    check_lookup(
        &[("shop", "all", "*", ""), ("shop", "wild", WILDCARD, ""), ("shop", "exact", HOST, "")],
        "shop",
        &["shop/exact"],
    );
    check_lookup(&[("shop", "all", "*", ""), ("shop", "wild", WILDCARD, "")], "web", &["shop/wild"]);
}

#[test]
fn a_client_of_the_root_namespace_prefers_the_owners_rule_to_public_root_rules() {
    let public = [("istio-system", "r", HOST, ""), ("shop", "s", HOST, "")];
    check_lookup(&public, "istio-system", &["shop/s"]);
    let private = [("istio-system", "r", HOST, PRIVATE), ("shop", "s", HOST, "")];
    check_lookup(&private, "istio-system", &["istio-system/r"]);
    check_lookup(&private, "web", &["shop/s"]);
}

#[test]
fn a_rule_must_be_exported_to_the_client() {
    check_lookup(&[("shop", "s", HOST, PRIVATE)], "web", &[]);
    check_lookup(&[("shop", "s", HOST, PRIVATE)], "shop", &["shop/s"]);
    check_lookup(&[("shop", "s", HOST, ", exportTo: [web]")], "web", &["shop/s"]);
    check_lookup(&[("shop", "s", HOST, ", exportTo: [web]")], "other", &[]);
}

#[test]
fn a_rule_for_selected_workloads_does_not_apply_to_others() {
    let selecting = ("web", "w", HOST, ", workloadSelector: {matchLabels: {app: x}}");
    check_lookup(&[selecting, ("shop", "s", HOST, "")], "web", &["shop/s"]);
}

#[test]
fn a_rule_that_selects_the_client_beats_one_for_all() {
    let header = |name: &str, selector: Option<LabelSet>| {
        Arc::new(RuleHeader {
            origin: ConfigKey::new(Kind::DestinationRule, "web", name),
            created: None,
            host: Host::new(HOST),
            export_to: Visibility::Public,
            workload_selector: selector,
            failover_labels: Vec::new(),
            names_secret: false,
        })
    };
    let selecting = header("z", Some([("app", "x")].into_iter().collect()));
    let index = Arc::new(RuleIndex::new(&"web".into(), &[header("a", None), selecting.clone()]));
    let service = ServiceKey { host: Host::new(HOST), namespace: "shop".into() };
    let found = |selected: &[ConfigKey]| {
        let rules = |namespace: &Namespace| {
            if *namespace == "web" { index.clone() } else { Arc::default() }
        };
        lookup(&"web".into(), &"istio-system".into(), &service, selected, rules)
            .map(|key| key.objects[0].name.clone())
    };
    assert_eq!(found(std::slice::from_ref(&selecting.origin)), Some("z".into()));
    assert_eq!(found(&[]), Some("a".into()));
}

#[test]
fn rules_of_one_host_and_namespace_are_merged() {
    let list = [
        ("shop", "a", HOST, ", subsets: [{name: v1, labels: {v: a}}, {name: v2, labels: {v: a}}]"),
        (
            "shop",
            "b",
            HOST,
            ", trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v2, labels: {v: b}}, {name: v3, labels: {v: b}}]",
        ),
        ("shop", "c", HOST, ", trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}"),
        ("shop", "d", HOST, ", exportTo: [web]"),
    ];
    check_lookup(&list, "shop", &["shop/a", "shop/b", "shop/c"]);
    let mut world = World::of(&rules(&list));
    let service = ServiceKey { host: Host::new(HOST), namespace: "shop".into() };
    let key = world.get::<RuleFor>(&RuleForKey { client: "shop".into(), service });
    let rule = world.get::<MergedRule>(key.as_ref().as_ref().expect("there is a rule"));
    let rule = rule.as_ref().as_ref().expect("its objects exist");
    let subsets: Vec<_> = rule.subsets.iter().map(|s| (&*s.name, s.origin.name.as_str())).collect();
    assert_eq!(subsets, [("v1", "a"), ("v2", "a"), ("v3", "b")]);
    assert_eq!(rule.policy.blocks.load_balancer, Some(LoadBalancer::Random));
}

#[test]
fn the_older_rule_comes_first_whatever_its_name() {
    let mut world = World::of(
        "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a, namespace: shop, creationTimestamp: '2024-01-02T00:00:00Z'}, spec: {host: a}}\n---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: z, namespace: shop, creationTimestamp: '2024-01-01T00:00:00Z'}, spec: {host: a}}",
    );
    let service = ServiceKey { host: Host::new(HOST), namespace: "shop".into() };
    let key = world.get::<RuleFor>(&RuleForKey { client: "web".into(), service });
    let names: Vec<&str> =
        key.iter().flat_map(|key| key.objects.iter().map(|object| object.name.as_str())).collect();
    assert_eq!(names, ["z", "a"]);
}

#[test]
fn the_choice_of_a_rule_does_not_change_with_its_policy() {
    let rule = |policy: &str| rules(&[("shop", "s", HOST, &format!(", trafficPolicy: {{{policy}}}"))]);
    let mut world = World::of(&rule("loadBalancer: {simple: RANDOM}"));
    let service = ServiceKey { host: Host::new(HOST), namespace: "shop".into() };
    let _lease = world.lease::<RuleFor>(&RuleForKey { client: "shop".into(), service });
    let settled = world.set(&rule("loadBalancer: {simple: ROUND_ROBIN}"));
    assert_eq!(settled.recomputed.get(RuleFor::NAME), None);
    assert_eq!(settled.recomputed.get(ResolvedDestinationRule::NAME), Some(&1));
}

#[test]
fn a_server_name_of_more_than_255_bytes_is_left_out() {
    let sni = "a".repeat(256);
    let (rule, errors) = with_errors(&format!("trafficPolicy: {{tls: {{mode: SIMPLE, sni: {sni}}}}}"));
    assert_eq!(rule.policy.blocks.tls, Some(UpstreamTls::Simple(UpstreamTlsSettings::default())));
    assert_eq!(errors, ["FL0243 spec.trafficPolicy.tls.sni"]);
}
