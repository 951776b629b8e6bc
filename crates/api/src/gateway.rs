//! `Gateway` (networking.istio.io): ports and hosts that gateway proxies serve.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/gateway/>

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The spec of a `Gateway`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewaySpec {
    /// Ports and the hosts served on them.
    pub servers: Vec<Server>,
    /// Labels of the pods that serve them, in any namespace.
    pub selector: BTreeMap<String, String>,
}

/// A port and the hosts served on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["port", "hosts"]))]
pub struct Server {
    /// The port.
    pub port: Port,
    /// Address to listen on; all by default.
    pub bind: Option<String>,
    /// Hosts, `namespace/host` to limit which VirtualServices may bind.
    pub hosts: Vec<String>,
    /// TLS of the port.
    pub tls: Option<ServerTlsSettings>,
    /// Unused by Istio.
    pub default_endpoint: Option<String>,
    /// Name of the server, in statistics.
    pub name: Option<String>,
}

/// A port of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["number", "protocol", "name"]))]
pub struct Port {
    /// Number of the port of the gateway's Service.
    pub number: u32,
    /// `HTTP`, `HTTPS`, `GRPC`, `GRPC-WEB`, `HTTP2`, `MONGO`, `TCP`, `TLS`.
    pub protocol: String,
    /// Name of the port.
    pub name: String,
    /// Unused by Istio.
    pub target_port: Option<u32>,
}

/// TLS of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerTlsSettings {
    /// Answer plaintext requests with a redirect to HTTPS.
    pub https_redirect: bool,
    /// How the server treats TLS.
    pub mode: Option<ServerTlsMode>,
    /// File of the server certificate.
    pub server_certificate: Option<String>,
    /// File of the server's key.
    pub private_key: Option<String>,
    /// File of the certificates clients are verified with.
    pub ca_certificates: Option<String>,
    /// File of revoked certificates.
    pub ca_crl: Option<String>,
    /// Secret that holds certificate and key.
    pub credential_name: Option<String>,
    /// Up to two Secrets, one for RSA and one for ECDSA.
    pub credential_names: Vec<String>,
    /// Secret or ConfigMap that holds the certificates clients are verified with.
    pub ca_cert_credential_name: Option<String>,
    /// Up to two pairs of files, one for RSA and one for ECDSA.
    pub tls_certificates: Vec<TlsCertificate>,
    /// Names a client's certificate may carry.
    pub subject_alt_names: Vec<String>,
    /// Hashes (base64 SHA-256 of the public key) a client's certificate may have.
    pub verify_certificate_spki: Vec<String>,
    /// Hashes (hex SHA-256) a client's certificate may have.
    pub verify_certificate_hash: Vec<String>,
    /// Lowest version of TLS; 1.2 by default.
    pub min_protocol_version: Option<TlsProtocol>,
    /// Highest version of TLS.
    pub max_protocol_version: Option<TlsProtocol>,
    /// Cipher suites by OpenSSL's names.
    pub cipher_suites: Vec<String>,
    /// Curves of the key exchange.
    pub ecdh_curves: Vec<String>,
    /// Accept any client certificate.
    pub insecure_skip_verify: Option<bool>,
}

/// How a server treats TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServerTlsMode {
    /// Forward by SNI without terminating.
    #[default]
    Passthrough,
    /// Terminate without a client certificate.
    Simple,
    /// Terminate and require a client certificate.
    Mutual,
    /// Forward by the service that the SNI encodes.
    AutoPassthrough,
    /// Terminate with the workload's own certificate and require one of the mesh.
    IstioMutual,
    /// Terminate and verify a client certificate if there is one.
    OptionalMutual,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsProtocol {
    /// The default.
    #[default]
    #[serde(rename = "TLS_AUTO")]
    TlsAuto,
    /// TLS 1.0.
    #[serde(rename = "TLSV1_0")]
    TlsV10,
    /// TLS 1.1.
    #[serde(rename = "TLSV1_1")]
    TlsV11,
    /// TLS 1.2.
    #[serde(rename = "TLSV1_2")]
    TlsV12,
    /// TLS 1.3.
    #[serde(rename = "TLSV1_3")]
    TlsV13,
}

/// Files of a certificate and its key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsCertificate {
    /// File of the server certificate.
    pub server_certificate: Option<String>,
    /// File of the server's key.
    pub private_key: Option<String>,
    /// File of the certificates clients are verified with.
    pub ca_certificates: Option<String>,
}
