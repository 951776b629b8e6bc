//! Rules for `Gateway`.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/gateway/>

use std::collections::BTreeSet;

use fairlead_api::{GatewaySpec, Server, ServerTlsSettings};

use crate::{Code, Diagnostics, FieldPath, path, printable::shown, syntax};

use super::{
    address,
    host::{self, HostForm},
    labels, port, tls,
};

pub(super) fn check(spec: &GatewaySpec, found: &mut Diagnostics) {
    if spec.selector.is_empty() {
        let text = "without a selector the object applies to every gateway proxy";
        found.warn(Code::BadSelector, path!(), text).help("write selector: {istio: ingressgateway}");
    }
    labels::check(&spec.selector, Code::BadSelector, &path!("selector"), found);
    if spec.servers.is_empty() {
        found.error(Code::EmptyValue, path!("servers"), "the object has no servers");
    }
    let mut names = BTreeSet::new();
    for (index, server) in spec.servers.iter().enumerate() {
        check_server(server, &path!("servers"[index]), found);
        if !names.insert(&server.port.name) {
            let text = format!("the port name `{}` appears twice", shown(&server.port.name));
            found.error(Code::DuplicateName, path!("servers"[index]."port"."name"), text).help("rename one");
        }
    }
}

fn check_server(server: &Server, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    let socket = server.bind.as_deref().and_then(|bind| bind.strip_prefix("unix://"));
    // A Unix socket has no port; Istio's documentation has 0 written there.
    if socket.is_none() || server.port.number != 0 {
        port::number(server.port.number, at("port").field("number"), found);
    }
    port::protocol(&server.port.protocol, at("port").field("protocol"), found);
    if server.port.name.is_empty() {
        found.error(Code::EmptyValue, at("port").field("name"), "the name of the port is empty");
    }
    match (socket, server.bind.as_deref().filter(|bind| !bind.is_empty())) {
        (Some(socket), _) => address::socket(socket, at("bind"), found),
        (None, Some(bind)) => address::bind(bind, at("bind"), found),
        (None, None) => {}
    }
    if server.hosts.is_empty() {
        found
            .error(Code::EmptyValue, at("hosts"), "the server has no hosts")
            .help("write [\"*\"] for any host");
    }
    for (index, name) in server.hosts.iter().enumerate() {
        check_host(name, at("hosts").index(index), found);
    }
    check_tls(server, path, found);
}

/// Checks `host` or `namespace/host`.
fn check_host(text: &str, path: FieldPath, found: &mut Diagnostics) {
    let name = match text.split_once('/') {
        Some((namespace, name)) => {
            if !matches!(namespace, "." | "*" | "~")
                && let Err(why) = syntax::label(namespace)
            {
                let text = format!("`{}` is not a namespace: {why}", shown(namespace));
                found.error(Code::BadHost, path.clone(), text).help("write namespace/host, ./host or */host");
            }
            name
        }
        None => text,
    };
    host::check(name, HostForm::WildcardOrAddress, path, found);
}

fn check_tls(server: &Server, path: &FieldPath, found: &mut Diagnostics) {
    let path = path.clone().field("tls");
    let protocol = &server.port.protocol;
    match &server.tls {
        None if port::is_tls(protocol) => {
            let text = format!("a port of protocol {} needs `tls`", shown(protocol));
            found.error(Code::TlsMismatch, path, text).help("write tls: {mode: SIMPLE, credentialName: ...}");
        }
        None => {}
        Some(settings) if port::is_tls(protocol) => {
            if settings.https_redirect {
                let text = "`httpsRedirect` has no effect on a port that is HTTPS already";
                found.warn(Code::NoEffect, path.clone().field("httpsRedirect"), text);
            }
            tls::server(settings, &path, found);
        }
        Some(settings) => {
            let redirect_only = ServerTlsSettings { https_redirect: true, ..ServerTlsSettings::default() };
            if *settings != redirect_only && *settings != ServerTlsSettings::default() {
                let text = format!("a port of protocol {} does not take TLS settings", shown(protocol));
                found
                    .error(Code::TlsMismatch, path, text)
                    .help("write protocol: HTTPS or TLS, or keep only `httpsRedirect`");
            } else if settings.https_redirect && !port::is_http(protocol) {
                let text = "only HTTP can be redirected to HTTPS";
                found.warn(Code::NoEffect, path.field("httpsRedirect"), text);
            }
        }
    }
}
