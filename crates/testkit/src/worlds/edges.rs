//! Gateways and Sidecars: listeners and their settings.

use serde_json::{Value, json};

use super::{
    pen::{Pen, fields},
    policies::connection_pool,
    routes::destination,
    services::{port_name, protocol},
};

const BINDS: &[&str] = &[
    "10.9.9.9",
    "::",
    "0.0.0.0",
    "",
    "unix:///tmp/x",
    "fd00::9",
    "127.0.0.1",
    "::ffff:1.2.3.4",
    "unix://@x",
];

const ODD_BINDS: &[&str] = &["unix://", "10.9.9.9/32", "256.1.1.1", "x", "localhost", "[::1]", " 1.2.3.4"];

const CREDENTIALS: &[&str] = &["web", "web", "foo", "foo-cacert", "gone"];
const ODD_CREDENTIALS: &[&str] = &["a b", "zetans/web", "kubernetes://web", "builtin://", "web-cacert", ""];

fn server_tls(pen: &mut Pen) -> Value {
    let modes = ["SIMPLE", "SIMPLE", "PASSTHROUGH", "MUTUAL", "OPTIONAL_MUTUAL", "AUTO_PASSTHROUGH"];
    let mode = pen.mostly(&modes, &["ISTIO_MUTUAL", ""]);
    let terminates = !mode.contains("PASSTHROUGH") || pen.is_odd();
    if !terminates {
        return json!({"mode": mode});
    }
    let versions = ["TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3", "TLS_AUTO"];
    let odd_ciphers = [
        "x",
        "DES-CBC3-SHA",
        "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
        "-ALL",
        "",
        "ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA",
        "é",
        "ALL",
        "!RSA",
    ];
    let ciphers =
        ["ECDHE-RSA-AES256-GCM-SHA384", "AES128-SHA", "TLS_AES_128_GCM_SHA256", "ECDHE-PSK-AES128-CBC-SHA"];
    let curves = ["P-256", "X25519", "P-384", "P-521", "X25519MLKEM768"];
    let odd_spki = ["x", "", "NvqYIYSbgK2vCJpQhObf77vv"];
    let hash = [
        "df6ff72fe9116521268f6f2dd4966f51df479883fe7037b39f75916ac3049d1a",
        "DF:6F:F7:2F:E9:11:65:21:26:8F:6F:2D:D4:96:6F:51:DF:47:98:83:FE:70:37:B3:9F:75:91:6A:C3:04:9D:1A",
    ];
    let mut tls = fields!(pen, {
        "minProtocolVersion" 20: pen.pick(&versions),
        "cipherSuites" 20: pen.list(1, 3, |pen| pen.mostly(&ciphers, &odd_ciphers).into()),
        "ecdhCurves" 15: pen.list(1, 2, |pen| pen.mostly(&curves, &["x", ""]).into()),
        "subjectAltNames" 20: pen.list(1, 2, Pen::alt_name),
        "verifyCertificateSpki" 10: pen.list(1, 2, |pen| {
            pen.mostly(&["NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A="], &odd_spki).into()
        }),
        "verifyCertificateHash" 10: pen.list(1, 2, |pen| pen.mostly(&hash, &["x", ""]).into()),
    });
    tls["mode"] = mode.into();
    if pen.often(20) {
        let highest = if pen.is_odd() { pen.pick(&versions) } else { "TLSV1_3" };
        tls["maxProtocolVersion"] = highest.into();
    }
    if pen.is_odd() {
        tls["httpsRedirect"] = true.into();
        tls["insecureSkipVerify"] = pen.bool();
        tls["caCrl"] = pen.file("crl.pem");
    }
    certificates(pen, &mut tls);
    tls
}

/// The source of a server's certificates.
fn certificates(pen: &mut Pen, tls: &mut Value) {
    let pair = |pen: &mut Pen| {
        let mut pair = fields!(pen, {"caCertificates" 60: pen.file("ca.pem")});
        pair["serverCertificate"] = pen.file("chain.pem");
        pair["privateKey"] = pen.file("key.pem");
        pair
    };
    match pen.below(20) {
        0 => tls["credentialNames"] = pen.list(1, 3, |pen| pen.mostly(CREDENTIALS, ODD_CREDENTIALS).into()),
        1 => tls["tlsCertificates"] = pen.list(1, 2, pair),
        2..7 => {
            for (key, file) in pair(pen).as_object().into_iter().flatten() {
                tls[key] = file.clone();
            }
            if tls["mode"].as_str().is_some_and(|mode| mode.contains("MUTUAL")) && !pen.is_odd() {
                tls["caCertificates"] = pen.file("ca.pem");
            }
        }
        _ => tls["credentialName"] = pen.mostly(CREDENTIALS, ODD_CREDENTIALS).into(),
    }
    if pen.often(8) {
        tls["caCertCredentialName"] = pen.mostly(CREDENTIALS, ODD_CREDENTIALS).into();
    }
}

pub(super) fn gateway(pen: &mut Pen) -> Value {
    let mut names = 0;
    let servers = pen.list(1, 4, |pen| {
        names += 1;
        let name = if pen.is_odd() { port_name(pen) } else { format!("p{names}").into() };
        let protocol = protocol(pen);
        let is_tls = matches!(protocol.as_str(), Some("HTTPS" | "TLS"));
        let mut server = fields!(pen, {
            "bind" 10: pen.mostly(BINDS, ODD_BINDS),
            "name" 20: pen.text(),
            "defaultEndpoint" 1: "127.0.0.1:80",
        });
        let number =
            if pen.often(90) { pen.pick(&[80, 443, 443, 443, 8080, 9000, 8443]).into() } else { pen.port() };
        server["port"] = json!({"number": number, "name": name, "protocol": protocol});
        server["hosts"] = pen.list(1, 4, |pen| match pen.below(14) {
            0 => format!("./{}", pen.server_host().as_str().unwrap_or_default()).into(),
            1 => format!("*/{}", pen.server_host().as_str().unwrap_or_default()).into(),
            2 => format!("alphans/{}", pen.host().as_str().unwrap_or_default()).into(),
            3 => pen.mostly(&["zetans/*", "./*", "*/*"], &["/", "~/*", "*/", "a/b/c"]).into(),
            _ => pen.server_host(),
        });
        if is_tls && !pen.is_odd() || pen.is_odd() {
            server["tls"] = server_tls(pen);
        } else if pen.often(10) {
            server["tls"] = json!({"httpsRedirect": true});
        }
        server
    });
    json!({"spec": {"selector": {"istio": "ingressgateway"}, "servers": servers}})
}

pub(super) fn sidecar(pen: &mut Pen) -> Value {
    fn listener_port(pen: &mut Pen) -> Value {
        if pen.is_odd() {
            return fields!(pen, {"number" 50: pen.port(), "targetPort" 50: pen.port()});
        }
        json!({"number": pen.port(), "name": port_name(pen), "protocol": protocol(pen)})
    }
    let hosts = [
        "*/*",
        "*/*",
        "./*",
        "zetans/*",
        "*/one.test",
        "~/*",
        "./a.alphans.svc.cluster.local",
        "*/*.ext.test",
        "*/*-mr.ext.test",
        "~/one.test",
        "alphans/*",
        "*/a.zetans.svc.cluster.local",
        "istio-system/*",
    ];
    let spec = fields!(pen, {
        "workloadSelector" 40: json!({"labels": pen.labels()}),
        "egress" 90: pen.list(1, 4, |pen| {
            let mut listener = fields!(pen, {
                "port" 40: listener_port(pen),
                "bind" 30: if pen.often(70) { pen.pick(&["127.0.0.1", "10.7.0.1", "unix:///tmp/e", "0.0.0.0", "::1", "unix:///tmp/e2", "10.96.0.1"]) } else { pen.mostly(BINDS, ODD_BINDS) },
                "captureMode" 15: pen.pick(&["DEFAULT", "IPTABLES", "NONE"]),
            });
            listener["hosts"] = pen.list(1, 3, |pen| pen.mostly(&hosts, &["*/", "x", "*/*.*"]).into());
            listener
        }),
        "ingress" 40: pen.list(1, 3, |pen| {
            let mut listener = fields!(pen, {
                "defaultEndpoint" 80: pen.mostly(
                    &["127.0.0.1:8080", "0.0.0.0:9", "unix:///tmp/i", "[::1]:80", "[::]:65535", "0.0.0.0:80"],
                    &["x", "127.0.0.1:0", "1.2.3.4:5", "127.0.0.1:65536", "unix://", "", ":80"],
                ),
                "bind" 15: if pen.often(50) { pen.ip() } else { pen.mostly(BINDS, ODD_BINDS).into() },
                "captureMode" 10: pen.pick(&["DEFAULT", "NONE", "IPTABLES"]),
                "tls" 15: server_tls(pen),
                "connectionPool" 15: connection_pool(pen),
            });
            listener["port"] = listener_port(pen);
            listener
        }),
        "outboundTrafficPolicy" 30: {
            let mut policy = fields!(pen, {"mode" 90: pen.pick(&["REGISTRY_ONLY", "ALLOW_ANY"])});
            if pen.often(10) {
                policy["egressProxy"] = destination(pen);
            }
            policy
        },
        "inboundConnectionPool" 20: connection_pool(pen),
    });
    json!({"spec": spec})
}
