use fairlead_api::{OutboundTrafficPolicyMode, SidecarSpec};
use proptest::prelude::*;

use crate::{AnyConfig, Decoded, Severity, decode_file, decode_mesh_config, validate};

fn decode(kind: &str, spec: &str) -> Decoded {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: a, namespace: shop}}\nspec: {spec}\n"
    );
    decode_file("f.yaml", text.as_bytes())
}

/// Checks that an object with errors is the object `without` what they cost, and that the errors are at these paths.
#[track_caller]
fn check(kind: &str, spec: &str, without: &str, paths: &[&str]) {
    let (decoded, expected) = (decode(kind, spec), decode(kind, without));
    let shown: Vec<_> = decoded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(
        expected.diagnostics.iter().all(|d| d.severity != Severity::Error),
        "{:#?}",
        expected.diagnostics
    );
    assert_eq!(decoded.objects, expected.objects, "{shown:#?}");
    let errors = decoded.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    assert_eq!(errors.map(|error| error.path.to_string()).collect::<Vec<_>>(), paths, "{shown:#?}");
    assert!(decoded.diagnostics.iter().all(|found| found.position.is_some()), "{shown:#?}");
    assert!(decoded.rejected.is_empty());
}

#[track_caller]
fn check_lost(kind: &str, spec: &str, path: &str) {
    let decoded = decode(kind, spec);
    let shown: Vec<_> = decoded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(decoded.objects.is_empty() && decoded.rejected.len() == 1, "{shown:#?}");
    assert!(decoded.diagnostics.iter().any(|found| found.path.to_string() == path), "{shown:#?}");
}

const POLICY: &str = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";

#[test]
fn a_bad_egress_host_costs_that_host() {
    check(
        "Sidecar",
        &format!("{{egress: [{{hosts: [./*, 'a b', nsb/*, c, 7]}}], {POLICY}}}"),
        &format!("{{egress: [{{hosts: [./*, nsb/*]}}], {POLICY}}}"),
        &["spec.egress[0].hosts[4]", "spec.egress[0].hosts[1]", "spec.egress[0].hosts[3]"],
    );
}

#[test]
fn a_listener_that_loses_all_its_hosts_imports_nothing() {
    for hosts in ["[]", "['a b']", "[7]", "./*", "{}"] {
        let egress = format!("{{hosts: {hosts}}}");
        let decoded = decode("Sidecar", &format!("{{egress: [{egress}], {POLICY}}}"));
        let [AnyConfig::Sidecar(sidecar)] = decoded.objects.as_slice() else { panic!("{hosts}") };
        assert_eq!(sidecar.spec.egress[0].hosts, ["~/*"], "{hosts}");
    }
}

#[test]
fn a_sidecar_that_loses_all_its_listeners_imports_nothing() {
    let nothing = format!("{{egress: [{{hosts: [~/*]}}], {POLICY}}}");
    for (egress, path) in [
        ("[{port: {number: 70000}, hosts: [./*]}]", "spec.egress[0].port.number"),
        ("[{port: {number: '80'}, hosts: [./*]}]", "spec.egress[0].port.number"),
        ("[{port: {protocol: TCP}, hosts: [./*]}]", "spec.egress[0].port"),
        ("[{bind: 127.0.0.1}]", "spec.egress[0]"),
        ("{hosts: [./*]}", "spec.egress"),
    ] {
        check("Sidecar", &format!("{{egress: {egress}, {POLICY}}}"), &nothing, &[path]);
    }
}

#[test]
fn bad_fields_of_a_listener_cost_themselves() {
    let good = "{hosts: [./*]}";
    for (field, path) in
        [("bind: 127.0.0.300", "bind"), ("captureMode: NEVER", "captureMode"), ("hostz: [b/*]", "hostz")]
    {
        check(
            "Sidecar",
            &format!("{{egress: [{{{field}, hosts: [./*]}}], {POLICY}}}"),
            &format!("{{egress: [{good}], {POLICY}}}"),
            &[&format!("spec.egress[0].{path}")],
        );
    }
    check(
        "Sidecar",
        "{egress: [{port: {number: 80, protocol: HTPP, name: a}, hosts: [./*]}]}",
        "{egress: [{port: {number: 80, name: a}, hosts: [./*]}]}",
        &["spec.egress[0].port.protocol"],
    );
}

#[test]
fn bad_ingress_costs_no_egress() {
    let egress = format!("egress: [{{hosts: [./*]}}], {POLICY}");
    let good = "{port: {number: 81}}";
    for (listener, left, path) in [
        (
            "{port: {number: 80}, defaultEndpoint: 10.0.0.1:80}",
            Some("{port: {number: 80}}"),
            ".defaultEndpoint",
        ),
        ("{port: {number: 80}, bind: x}", Some("{port: {number: 80}}"), ".bind"),
        ("{port: {number: 0}}", None, ".port.number"),
        ("{defaultEndpoint: 127.0.0.1:80}", None, ""),
        ("{port: 80}", None, ".port"),
    ] {
        let left = left.map(|left| format!("{left}, ")).unwrap_or_default();
        check(
            "Sidecar",
            &format!("{{ingress: [{listener}, {good}], {egress}}}"),
            &format!("{{ingress: [{left}{good}], {egress}}}"),
            &[&format!("spec.ingress[0]{path}")],
        );
    }
}

#[test]
fn a_policy_that_cannot_be_read_opens_nothing() {
    for policy in ["{mode: REGISTRY-ONLY}", "{mod: REGISTRY_ONLY}", "REGISTRY_ONLY", "[REGISTRY_ONLY]"] {
        let decoded = decode("Sidecar", &format!("{{outboundTrafficPolicy: {policy}}}"));
        let [AnyConfig::Sidecar(sidecar)] = decoded.objects.as_slice() else { panic!("{policy}") };
        let mode =
            sidecar.spec.outbound_traffic_policy.as_ref().map(|policy| policy.mode.unwrap_or_default());
        assert_eq!(mode, Some(OutboundTrafficPolicyMode::RegistryOnly), "{policy}");
        let text = format!("outboundTrafficPolicy: {policy}\naccessLogFile: /dev/stdout\n");
        let (config, findings) = decode_mesh_config("mesh", text.as_bytes());
        let config = config.unwrap();
        let mode = config.outbound_traffic_policy.map(|policy| policy.mode.unwrap_or_default());
        assert_eq!(mode, Some(fairlead_api::MeshOutboundTrafficPolicyMode::RegistryOnly), "{policy}");
        assert_eq!((config.access_log_file.as_deref(), findings.len()), (Some("/dev/stdout"), 1));
    }
}

#[test]
fn a_selector_that_cannot_be_read_costs_the_object() {
    check_lost(
        "Sidecar",
        &format!("{{workloadSelector: {{matchLabels: {{app: a}}}}, {POLICY}}}"),
        "spec.workloadSelector.matchLabels",
    );
    check_lost(
        "DestinationRule",
        "{host: a, workloadSelector: {matchLabels: {'a b': c}}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}",
        "spec.workloadSelector.matchLabels[a b]",
    );
    check_lost("DestinationRule", "{hosts: a, subsets: [{name: a}]}", "spec.hosts");
    check_lost("DestinationRule", "{host: a_b}", "spec.host");
    check_lost("DestinationRule", "[{host: a}]", "spec");
}

#[test]
fn bad_fields_of_a_traffic_policy_cost_themselves() {
    let subsets = "subsets: [{name: v1, labels: {version: v1}}]";
    for (policy, left, path) in [
        (
            "connectionPool: {tcp: {maxConnections: many, connectTimeout: 1s}}",
            "connectionPool: {tcp: {connectTimeout: 1s}}",
            ".connectionPool.tcp.maxConnections",
        ),
        (
            "connectionPool: {tcp: {maxConnections: -1, connectTimeout: 1s}}",
            "connectionPool: {tcp: {connectTimeout: 1s}}",
            ".connectionPool.tcp.maxConnections",
        ),
        (
            "outlierDetection: {maxEjectionPercent: 101, interval: 1s}",
            "outlierDetection: {interval: 1s}",
            ".outlierDetection.maxEjectionPercent",
        ),
        (
            "loadBalancer: {simple: ROUND}, outlierDetection: {}",
            "loadBalancer: {}, outlierDetection: {}",
            ".loadBalancer.simple",
        ),
        (
            "loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}",
            "loadBalancer: {simple: RANDOM}",
            ".loadBalancer.consistentHash",
        ),
        ("outlierDetection: {}, tls: {mode: SIMPEL, sni: a.com}", "outlierDetection: {}", ".tls.mode"),
        ("outlierDetection: {}, tls: {mode: MUTUAL, clientCertificate: /c}", "outlierDetection: {}", ".tls"),
        (
            "outlierDetection: {}, portLevelSettings: [{port: {number: 0}}, {port: {number: 80}, outlierDetection: {}}]",
            "outlierDetection: {}, portLevelSettings: [{port: {number: 80}, outlierDetection: {}}]",
            ".portLevelSettings[0].port.number",
        ),
    ] {
        check(
            "DestinationRule",
            &format!("{{host: a, trafficPolicy: {{{policy}}}, {subsets}}}"),
            &format!("{{host: a, trafficPolicy: {{{left}}}, {subsets}}}"),
            &[&format!("spec.trafficPolicy{path}")],
        );
    }
    check(
        "DestinationRule",
        &format!("{{host: a, trafficPolicy: {{}}, {subsets}}}"),
        &format!("{{host: a, {subsets}}}"),
        &["spec.trafficPolicy"],
    );
}

#[test]
fn a_bad_subset_costs_that_subset_and_its_policy_only_itself() {
    let good = "{name: v2, labels: {version: v2}}";
    for (subset, path) in [
        ("{name: v1, labels: {version: 1}}", ".labels[version]"),
        ("{name: v1, labels: {version: 'a b'}}", ".labels[version]"),
        ("{name: v1, label: {version: v1}}", ".label"),
        ("{name: v_1, labels: {version: v1}}", ".name"),
        ("v1", ""),
    ] {
        check(
            "DestinationRule",
            &format!("{{host: a, subsets: [{subset}, {good}]}}"),
            &format!("{{host: a, subsets: [{good}]}}"),
            &[&format!("spec.subsets[0]{path}")],
        );
    }
    check(
        "DestinationRule",
        "{host: a, subsets: [{name: v1, trafficPolicy: {loadBalancer: {simple: X}, outlierDetection: {}}}]}",
        "{host: a, subsets: [{name: v1, trafficPolicy: {loadBalancer: {}, outlierDetection: {}}}]}",
        &["spec.subsets[0].trafficPolicy.loadBalancer.simple"],
    );
}

#[test]
fn a_rule_whose_export_cannot_be_read_stays_in_its_namespace() {
    for export_to in ["['a b']", "'*'", "[7]"] {
        let decoded = decode("DestinationRule", &format!("{{host: a, exportTo: {export_to}}}"));
        let [AnyConfig::DestinationRule(rule)] = decoded.objects.as_slice() else { panic!("{export_to}") };
        assert_eq!(rule.spec.export_to, ["."], "{export_to}");
    }
    check(
        "DestinationRule",
        "{host: a, exportTo: [web, 'a b']}",
        "{host: a, exportTo: [web]}",
        &["spec.exportTo[1]"],
    );
}

#[test]
fn findings_of_later_stages_have_the_numbers_of_the_file() {
    let decoded = decode("Sidecar", "{egress: [{hosts: [a, b, ./*, '*/x.com']}]}");
    let mut found = crate::Diagnostics::on_object(decoded.objects[0].key());
    found.warn(crate::Code::UnknownEgressHost, crate::path!("egress"[0]."hosts"[1]), "unknown");
    let found = found.located(decoded.objects[0].read_from());
    assert_eq!(found[0].path.to_string(), "spec.egress[0].hosts[3]");
    assert_eq!(found[0].position.as_ref().map(|at| at.column), Some(37));
}

#[test]
fn bad_fields_of_a_mesh_config_cost_themselves() {
    let text = "connectTimeout: fast\naccessLogEncoding: YAML\nproxyListenPort: '15001'\ntrustDomian: a\n\
        outboundTrafficPolicy: {mode: REGISTRY_ONLY}\ndefaultServiceExportTo: '*'\n\
        localityLbSetting: {enabled: maybe, failover: [{from: a, to: b}]}\n";
    let (config, findings) = decode_mesh_config("mesh", text.as_bytes());
    let without = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}\ndefaultServiceExportTo: ['.']\n\
        localityLbSetting: {failover: [{from: a, to: b}]}\n";
    assert_eq!(config, decode_mesh_config("mesh", without.as_bytes()).0);
    assert_eq!(findings.len(), 6, "{findings:#?}");
    assert!(decode_mesh_config("mesh", b"just text").0.is_none());
    assert!(decode_mesh_config("mesh", b"a: [").0.is_none());
}

/// Fields of a Sidecar, good and bad.
const FIELDS: &[&str] = &[
    "egress: [{hosts: [./*]}]",
    "egress: [{hosts: [./*, x]}, {hosts: [b/*]}]",
    "egress: [{port: {number: 0}, hosts: [a/*]}, {port: {number: 80, protocol: X}, hosts: ['*/*', 1]}]",
    "egress: [{bind: 'unix://x', hosts: [./*]}, {bind: 'unix:///x', port: {protocol: HTTP}, captureMode: IPTABLES, hosts: [./*]}]",
    "egress: [{port: {number: 80}, hosts: [./*]}, {port: {number: 80}, hosts: []}, 7]",
    "egress: x",
    "ingress: [{port: {number: 80}, defaultEndpoint: x}, {port: {number: 80}}]",
    "ingress: [{port: {number: x}}, {bind: y}]",
    "ingress: [{port: {number: 90}, connectionPool: {tcp: {maxConnections: -1}}, tls: {mode: MUTUAL}}]",
    "inboundConnectionPool: {http: {maxRetries: -1, idleTimeout: 0s}}",
    "inboundConnectionPool: {}",
    "unknown: {a: [b]}",
    "workloadSelector: {labels: {app: a}}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn registry_only_is_not_lost_by_another_field(picked in prop::collection::btree_set(0..FIELDS.len(), 0..5)) {
        let mut names = std::collections::BTreeSet::new();
        let fields = picked.iter().map(|at| FIELDS[*at]).filter(|field| names.insert(field.split(':').next()));
        let spec = fields.chain([POLICY]).collect::<Vec<_>>().join(", ");
        let decoded = decode("Sidecar", &format!("{{{spec}}}"));
        prop_assert_eq!(decoded.objects.len(), 1, "{:#?}", decoded.diagnostics);
        let object = &decoded.objects[0];
        let AnyConfig::Sidecar(sidecar) = object else { panic!("a Sidecar") };
        let SidecarSpec { egress, outbound_traffic_policy, .. } = &*sidecar.spec;
        let mode = outbound_traffic_policy.as_ref().and_then(|policy| policy.mode);
        prop_assert_eq!(mode, Some(OutboundTrafficPolicyMode::RegistryOnly));
        // What narrows is not lost as a whole, and what is left has no error.
        prop_assert_eq!(egress.is_empty(), !spec.contains("egress:"));
        let found = validate::validate(object);
        prop_assert!(found.iter().all(|found| found.severity != Severity::Error), "{found:#?}");
    }
}
