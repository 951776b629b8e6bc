//! The static cluster of the ADS stream, and the secret file that its token comes from.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::extension::{CREDENTIAL_INJECTOR, HTTP_PROTOCOL_OPTIONS, TLS, UPSTREAM_CODEC};

/// The name of the cluster that the ADS stream goes to.
pub const XDS_CLUSTER: &str = "xds-grpc";

/// The name of the token's secret.
const TOKEN_SECRET: &str = "xds-token";

/// The control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xds {
    /// Its name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The variant of the protocol.
    pub protocol: XdsProtocol,
    /// TLS to the control plane. `None` is plaintext.
    pub tls: Option<XdsTls>,
    /// The path of a file with the secret of [`token_secret`], whose token is sent with each stream.
    pub token_secret_path: Option<String>,
}

/// The variant of ADS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum XdsProtocol {
    /// Incremental.
    #[default]
    Delta,
    /// State of the world.
    StateOfTheWorld,
}

/// TLS to the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XdsTls {
    /// The file with the roots to trust, PEM.
    pub ca_file: String,
    /// The SNI to send, which the certificate must match.
    pub server_name: String,
}

/// The content of the file at [`Xds::token_secret_path`]: a secret that reads the token in `token_file` again
/// whenever something is moved into `watched_directory`.
///
/// The secret is in a file of its own because Envoy does not follow the rotation of one in the bootstrap.
pub fn token_secret(token_file: &str, watched_directory: &str) -> Value {
    json!({ "resources": [{
        "@type": type_url("envoy.extensions.transport_sockets.tls.v3.Secret"),
        "name": TOKEN_SECRET,
        "generic_secret": {
            "secret": { "filename": token_file, "watched_directory": { "path": watched_directory } },
        },
    }] })
}

pub(super) fn xds_cluster(xds: &Xds) -> Value {
    let discovery = if xds.host.parse::<IpAddr>().is_ok() { "STATIC" } else { "STRICT_DNS" };
    let address = json!({ "socket_address": { "address": xds.host, "port_value": xds.port } });
    let mut cluster = json!({
        "name": XDS_CLUSTER,
        "type": discovery,
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": XDS_CLUSTER,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
        },
        "typed_extension_protocol_options": { HTTP_PROTOCOL_OPTIONS: http_protocol_options(xds) },
    });
    if let Some(tls) = &xds.tls {
        cluster["transport_socket"] = transport_socket(tls);
    }
    cluster
}

fn http_protocol_options(xds: &Xds) -> Value {
    let mut options = json!({
        "@type": type_url("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
        // Pings find a dead connection, on which an idle stream would wait for ever.
        "explicit_http_config": {
            "http2_protocol_options": { "connection_keepalive": { "interval": "30s", "timeout": "5s" } },
        },
    });
    if let Some(path) = &xds.token_secret_path {
        options["http_filters"] = json!([
            {
                "name": CREDENTIAL_INJECTOR,
                "typed_config": {
                    "@type": type_url("envoy.extensions.filters.http.credential_injector.v3.CredentialInjector"),
                    "overwrite": true,
                    "credential": {
                        "name": "envoy.http.injected_credentials.generic",
                        "typed_config": credential(path),
                    },
                },
            },
            {
                "name": UPSTREAM_CODEC,
                "typed_config": {
                    "@type": type_url("envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"),
                },
            },
        ]);
    }
    options
}

fn credential(secret_path: &str) -> Value {
    json!({
        "@type": type_url("envoy.extensions.http.injected_credentials.generic.v3.Generic"),
        "credential": {
            "name": TOKEN_SECRET,
            "sds_config": {
                "path_config_source": { "path": secret_path },
                "resource_api_version": "V3",
            },
        },
        "header": "authorization",
        "header_value_prefix": "Bearer ",
    })
}

fn transport_socket(tls: &XdsTls) -> Value {
    json!({
        "name": TLS,
        "typed_config": {
            "@type": type_url("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"),
            "sni": tls.server_name,
            "common_tls_context": {
                "alpn_protocols": ["h2"],
                "tls_params": { "tls_maximum_protocol_version": "TLSv1_3" },
                "validation_context": {
                    "trusted_ca": { "filename": tls.ca_file },
                    "match_typed_subject_alt_names": [
                        { "san_type": "DNS", "matcher": { "exact": tls.server_name } },
                    ],
                },
            },
        },
    })
}

fn type_url(message: &str) -> String {
    format!("{}{message}", fairlead_resource::type_url::PREFIX)
}
