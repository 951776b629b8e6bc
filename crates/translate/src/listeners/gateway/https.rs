//! The filter chains of servers that speak HTTP within the TLS that they terminate.
//!
//! There may be thousands in a listener.

use std::{cell::RefCell, collections::BTreeMap};

use envoy_types::pb::envoy::config::{core::v3::TransportSocket, listener::v3::Filter};
use fairlead_envoy::{
    http::ManagerTemplate,
    listener::{ChainElement, ChainSecrets, filter_chain},
    tls::{
        Certificate, CommonTls, TlsProtocol, TlsSettings, Validation, downstream_tls, downstream_tls_context,
    },
};
use fairlead_model::{
    Host, Protocol,
    gateway::{
        ClientCa, ClientValidation, DownstreamTls, GatewayListener, GatewayServer, ServerTls, TlsVersion,
    },
    mesh::Mesh,
};

use super::server::{HANDSHAKE_TIMEOUT, ServerInputs, stat_prefix};
use crate::{
    clusters::alt_name,
    listeners::{http, tcp},
    metadata, names,
    routes::gateway::https_table,
};

/// Makes the chains of one listener.
pub(super) struct HttpsChains<'a> {
    key: &'a GatewayListener,
    /// Its name.
    pub(super) listener: &'a str,
    mesh: &'a Mesh,
    /// The prefix of the statistics of servers without a name.
    stat_prefix: String,
    /// A template for each protocol: thousands of managers differ only in the prefix and the route table.
    managers: RefCell<BTreeMap<Protocol, ManagerTemplate>>,
}

impl<'a> HttpsChains<'a> {
    pub(super) fn new(key: &'a GatewayListener, listener: &'a str, mesh: &'a Mesh) -> Self {
        Self { key, listener, mesh, stat_prefix: stat_prefix(key), managers: RefCell::default() }
    }

    /// The chain of a server for those of its hosts that are free.
    pub(super) fn chain(
        &self,
        inputs: &ServerInputs<'_>,
        tls: &DownstreamTls,
        hosts: &[Host],
    ) -> ChainElement {
        let ServerInputs { gateway, server, .. } = inputs;
        let server_names = tcp::server_names(hosts);
        let first = server_names.iter().min().map_or("*", String::as_str);
        let stat_prefix = if server.name.is_empty() { &*self.stat_prefix } else { &*server.name };
        let table = https_table(server, &gateway.origin, self.key.bind.as_deref());
        let chain = filter_chain()
            .name(names::gateway_chain(self.listener, first))
            .server_names(&server_names)
            .filter(self.manager(server.protocol, stat_prefix, &table))
            .transport_socket(transport_socket(tls, &["h2", "http/1.1"]))
            .transport_socket_connect_timeout(HANDSHAKE_TIMEOUT)
            .metadata(metadata::config(&gateway.origin))
            .build();
        ChainElement::new(&chain, secrets(server))
    }

    fn manager(&self, protocol: Protocol, stat_prefix: &str, table: &str) -> Filter {
        let mut managers = self.managers.borrow_mut();
        let template =
            managers.entry(protocol).or_insert_with(|| http::gateway_template(protocol, self.mesh));
        template.filter(stat_prefix, table)
    }
}

/// The TLS of a server. Its certificate comes by SDS, also where it is in files. A file that is missing, or is no
/// certificate, is then the fault of a secret, which its own server waits for; within a chain it would be that of the
/// listener.
pub(super) fn transport_socket(tls: &DownstreamTls, alpn: &[&str]) -> TransportSocket {
    let validation = |ca: &ClientCa| {
        let names = tls.subject_alt_names.iter().map(|name| alt_name(name));
        Validation::Sds(names::authorities(ca).to_string(), names.collect())
    };
    let common = CommonTls {
        certificates: vec![Certificate::Sds(names::certificate(&tls.certificate).to_string())],
        validation: tls.client.authorities().map_or(Validation::None, validation),
        alpn_protocols: alpn.iter().map(ToString::to_string).collect(),
        parameters: TlsSettings {
            min_version: Some(version(tls.min_version)),
            max_version: Some(version(tls.max_version)),
            cipher_suites: tls.cipher_suites.iter().map(ToString::to_string).collect(),
            ecdh_curves: Vec::new(),
        },
    };
    let is_required = matches!(tls.client, ClientValidation::Required(_));
    downstream_tls(&downstream_tls_context(common, is_required))
}

fn version(version: TlsVersion) -> TlsProtocol {
    match version {
        TlsVersion::Tls10 => TlsProtocol::TlSv10,
        TlsVersion::Tls11 => TlsProtocol::TlSv11,
        TlsVersion::Tls12 => TlsProtocol::TlSv12,
        TlsVersion::Tls13 => TlsProtocol::TlSv13,
    }
}

/// The secrets of a server that come by SDS.
pub(super) fn secrets(server: &GatewayServer) -> ChainSecrets {
    let mut secrets = ChainSecrets::default();
    if let ServerTls::Terminate(tls) = &server.tls {
        secrets.certificates.push(names::certificate(&tls.certificate).to_string());
        secrets.authorities.extend(tls.client.authorities().map(|ca| names::authorities(ca).to_string()));
    }
    secrets
}
