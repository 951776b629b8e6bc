//! Gateways and Sidecars: what is listened on, and how.

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
    "unix://",
    "unix://@x",
    "10.9.9.9/32",
    "256.1.1.1",
    "x",
    "localhost",
    "[::1]",
    " 1.2.3.4",
];

fn server_tls(pen: &mut Pen) -> Value {
    let modes = [
        "SIMPLE",
        "SIMPLE",
        "SIMPLE",
        "PASSTHROUGH",
        "MUTUAL",
        "MUTUAL",
        "OPTIONAL_MUTUAL",
        "AUTO_PASSTHROUGH",
        "ISTIO_MUTUAL",
    ];
    let versions = ["TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3", "TLS_AUTO"];
    let names = [
        "web",
        "web-cacert",
        "gone",
        "foo",
        "foo-cacert",
        "a b",
        "zetans/web",
        "kubernetes://web",
        "builtin://",
        "",
    ];
    let ciphers = [
        "ECDHE-RSA-AES256-GCM-SHA384",
        "x",
        "AES128-SHA",
        "DES-CBC3-SHA",
        "TLS_AES_128_GCM_SHA256",
        "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
        "-ALL",
        "",
        "ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA",
        "é",
        "ECDHE-PSK-AES128-CBC-SHA",
        "ALL",
        "!RSA",
    ];
    let curves = ["P-256", "X25519", "P-384", "P-521", "x", "", "X25519MLKEM768"];
    let spki = ["NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A=", "x", "", "NvqYIYSbgK2vCJpQhObf77vv"];
    let hash = [
        "df6ff72fe9116521268f6f2dd4966f51df479883fe7037b39f75916ac3049d1a",
        "x",
        "",
        "DF:6F:F7:2F:E9:11:65:21:26:8F:6F:2D:D4:96:6F:51:DF:47:98:83:FE:70:37:B3:9F:75:91:6A:C3:04:9D:1A",
    ];
    let mut tls = fields!(pen, {
        "mode" 95: pen.pick(&modes),
        "httpsRedirect" 4: true,
        "minProtocolVersion" 20: pen.pick(&versions),
        "maxProtocolVersion" 20: pen.pick(&versions),
        "cipherSuites" 20: pen.list(1, 3, |pen| pen.pick(&ciphers).into()),
        "ecdhCurves" 15: pen.list(1, 2, |pen| pen.pick(&curves).into()),
        "subjectAltNames" 20: pen.list(1, 2, Pen::alt_name),
        "verifyCertificateSpki" 10: pen.list(1, 2, |pen| pen.pick(&spki).into()),
        "verifyCertificateHash" 10: pen.list(1, 2, |pen| pen.pick(&hash).into()),
        "insecureSkipVerify" 8: pen.bool(),
        "caCrl" 8: pen.file("crl.pem"),
        "caCertCredentialName" 8: pen.pick(&names),
    });
    if pen.often(70) {
        tls["credentialName"] =
            if pen.often(80) { pen.pick(&["web", "foo"]) } else { pen.pick(&names) }.into();
    } else if pen.often(10) {
        tls["credentialNames"] = pen.list(1, 3, |pen| pen.pick(&names).into());
    } else if pen.often(15) {
        tls["tlsCertificates"] = pen.list(1, 2, |pen| {
            fields!(pen, {
                "serverCertificate" 90: pen.file("chain.pem"),
                "privateKey" 90: pen.file("key.pem"),
                "caCertificates" 20: pen.file("ca.pem"),
            })
        });
    } else {
        let files = fields!(pen, {"serverCertificate" 95: pen.file("chain.pem"), "privateKey" 95: pen.file("key.pem"), "caCertificates" 60: pen.file("ca.pem")});
        for (key, file) in files.as_object().into_iter().flatten() {
            tls[key] = file.clone();
        }
    }
    tls
}

pub(super) fn gateway(pen: &mut Pen) -> Value {
    let servers = pen.list(1, 4, |pen| {
        let protocol = protocol(pen);
        let is_tls = matches!(protocol.as_str(), Some("HTTPS" | "TLS"));
        let mut server = fields!(pen, {
            "bind" 10: pen.pick(BINDS),
            "name" 20: pen.text(),
            "defaultEndpoint" 3: "127.0.0.1:80",
        });
        let number = if pen.often(90) {
            pen.pick(&[80, 443, 443, 443, 8080, 9000, 8443, 0]).into()
        } else {
            pen.port()
        };
        server["port"] = json!({"number": number, "name": port_name(pen), "protocol": protocol});
        server["hosts"] = pen.list(1, 4, |pen| match pen.below(14) {
            0 => format!("./{}", pen.server_host().as_str().unwrap_or_default()).into(),
            1 => format!("*/{}", pen.server_host().as_str().unwrap_or_default()).into(),
            2 => format!("alphans/{}", pen.host().as_str().unwrap_or_default()).into(),
            3 => pen.pick(&["/", "~/*", "*/", "a/b/c", "zetans/*"]).into(),
            _ => pen.server_host(),
        });
        if is_tls && pen.often(97) || pen.often(3) {
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
        fields!(pen, {"number" 97: pen.port(), "name" 95: port_name(pen), "protocol" 97: protocol(pen), "targetPort" 3: pen.port()})
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
        "*/",
        "x",
        "*/*.*",
        "*/a.zetans.svc.cluster.local",
        "istio-system/*",
    ];
    let spec = fields!(pen, {
        "workloadSelector" 40: json!({"labels": pen.labels()}),
        "egress" 90: pen.list(1, 4, |pen| {
            let mut listener = fields!(pen, {
                "port" 40: listener_port(pen),
                "bind" 30: if pen.often(70) { pen.pick(&["127.0.0.1", "10.7.0.1", "unix:///tmp/e", "0.0.0.0", "::1", "unix:///tmp/e2", "10.96.0.1"]) } else { pen.pick(BINDS) },
                "captureMode" 15: pen.pick(&["DEFAULT", "IPTABLES", "NONE"]),
            });
            listener["hosts"] = pen.list(1, 3, |pen| pen.pick(&hosts).into());
            listener
        }),
        "ingress" 40: pen.list(1, 3, |pen| {
            let mut listener = fields!(pen, {
                "defaultEndpoint" 80: pen.pick(&[
                    "127.0.0.1:8080", "0.0.0.0:9", "unix:///tmp/i", "[::1]:80", "1.2.3.4:5", "x", "127.0.0.1:0", "[::]:65535",
                    "127.0.0.1:65536", "unix://", "", ":80", "0.0.0.0:80",
                ]),
                "bind" 15: if pen.often(50) { pen.ip() } else { pen.pick(BINDS).into() },
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
