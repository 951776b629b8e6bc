//! TLS from a client proxy to the endpoints of a service.
//!
//! Mirrors istio pilot/pkg/networking/core/cluster_tls.go, without what istio-agent serves.

use std::{net::IpAddr, sync::Arc};

use envoy_types::pb::envoy::{
    config::cluster::v3::Cluster, extensions::transport_sockets::tls::v3::SubjectAltNameMatcher,
};
use fairlead_envoy::{
    data_source,
    matcher::StringMatch,
    tls::{
        Certificate, CommonTls, SanType, Validation, subject_alt_name, upstream_tls, upstream_tls_context,
        validation_context,
    },
};
use fairlead_model::{
    CertificateSource, Port, ServerValidation, Service, TrafficPolicy, UpstreamTls, UpstreamTlsSettings,
    destination_rule::DestinationRule,
};

use crate::{names, view::ClusterView};

/// Where Debian, Alpine and the images made from them keep the certificate authorities. Envoy has no notion of
/// the system's roots (its `system_root_certs` is not implemented), so a file is named.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Everything that TLS settings depend on besides the policy.
pub(super) struct TlsInputs<'a> {
    pub service: &'a Service,
    pub rule: Option<&'a DestinationRule>,
    pub port: &'a Port,
    pub view: &'a ClusterView,
}

/// Configures the TLS that `policy` asks for.
pub(super) fn apply(cluster: &mut Cluster, policy: &TrafficPolicy, inputs: &TlsInputs<'_>) {
    let (settings, certificate) = match &policy.tls {
        // The mesh's own certificates are not issued yet; decoding says so to the user.
        None | Some(UpstreamTls::Disable | UpstreamTls::IstioMutual(_)) => return,
        Some(UpstreamTls::Simple(settings)) => (settings, None),
        Some(UpstreamTls::Mutual { certificate, settings }) => (settings, Some(certificate)),
    };
    let common = CommonTls {
        certificates: certificate.and_then(|c| client_certificate(c, inputs)).into_iter().collect(),
        validation: validation(settings, inputs),
        alpn_protocols: alpn(inputs.port),
        ..CommonTls::default()
    };
    let context = upstream_tls_context(common, settings.sni.as_deref().map(ToOwned::to_owned));
    cluster.transport_socket = Some(upstream_tls(&context));
}

/// The protocols that the cluster offers by ALPN. Without them a server may choose one that Envoy does not expect.
fn alpn(port: &Port) -> Vec<String> {
    if port.protocol.is_http2() { vec!["h2".to_owned()] } else { Vec::new() }
}

fn client_certificate(source: &CertificateSource, inputs: &TlsInputs<'_>) -> Option<Certificate> {
    match source {
        CertificateSource::Files { certificate, key } => Some(Certificate::Source {
            chain: data_source::file(&**certificate),
            private_key: data_source::file(&**key),
        }),
        CertificateSource::Secret(name) => {
            honours_credential(inputs).then(|| Certificate::Sds(names::credential(name).to_string()))
        }
    }
}

/// A sidecar is sent the secrets that a rule names only if the rule selects workloads: otherwise every workload of the
/// namespace would be sent them (Istio does the same).
fn honours_credential(inputs: &TlsInputs<'_>) -> bool {
    inputs.view.gateway || inputs.rule.is_some_and(|rule| rule.workload_selector.is_some())
}

fn validation(settings: &UpstreamTlsSettings, inputs: &TlsInputs<'_>) -> Validation {
    let names = || alt_names(settings, inputs.service);
    let file =
        |path: &str| Validation::Context(Box::new(validation_context(data_source::file(path), names())));
    match &settings.validation {
        ServerValidation::Skip => Validation::None,
        ServerValidation::SystemRoots => file(SYSTEM_ROOTS),
        ServerValidation::File(path) => file(path),
        ServerValidation::Secret(_) if !honours_credential(inputs) => file(SYSTEM_ROOTS),
        ServerValidation::Secret(name) => Validation::Sds(names::credential_ca(name).to_string(), names()),
    }
}

/// The names of which the server must present one: the rule's, else the ServiceEntry's.
fn alt_names(settings: &UpstreamTlsSettings, service: &Service) -> Vec<SubjectAltNameMatcher> {
    let names: &[Arc<str>] = if settings.subject_alt_names.is_empty() {
        &service.subject_alt_names
    } else {
        &settings.subject_alt_names
    };
    names.iter().map(|name| alt_name(name)).collect()
}

/// A name, of the type that its form implies.
pub(crate) fn alt_name(name: &str) -> SubjectAltNameMatcher {
    let kind = if name.contains("://") {
        SanType::Uri
    } else if name.parse::<IpAddr>().is_ok() {
        SanType::IpAddress
    } else {
        SanType::Dns
    };
    subject_alt_name(kind, StringMatch::Exact(name.to_owned()))
}
