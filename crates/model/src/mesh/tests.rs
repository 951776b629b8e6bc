use std::fmt::Write as _;

use fairlead_config::{Config, Severity, api};

use super::*;
use crate::{routes::Retries, testing::World};

/// The MeshConfig `text` in its ConfigMap.
fn config_map(text: &str) -> String {
    let mut yaml =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n".to_owned();
    yaml.push_str("data:\n  mesh: |\n");
    for line in text.lines() {
        writeln!(yaml, "    {line}").unwrap();
    }
    yaml
}

fn mesh(text: &str) -> Mesh {
    let mut world = World::of(&config_map(text));
    let diagnostics = world.get::<MeshDiagnostics>(&());
    assert!(diagnostics.iter().all(|found| found.severity == Severity::Info), "{diagnostics:?}");
    (*world.get::<ResolvedMesh>(&())).clone()
}

fn diagnostics(text: &str) -> Vec<String> {
    let mut world = World::of(&config_map(text));
    world.get::<MeshDiagnostics>(&()).iter().map(ToString::to_string).collect()
}

fn default_mesh() -> Mesh {
    Mesh::new(&Settings::default())
}

#[test]
fn defaults_hold_without_a_mesh_config() {
    let mut world = World::of("");
    assert_eq!(*world.get::<ResolvedMesh>(&()), default_mesh());
    assert_eq!(default_mesh().connect_timeout, Duration::from_secs(10));
    assert_eq!(default_mesh().outbound_policy, OutboundTrafficPolicy::AllowAny);
    assert!(default_mesh().locality_lb.enabled);
}

#[test]
fn an_empty_mesh_config_is_the_default() {
    assert_eq!(mesh("# nothing"), default_mesh());
}

#[test]
fn fields_replace_their_defaults() {
    let mesh = mesh(
        "connectTimeout: 3s\nproxyHttpPort: 15002\ntrustDomain: example.org\naccessLogFile: /dev/stdout\n\
         accessLogEncoding: JSON\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}\n\
         inboundTrafficPolicy: {mode: LOCALHOST}\ntcpKeepalive: {time: 60s}\n\
         defaultServiceExportTo: ['.']\ndefaultDestinationRuleExportTo: [team]\n",
    );
    let expected = Mesh {
        connect_timeout: Duration::from_secs(3),
        http_proxy_port: Some(15002),
        trust_domain: "example.org".into(),
        access_log_file: Some("/dev/stdout".into()),
        access_log_format: AccessLogFormat::Json(None),
        outbound_policy: OutboundTrafficPolicy::RegistryOnly,
        inbound_localhost: true,
        tcp_keepalive: Some(TcpKeepalive { time: Some(Duration::from_secs(60)), ..TcpKeepalive::default() }),
        default_service_export_to: Visibility::Namespaces(vec![".".into()]),
        default_destination_rule_export_to: Visibility::Namespaces(vec!["team".into()]),
        ..default_mesh()
    };
    assert_eq!(mesh, expected);
}

#[test]
fn policies_of_the_mesh_are_resolved() {
    let mesh = mesh(
        "localityLbSetting: {enabled: false}\n\
         defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}\n\
         defaultHttpRetryPolicy: {attempts: 4, retryOn: 5xx}\n",
    );
    assert!(!mesh.locality_lb.enabled);
    let pool = mesh.default_policy.connection_pool.unwrap();
    assert_eq!((pool.max_connections, mesh.default_policy.outlier_detection), (Some(7), None));
    let expected = Retries {
        attempts: 4,
        per_try_timeout: None,
        retry_on: Some("5xx".into()),
        remote_localities: false,
        ignore_previous_hosts: true,
        backoff: None,
    };
    assert_eq!(mesh.default_retries, Some(expected));
}

#[test]
fn outbound_policy_without_a_mode_is_registry_only() {
    assert_eq!(mesh("outboundTrafficPolicy: {}").outbound_policy, OutboundTrafficPolicy::RegistryOnly);
}

#[test]
fn bad_values_leave_the_default_and_are_told() {
    let text = "proxyListenPort: 70000\nconnectTimeout: 0s\naccessLogFile: /dev/stdout\n";
    let mut world = World::of(&config_map(text));
    let mesh = world.get::<ResolvedMesh>(&());
    assert_eq!((mesh.outbound_port, mesh.connect_timeout), (15001, Duration::from_secs(10)));
    assert_eq!(mesh.access_log_file.as_deref(), Some("/dev/stdout"));
    let [port, timeout] = &diagnostics(text)[..] else { panic!("{:?}", diagnostics(text)) };
    assert!(port.contains("FL0203") && port.contains("data[mesh].proxyListenPort"), "{port}");
    assert!(timeout.contains("FL0209") && timeout.contains("ConfigMap istio-system/istio"), "{timeout}");
}

#[test]
fn a_misspelt_field_is_told_with_its_line() {
    let found = diagnostics("accessLogFile: /dev/stdout\nconectTimeout: 3s\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("line 2 of the mesh configuration") && found[0].contains("FL01"), "{found:?}");
}

#[test]
fn a_bad_field_costs_that_field_alone() {
    let text = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}\nmeshMtls: {minProtocolVersion: TLSV1_3}\nconnectTimeout: soon\n";
    let mut world = World::of(&config_map(text));
    let mesh = world.get::<ResolvedMesh>(&());
    assert_eq!(mesh.outbound_policy, OutboundTrafficPolicy::RegistryOnly);
    let found = diagnostics(text);
    assert!(found.len() == 2 && found.iter().any(|one| one.contains("did you mean `meshMTLS`")), "{found:?}");
}

#[test]
fn the_minimum_version_of_mesh_tls_is_known_by_its_name() {
    let found = diagnostics("meshMTLS: {minProtocolVersion: TLSV1_3}");
    assert!(
        found.len() == 1 && found[0].contains("`meshMTLS` is accepted but has no effect yet"),
        "{found:?}"
    );
}

#[test]
fn another_root_namespace_has_no_effect() {
    let found = diagnostics("rootNamespace: elsewhere");
    assert!(found.len() == 1 && found[0].contains("`istio-system`"), "{found:?}");
    assert!(diagnostics("rootNamespace: istio-system").is_empty());
}

#[test]
fn only_the_config_map_of_the_root_namespace_counts() {
    let text = config_map("connectTimeout: 3s").replace("istio-system", "default");
    assert_eq!(*World::of(&text).get::<ResolvedMesh>(&()), default_mesh());
}

#[test]
fn a_format_of_access_logs_that_envoy_cannot_read_leaves_the_default() {
    let text = "accessLogFile: /dev/stdout\naccessLogFormat: '[%START_TIME%] %BOGUS%'\nproxyHttpPort: 15002";
    let mut world = World::of(&config_map(text));
    let mesh = world.get::<ResolvedMesh>(&());
    assert_eq!((&mesh.access_log_format, mesh.http_proxy_port), (&AccessLogFormat::Text(None), Some(15_002)));
    let found = diagnostics(text);
    assert!(found.len() == 1 && found[0].contains("FL0244") && found[0].contains("BOGUS"), "{found:?}");
    assert!(mesh_is("accessLogFormat: '%REQ(:path)% 100%%'", "%REQ(:path)% 100%%\n"));
}

fn mesh_is(text: &str, format: &str) -> bool {
    mesh(text).access_log_format == AccessLogFormat::Text(Some(format.into()))
}

#[test]
fn a_format_of_access_logs_gets_the_line_break_that_it_lacks() {
    assert!(mesh_is("accessLogFormat: 'a'", "a\n"));
    assert!(mesh_is("accessLogFormat: \"a\\n\"", "a\n"));
    assert!(mesh_is("accessLogFormat: \"a\\n\\n\"", "a\n\n"));
}

#[test]
fn a_format_of_access_logs_in_json_is_used_or_told() {
    let text = |format: &str| format!("accessLogEncoding: JSON\naccessLogFormat: '{format}'");
    let AccessLogFormat::Json(Some(fields)) =
        mesh(&text(r#"{"a": {"b": "%PROTOCOL%"}, "n": 1}"#)).access_log_format
    else {
        panic!("no fields")
    };
    assert_eq!(serde_json::to_string(&fields).unwrap(), r#"{"a":{"b":"%PROTOCOL%"},"n":1}"#);
    assert_eq!(mesh(&text("{}")).access_log_format, AccessLogFormat::Json(None));
    let refuse = |format: &str, why: &str| {
        let found = diagnostics(&text(format));
        assert!(
            found.len() == 1 && found[0].contains("FL0244") && found[0].contains(why),
            "{format}: {found:?}"
        );
        let mut world = World::of(&config_map(&text(format)));
        assert_eq!(world.get::<ResolvedMesh>(&()).access_log_format, AccessLogFormat::Json(None));
    };
    refuse("[%START_TIME%] %PROTOCOL%", "not JSON");
    refuse(r#"["%PROTOCOL%"]"#, "not a JSON object");
    refuse(r#"{"a": [{"b": "%BOGUS%"}]}"#, "`a[0].b`");
}

#[test]
fn an_access_log_is_no_directory() {
    for path in ["/", "/var/log/", "/var/log/.", "..", "a/.."] {
        let text = format!("accessLogFile: {path}\ndnsRefreshRate: 7s");
        let found = diagnostics(&text);
        assert!(found.len() == 1 && found[0].contains("directory"), "{path}: {found:?}");
        let mut world = World::of(&config_map(&text));
        let mesh = world.get::<ResolvedMesh>(&());
        assert_eq!((&mesh.access_log_file, mesh.dns_refresh_rate), (&None, Duration::from_secs(7)), "{path}");
    }
    assert_eq!(mesh("accessLogFile: logs/a..").access_log_file.as_deref(), Some("logs/a.."));
}

#[test]
fn a_mesh_configuration_that_cannot_be_read_blocks_what_is_not_known() {
    for text in ["- a", "some text"] {
        let decoded = fairlead_config::decode_mesh_config("mesh", text.as_bytes());
        assert!(decoded.0.is_none());
        let object = Config::new(
            ConfigKey::new(Kind::ConfigMap, "istio-system", "istio"),
            api::ConfigMap { data: [("mesh".to_owned(), text.to_owned())].into() },
        );
        let (mesh, found) = resolve(&Settings::default(), Some(&object));
        let expected = Mesh { outbound_policy: OutboundTrafficPolicy::RegistryOnly, ..default_mesh() };
        assert_eq!(mesh, expected);
        assert!(!found.is_empty());
    }
}

#[test]
fn names_are_not_looked_up_every_millisecond() {
    let found = diagnostics("dnsRefreshRate: 1ms");
    assert!(found.len() == 1 && found[0].contains("FL0209"), "{found:?}");
    assert_eq!(mesh("dnsRefreshRate: 2ms").dns_refresh_rate, Duration::from_millis(2));
}

#[test]
fn ports_of_the_proxy_are_not_shared() {
    let ports = |text| {
        let mut world = World::of(&config_map(text));
        let mesh = world.get::<ResolvedMesh>(&());
        (mesh.outbound_port, mesh.inbound_port, mesh.http_proxy_port, diagnostics(text))
    };
    let told =
        |found: &[String], at: &str| found.len() == 1 && found[0].contains(&format!("data[mesh].{at}"));
    let (outbound, inbound, _, found) = ports("proxyListenPort: 80\nproxyInboundListenPort: 80\n");
    assert_eq!((outbound, inbound), (15001, 15006));
    assert!(told(&found, "proxyInboundListenPort"), "{found:?}");
    let (outbound, inbound, _, found) = ports("proxyListenPort: 15006\n");
    assert_eq!((outbound, inbound), (15001, 15006));
    assert!(told(&found, "proxyListenPort"), "{found:?}");
    let (_, inbound, http, found) = ports("proxyInboundListenPort: 9000\nproxyHttpPort: 9000\n");
    assert_eq!((inbound, http), (9000, None));
    assert!(told(&found, "proxyHttpPort"), "{found:?}");
    let swapped = ports("proxyListenPort: 15006\nproxyInboundListenPort: 15001\nproxyHttpPort: 15002\n");
    assert_eq!(swapped, (15006, 15001, Some(15002), Vec::new()));
}
