//! The filter chains of servers that speak HTTP within the TLS that they terminate.
//!
//! There may be thousands in a listener, which differ in names only: each shape of them is made once.

use std::sync::Arc;

use envoy_types::pb::envoy::config::{core::v3::TransportSocket, listener::v3::FilterChain};
use fairlead_envoy::{
    Template,
    listener::{ChainElement, filter_chain},
    tls::{
        Certificate, CommonTls, TlsSettings, TlsVersion as EnvoyTlsVersion, Validation, downstream_tls,
        downstream_tls_context,
    },
};
use fairlead_model::{
    CertificateSource, Host, Protocol,
    gateway::{ClientCa, ClientValidation, DownstreamTls, GatewayListener, TlsVersion},
    mesh::Mesh,
};

use super::{HANDSHAKE_TIMEOUT, ServerInputs, secrets, stat_prefix};
use crate::{
    clusters::alt_name,
    listeners::{http, tcp},
    metadata, names,
    routes::gateway::https_table,
};

/// Shapes that are kept; beyond, each chain is made by itself.
const MOST_SHAPES: usize = 8;

/// Makes the chains of one listener.
pub(super) struct HttpsChains<'a> {
    key: &'a GatewayListener,
    /// Its name.
    pub(super) listener: &'a str,
    pub(super) mesh: &'a Mesh,
    /// The prefix of the statistics of servers without a name.
    stat_prefix: String,
    templates: Templates,
}

#[derive(Default)]
struct Templates(Vec<(Shape, Template)>);

/// What chains differ in, but for names.
#[derive(PartialEq)]
struct Shape {
    /// With a certificate of no name.
    tls: DownstreamTls,
    protocol: Protocol,
    server_names: usize,
}

/// The texts of a chain, but for its secret.
struct Texts<'a> {
    chain: &'a str,
    stat_prefix: &'a str,
    table: &'a str,
    /// The object that it comes from.
    config: &'a str,
    /// None: it takes every connection.
    server_names: &'a [String],
}

impl<'a> HttpsChains<'a> {
    pub(super) fn new(key: &'a GatewayListener, listener: &'a str, mesh: &'a Mesh) -> Self {
        Self { key, listener, mesh, stat_prefix: stat_prefix(key), templates: Templates::default() }
    }

    /// The chain of a server for those of its hosts that it takes.
    pub(super) fn chain(
        &mut self,
        inputs: &ServerInputs<'_>,
        tls: &DownstreamTls,
        hosts: &[Host],
    ) -> ChainElement {
        let server = &inputs.server;
        let server_names = tcp::server_names(hosts);
        let first = server_names.iter().min().map_or("*", String::as_str);
        let texts = Texts {
            chain: &names::gateway_chain(self.listener, first),
            stat_prefix: if server.name.is_empty() { &self.stat_prefix } else { &server.name },
            table: &https_table(server, &inputs.gateway.origin, self.key.bind.as_deref()),
            config: &metadata::config_path(&inputs.gateway.origin),
            server_names: &server_names,
        };
        let by_message = || {
            ChainElement::new(
                &chain(&texts, tls, certificate(tls), server.protocol, self.mesh),
                secrets(server),
            )
        };
        let shape = Shape::of(tls, server.protocol, server_names.len());
        let element = self.templates.find(shape, self.mesh).map(|template| {
            let certificate = certificate_name(&tls.certificate);
            let mut all = vec![texts.chain, texts.stat_prefix, texts.table, texts.config, &*certificate];
            all.extend(server_names.iter().map(String::as_str));
            let picks = if server_names.is_empty() { vec!["*".to_owned()] } else { server_names.clone() };
            ChainElement::encoded(texts.chain, template.fill(&all), picks, secrets(server))
        });
        debug_assert!(element.as_ref().is_none_or(|element| *element == by_message()));
        element.unwrap_or_else(by_message)
    }
}

impl Shape {
    fn of(tls: &DownstreamTls, protocol: Protocol, server_names: usize) -> Self {
        let certificate = CertificateSource::Secret(Arc::default());
        Self { tls: DownstreamTls { certificate, ..tls.clone() }, protocol, server_names }
    }

    /// The chains of this shape that have a certificate by SDS.
    fn template(&self, mesh: &Mesh) -> Template {
        Template::new(5 + self.server_names, |all| {
            let texts = Texts {
                chain: &all[0],
                stat_prefix: &all[1],
                table: &all[2],
                config: &all[3],
                server_names: &all[5..],
            };
            chain(&texts, &self.tls, Certificate::Sds(all[4].clone()), self.protocol, mesh)
        })
    }
}

impl Templates {
    /// The template of a shape; `None` where there are too many already.
    fn find(&mut self, shape: Shape, mesh: &Mesh) -> Option<&Template> {
        let known = self.0.iter().position(|(known, _)| *known == shape);
        let at = match known {
            Some(at) => at,
            None if self.0.len() < MOST_SHAPES => {
                let template = shape.template(mesh);
                self.0.push((shape, template));
                self.0.len() - 1
            }
            None => return None,
        };
        Some(&self.0[at].1)
    }
}

fn chain(
    texts: &Texts<'_>,
    tls: &DownstreamTls,
    certificate: Certificate,
    protocol: Protocol,
    mesh: &Mesh,
) -> FilterChain {
    filter_chain()
        .name(texts.chain)
        .server_names(texts.server_names)
        .filter(http::gateway(texts.stat_prefix, texts.table, protocol, mesh))
        .transport_socket(transport_socket(tls, certificate, &["h2", "http/1.1"]))
        .transport_socket_connect_timeout(HANDSHAKE_TIMEOUT)
        .metadata(metadata::config_at(texts.config.to_owned()))
        .build()
}

/// The certificate of a server: by SDS, also where it is in files. A file that is missing, or is no certificate, is
/// then the fault of a secret, which its own server waits for; within a chain it would be that of the listener.
pub(super) fn certificate(tls: &DownstreamTls) -> Certificate {
    Certificate::Sds(certificate_name(&tls.certificate).to_string())
}

/// The SDS name of a server's certificate.
pub(super) fn certificate_name(certificate: &CertificateSource) -> Arc<str> {
    match certificate {
        CertificateSource::Secret(name) => names::credential(name),
        CertificateSource::Files { certificate, key } => names::file_certificate(certificate, key),
    }
}

/// The SDS name of the authorities that certificates of clients are checked against.
pub(super) fn ca_name(ca: &ClientCa) -> Arc<str> {
    match ca {
        ClientCa::Secret(name) => names::credential_ca(name),
        ClientCa::File(path) => names::file_ca(path),
    }
}

/// The TLS of a server.
pub(super) fn transport_socket(
    tls: &DownstreamTls,
    certificate: Certificate,
    alpn: &[&str],
) -> TransportSocket {
    let (validation, required) = match &tls.client {
        ClientValidation::None => (Validation::None, false),
        ClientValidation::Required(ca) => (client_validation(ca, tls), true),
        ClientValidation::Optional(ca) => (client_validation(ca, tls), false),
    };
    let common = CommonTls {
        certificates: vec![certificate],
        validation,
        alpn_protocols: alpn.iter().map(ToString::to_string).collect(),
        parameters: TlsSettings {
            min_version: Some(version(tls.min_version)),
            max_version: Some(version(tls.max_version)),
            cipher_suites: tls.cipher_suites.iter().map(ToString::to_string).collect(),
            ecdh_curves: Vec::new(),
        },
    };
    downstream_tls(&downstream_tls_context(common, required))
}

fn client_validation(ca: &ClientCa, tls: &DownstreamTls) -> Validation {
    let names: Vec<_> = tls.subject_alt_names.iter().map(|name| alt_name(name)).collect();
    let ca = ca_name(ca).to_string();
    if names.is_empty() { Validation::Sds(ca) } else { Validation::SdsAndNames(ca, names) }
}

fn version(version: TlsVersion) -> EnvoyTlsVersion {
    match version {
        TlsVersion::Tls10 => EnvoyTlsVersion::V1_0,
        TlsVersion::Tls11 => EnvoyTlsVersion::V1_1,
        TlsVersion::Tls12 => EnvoyTlsVersion::V1_2,
        TlsVersion::Tls13 => EnvoyTlsVersion::V1_3,
    }
}
