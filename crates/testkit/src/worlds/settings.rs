//! Settings of the mesh, and Secrets.

use serde_json::{Value, json};

use super::{
    pen::{Pen, fields},
    policies::{connection_pool, keepalive, locality_lb, outlier_detection},
    routes::retries,
};

pub(super) fn mesh_config(pen: &mut Pen) -> Value {
    let mut mesh = fields!(pen, {
        "accessLogFile" 60: pen.pick(&["/dev/stdout", "/dev/stdout", "/dev/stderr", ""]),
        "accessLogFormat" 50: if pen.often(50) { pen.log_format() } else { pen.text() },
        "accessLogEncoding" 30: pen.pick(&["JSON", "TEXT"]),
        "outboundTrafficPolicy" 40: fields!(pen, {"mode" 90: pen.pick(&["REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS"])}),
        "inboundTrafficPolicy" 20: fields!(pen, {"mode" 90: pen.pick(&["LOCALHOST", "PASSTHROUGH"])}),
        "connectTimeout" 30: pen.duration(),
        "protocolDetectionTimeout" 30: pen.duration(),
        "dnsRefreshRate" 30: pen.duration(),
        "tcpKeepalive" 30: keepalive(pen),
        "proxyHttpPort" 15: pen.port(),
        "proxyListenPort" 8: pen.port(),
        "proxyInboundListenPort" 8: pen.port(),
        "defaultHttpRetryPolicy" 20: retries(pen),
        "enableAutoMtls" 15: pen.bool(),
        "trustDomain" 10: pen.text(),
        "rootNamespace" 8: pen.pick(&["istio-system", "alphans", ""]),
        "localityLbSetting" 20: locality_lb(pen),
        "h2UpgradePolicy" 20: pen.pick(&["DEFAULT", "UPGRADE", "DO_NOT_UPGRADE"]),
        "enableTracing" 10: pen.bool(),
        "verifyCertificateAtClient" 10: pen.bool(),
        "defaultServiceExportTo" 6: json!([pen.pick(&["*", ".", "~"])]),
        "defaultVirtualServiceExportTo" 6: json!([pen.pick(&["*", "."])]),
        "defaultDestinationRuleExportTo" 6: json!([pen.pick(&["*", "."])]),
    });
    let more = fields!(pen, {
        "defaultTrafficPolicy" 15: fields!(pen, {"connectionPool" 70: connection_pool(pen), "outlierDetection" 50: outlier_detection(pen)}),
        "pathNormalization" 20: fields!(pen, {
            "normalization" 90: pen.pick(&["DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"]),
        }),
        "tlsDefaults" 20: fields!(pen, {
            "minProtocolVersion" 60: pen.pick(&["TLS_AUTO", "TLSV1_2", "TLSV1_3", "TLSV1_0", "x"]),
            "ecdhCurves" 40: pen.list(1, 2, |pen| pen.pick(&["P-256", "X25519", "x", ""]).into()),
            "cipherSuites" 40: pen.list(1, 2, |pen| pen.pick(&["ECDHE-RSA-AES256-GCM-SHA384", "x", "AES128-SHA"]).into()),
        }),
        "discoverySelectors" 5: json!([{"matchLabels": {"topology.istio.io/network": "n1"}}]),
        "defaultConfig" 20: fields!(pen, {
            "gatewayTopology" 70: fields!(pen, {
                "numTrustedProxies" 80: pen.number(),
                "forwardClientCertDetails" 50: pen.pick(&["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "x"]),
            }),
            "drainDuration" 30: pen.duration(),
        }),
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        mesh[key] = value.clone();
    }
    json!({"data": {"mesh": mesh.to_string()}})
}

/// A Secret with placeholders, which [`super::Material`] replaces by PEM.
pub(super) fn secret(pen: &mut Pen) -> Value {
    let part = |pen: &mut Pen, right: &str| -> Value {
        if pen.often(80) {
            return right.into();
        }
        pen.pick(&[
            "@chain",
            "@key",
            "@other-key",
            "@ca",
            "@expired",
            "",
            "no pem",
            "\u{0}",
            "é",
            "@ca-twice",
            "@crl",
            "@rest",
            "@crlf",
        ])
        .into()
    };
    let (chain, key) = pen.pick(&[("tls.crt", "tls.key"), ("tls.crt", "tls.key"), ("cert", "key")]);
    let mut data = serde_json::Map::new();
    if pen.often(90) {
        data.insert(chain.into(), part(pen, "@chain"));
    }
    if pen.often(90) {
        data.insert(key.into(), part(pen, "@key"));
    }
    if pen.often(60) {
        data.insert(pen.pick(&["ca.crt", "cacert"]).into(), part(pen, "@ca"));
    }
    if pen.often(10) {
        data.insert(pen.pick(&["ca.crl", "tls.ocsp-staple", "x"]).into(), part(pen, "@crl"));
    }
    let mut secret = json!({"stringData": data});
    if pen.often(60) {
        secret["type"] = pen.pick(&["kubernetes.io/tls", "Opaque", "generic"]).into();
    }
    secret
}
