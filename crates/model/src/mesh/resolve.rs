//! Applies a MeshConfig over the defaults.

use std::{sync::Arc, time::Duration};

use fairlead_config::{
    Code, Config, ConfigKey, Diagnostic, Diagnostics, FieldPath, Segment, Subject,
    api::{self, MeshOutboundTrafficPolicyMode, ProtoDuration},
    decode_mesh_config, format_string,
};

use super::{AccessLogFormat, Mesh, Settings};
use crate::{
    destination_rule::{
        PolicyBlocks,
        blocks::{connection_pool, locality_lb, outlier_detection, tcp_keepalive},
    },
    service::Visibility,
    sidecar::OutboundTrafficPolicy,
    virtual_service::http::retries,
    workload_entry::port_number,
};

/// The key of the ConfigMap that holds the MeshConfig.
const KEY: &str = "mesh";

/// Resolves the MeshConfig in a ConfigMap, with findings.
///
/// A MeshConfig that cannot be decoded may ask for `REGISTRY_ONLY`, so that applies, the safe choice; for the rest the
/// defaults do.
pub fn resolve(settings: &Settings, object: Option<&Config<api::ConfigMap>>) -> (Mesh, Vec<Diagnostic>) {
    let mut mesh = Mesh::new(settings);
    let Some((object, text)) = object.and_then(|object| Some((object, object.spec.data.get(KEY)?))) else {
        return (mesh, Vec::new());
    };
    let (config, decoding) = decode_mesh_config(KEY, text.as_bytes());
    let mut diagnostics = Diagnostics::on_object(&object.key);
    match config {
        Some(config) => apply(&config, &mut mesh, &mut diagnostics),
        None => mesh.outbound_policy = OutboundTrafficPolicy::RegistryOnly,
    }
    let decoding = decoding.into_iter().map(|diagnostic| embedded(diagnostic, &object.key));
    let mut diagnostics: Vec<Diagnostic> = decoding.chain(diagnostics.into_vec()).collect();
    for diagnostic in &mut diagnostics {
        diagnostic.locate(&object.read_from);
    }
    (mesh, diagnostics)
}

/// Mirrors istio pkg/config/mesh/mesh.go (ApplyMeshConfig).
fn apply(config: &api::MeshConfig, mesh: &mut Mesh, diagnostics: &mut Diagnostics) {
    apply_ports(config, mesh, diagnostics);
    set(&mut mesh.connect_timeout, positive(config.connect_timeout, "connectTimeout", diagnostics));
    set(&mut mesh.dns_refresh_rate, dns_refresh_rate(config, diagnostics));
    set(&mut mesh.protocol_detection_timeout, config.protocol_detection_timeout.map(Duration::from));
    mesh.tcp_keepalive = config.tcp_keepalive.as_ref().map(tcp_keepalive);
    set(&mut mesh.locality_lb, config.locality_lb_setting.as_ref().map(locality_lb));
    mesh.default_retries = config.default_http_retry_policy.as_ref().map(retries);
    if let Some(policy) = &config.default_traffic_policy {
        mesh.default_policy = PolicyBlocks {
            connection_pool: policy.connection_pool.as_ref().map(connection_pool),
            outlier_detection: policy.outlier_detection.as_ref().map(outlier_detection),
            ..PolicyBlocks::default()
        };
    }
    apply_traffic_modes(config, mesh, diagnostics);
    set(&mut mesh.trust_domain, text(config.trust_domain.as_deref()));
    mesh.access_log_file = access_log_file(config, diagnostics);
    mesh.access_log_format = access_log_format(config, diagnostics);
    set(&mut mesh.default_service_export_to, export_to(&config.default_service_export_to));
    set(&mut mesh.default_virtual_service_export_to, export_to(&config.default_virtual_service_export_to));
    set(&mut mesh.default_destination_rule_export_to, export_to(&config.default_destination_rule_export_to));
    compare_root(config, mesh, diagnostics);
}

/// The ports that proxies themselves listen on. They must differ: Envoy refuses two listeners on one address.
fn apply_ports(config: &api::MeshConfig, mesh: &mut Mesh, diagnostics: &mut Diagnostics) {
    let defaults = (mesh.outbound_port, mesh.inbound_port);
    let inbound = port(config.proxy_inbound_listen_port, "proxyInboundListenPort", diagnostics);
    set(&mut mesh.outbound_port, port(config.proxy_listen_port, "proxyListenPort", diagnostics));
    set(&mut mesh.inbound_port, inbound);
    if mesh.outbound_port == mesh.inbound_port {
        let name = if inbound.is_some() { "proxyInboundListenPort" } else { "proxyListenPort" };
        let message = format!(
            "outbound and inbound traffic cannot both come to port {}; the default ports are used",
            mesh.outbound_port
        );
        diagnostics.error(Code::BadPort, field(name), message);
        (mesh.outbound_port, mesh.inbound_port) = defaults;
    }
    mesh.http_proxy_port = port(config.proxy_http_port, "proxyHttpPort", diagnostics);
    if let Some(taken) = mesh.http_proxy_port.filter(|p| [mesh.outbound_port, mesh.inbound_port].contains(p))
    {
        let message = format!("redirected traffic comes to port {taken}; no HTTP proxy listens");
        diagnostics.error(Code::BadPort, field("proxyHttpPort"), message);
        mesh.http_proxy_port = None;
    }
}

/// The DNS refresh rate. Envoy refuses every DNS cluster with a lower rate than its minimum.
fn dns_refresh_rate(config: &api::MeshConfig, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let rate = positive(config.dns_refresh_rate, "dnsRefreshRate", diagnostics)?;
    if rate <= Duration::from_millis(1) {
        let message = "names cannot be looked up every millisecond; the default rate is used";
        diagnostics.error(Code::DurationOutOfRange, field("dnsRefreshRate"), message);
        return None;
    }
    Some(rate)
}

/// The access log file; `None`, with a finding, if the path is certainly a directory. Other mistakes cannot be seen
/// here, and Envoy refuses every listener whose file it cannot open.
fn access_log_file(config: &api::MeshConfig, diagnostics: &mut Diagnostics) -> Option<Arc<str>> {
    let path = text(config.access_log_file.as_deref())?;
    let is_directory = matches!(path.rsplit('/').next(), None | Some("" | "." | ".."));
    if is_directory {
        let message = format!("`{path}` is a directory, which Envoy cannot open; nothing is logged");
        let found = diagnostics.error(Code::BadName, field("accessLogFile"), message);
        found.help("name a file in a directory that each proxy has, or `/dev/stdout`");
        return None;
    }
    Some(path)
}

/// The access log format; the default one, with a finding, if Envoy would refuse it, which it does for every listener.
///
/// A missing line break is added. Mirrors istio pilot/pkg/model/telemetry_logging.go (fileAccessLogFormat,
/// buildFileAccessLogHelper).
fn access_log_format(config: &api::MeshConfig, diagnostics: &mut Diagnostics) -> AccessLogFormat {
    let given = text(config.access_log_format.as_deref());
    let mut refuse = |why: &str, help: &'static str| {
        let message = format!("Envoy cannot read the format: {why}; the default one is used");
        diagnostics.error(Code::BadFormat, field("accessLogFormat"), message).help(help);
    };
    if config.access_log_encoding == Some(api::AccessLogEncoding::Json) {
        let fields = given.and_then(|format| {
            let told = |why: &String| {
                refuse(
                    why,
                    "with the encoding JSON it is an object, and its texts have the operators of access logs",
                );
            };
            format_string::access_log_json(&format).inspect_err(told).ok()
        });
        return AccessLogFormat::Json(fields.filter(|fields| !fields.is_empty()).map(Arc::new));
    }
    AccessLogFormat::Text(given.and_then(|format| {
        if let Err(why) = format_string::access_log(&format) {
            refuse(&why, "write %% for a percent sign; the operators are those of Envoy's access logs");
            return None;
        }
        Some(if format.ends_with('\n') { format } else { format!("{format}\n").into() })
    }))
}

fn apply_traffic_modes(config: &api::MeshConfig, mesh: &mut Mesh, diagnostics: &mut Diagnostics) {
    if let Some(policy) = &config.outbound_traffic_policy {
        mesh.outbound_policy = match policy.mode.unwrap_or_default() {
            MeshOutboundTrafficPolicyMode::RegistryOnly => OutboundTrafficPolicy::RegistryOnly,
            MeshOutboundTrafficPolicyMode::AllowAny => OutboundTrafficPolicy::AllowAny,
            MeshOutboundTrafficPolicyMode::AllowAnyDynamicDns => {
                let path = field("outboundTrafficPolicy").field("mode");
                let message = "ALLOW_ANY_DYNAMIC_DNS is treated as ALLOW_ANY";
                diagnostics.warn(Code::ValueNotTranslated, path, message);
                OutboundTrafficPolicy::AllowAny
            }
        };
    }
    if let Some(policy) = &config.inbound_traffic_policy {
        mesh.inbound_localhost = policy.mode == Some(api::MeshInboundTrafficPolicyMode::Localhost);
    }
}

/// Reports a `rootNamespace` that differs: it decides where the MeshConfig is looked for, so the MeshConfig cannot
/// change it.
fn compare_root(config: &api::MeshConfig, mesh: &Mesh, diagnostics: &mut Diagnostics) {
    if let Some(root) = text(config.root_namespace.as_deref())
        && mesh.root_namespace != *root
    {
        let message =
            format!("the root namespace is `{}`, as the control plane was told", mesh.root_namespace);
        diagnostics.warn(Code::NoEffect, field("rootNamespace"), message);
    }
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

/// A port; 0 is the same as absent.
fn port(given: Option<u32>, name: &'static str, diagnostics: &mut Diagnostics) -> Option<u16> {
    let number = given.filter(|number| *number > 0)?;
    let port = port_number(number);
    if port.is_none() {
        diagnostics.error(Code::BadPort, field(name), format!("{number} is not between 1 and 65535"));
    }
    port
}

fn positive(
    given: Option<ProtoDuration>,
    name: &'static str,
    diagnostics: &mut Diagnostics,
) -> Option<Duration> {
    let duration = given?.0;
    if duration.is_zero() {
        diagnostics.error(Code::DurationOutOfRange, field(name), "the duration must be longer than 0s");
        return None;
    }
    Some(duration)
}

fn text(given: Option<&str>) -> Option<Arc<str>> {
    given.filter(|text| !text.is_empty()).map(Arc::from)
}

fn export_to(entries: &[String]) -> Option<Visibility> {
    Visibility::parse(entries.iter().map(String::as_str))
}

/// A field of the MeshConfig, as a part of its ConfigMap.
fn field(name: &'static str) -> FieldPath {
    FieldPath::root().field("data").key(KEY).field(name)
}

/// Turns a finding about the text of a MeshConfig into one about its ConfigMap. Positions within the text mean nothing
/// in the file, so they are replaced with that of the text.
fn embedded(diagnostic: Diagnostic, object: &ConfigKey) -> Diagnostic {
    let mut path = FieldPath::root().field("data").key(KEY);
    for segment in diagnostic.path.segments() {
        path = match segment {
            Segment::Field(name) => path.field(name.clone()),
            Segment::Index(index) => path.index(*index),
            Segment::Key(key) => path.key(key.clone()),
        };
    }
    let message = match &diagnostic.position {
        Some(position) => format!("line {} of the mesh configuration: {}", position.line, diagnostic.message),
        None => diagnostic.message,
    };
    Diagnostic { on: Subject::Object(object.clone()), path, position: None, message, ..diagnostic }
}
