//! Objects of all kinds, each with fields drawn at random.

use serde_json::{Value, json};

use super::pen::{Pen, fields};

/// The kinds that are drawn, each as often as it stands here.
pub(crate) const KINDS: &[(&str, &str, Draw)] = &[
    ("v1", "Service", service),
    ("networking.istio.io/v1", "ServiceEntry", service_entry),
    ("networking.istio.io/v1", "ServiceEntry", service_entry),
    ("networking.istio.io/v1", "VirtualService", virtual_service),
    ("networking.istio.io/v1", "VirtualService", virtual_service),
    ("networking.istio.io/v1", "VirtualService", virtual_service),
    ("networking.istio.io/v1", "DestinationRule", destination_rule),
    ("networking.istio.io/v1", "DestinationRule", destination_rule),
    ("networking.istio.io/v1", "Gateway", gateway),
    ("networking.istio.io/v1", "Gateway", gateway),
    ("networking.istio.io/v1", "Sidecar", sidecar),
    ("networking.istio.io/v1", "WorkloadEntry", workload_entry),
    ("discovery.k8s.io/v1", "EndpointSlice", endpoint_slice),
    ("v1", "ConfigMap", mesh_config),
];

type Draw = fn(&mut Pen) -> Value;

/// An object of any kind. Names repeat, so that objects of a world replace and refer to each other.
pub(crate) fn object(pen: &mut Pen) -> Value {
    let (version, kind, draw) = pen.pick(KINDS);
    let (mut namespace, mut name) =
        (pen.pick(&["alphans", "zetans"]), pen.pick(&["a", "b", "c", "web", "x.y"]));
    if kind == "ConfigMap" {
        (namespace, name) = ("istio-system", "istio");
    }
    let mut object = draw(pen);
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    object["metadata"] = json!({"name": name, "namespace": namespace});
    if kind == "EndpointSlice" {
        object["metadata"]["labels"] = json!({"kubernetes.io/service-name": pen.pick(&["a", "b", "c"])});
    }
    if kind == "Service" {
        object["metadata"]["name"] = pen.pick(&["a", "b", "c"]).into();
    }
    object
}

fn protocol(pen: &mut Pen) -> Value {
    let all = [
        "HTTP",
        "HTTP2",
        "GRPC",
        "HTTPS",
        "TLS",
        "TCP",
        "MONGO",
        "UDP",
        "http",
        "GRPC-WEB",
        "HTTP_PROXY",
        "x",
    ];
    if pen.often(90) { pen.pick(&all[..6]).into() } else { pen.pick(&all).into() }
}

fn port_name(pen: &mut Pen) -> Value {
    let sound = ["http", "https", "tls", "tcp", "grpc-x", "what", "http2", "x"];
    if pen.often(94) {
        pen.pick(&sound).into()
    } else {
        pen.pick(&["ht/tps", "a.b", "", "HTTP", "a b", "%"]).into()
    }
}

fn service(pen: &mut Pen) -> Value {
    let ports = pen.list(1, 3, |pen| {
        let mut port = fields!(pen, {"targetPort" 30: pen.port(), "appProtocol" 10: pen.pick(&["http", "tcp", "kubernetes.io/h2c"])});
        port["name"] = port_name(pen);
        port["port"] = pen.port();
        port
    });
    let address = pen.pick(&["10.96.0.1", "10.96.0.2", "None", "fd00:96::1"]);
    let mut spec = fields!(pen, {"selector" 60: pen.labels(), "internalTrafficPolicy" 10: "Local"});
    spec["ports"] = ports;
    if pen.often(10) {
        spec["type"] = "ExternalName".into();
        spec["externalName"] = pen.host();
    } else {
        spec["clusterIP"] = address.into();
    }
    json!({"spec": spec})
}

fn endpoint_slice(pen: &mut Pen) -> Value {
    let ports = pen.list(1, 2, |pen| json!({"name": port_name(pen), "port": pen.port()}));
    let endpoints = pen.list(0, 3, |pen| {
        let mut endpoint = fields!(pen, {"zone" 20: "z", "conditions" 80: json!({"ready": pen.bool()})});
        endpoint["addresses"] = json!([pen.address()]);
        endpoint
    });
    json!({"addressType": pen.pick(&["IPv4", "IPv4", "IPv6", "FQDN"]), "ports": ports, "endpoints": endpoints})
}

fn service_entry(pen: &mut Pen) -> Value {
    let ports = pen.list(1, 3, |pen| {
        let mut port = fields!(pen, {"protocol" 90: protocol(pen), "targetPort" 20: pen.port()});
        port["number"] = pen.port();
        port["name"] = port_name(pen);
        port
    });
    let resolution = pen.pick(&["NONE", "STATIC", "STATIC", "DNS", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"]);
    let mut spec = fields!(pen, {
        "addresses" 40: pen.list(1, 3, Pen::address),
        "location" 30: pen.pick(&["MESH_INTERNAL", "MESH_EXTERNAL"]),
        "exportTo" 10: json!([pen.pick(&[".", "*", "zetans"])]),
        "subjectAltNames" 10: json!([pen.text()]),
    });
    spec["hosts"] = pen.list(1, 2, Pen::server_host);
    spec["ports"] = ports;
    spec["resolution"] = resolution.into();
    if matches!(resolution, "STATIC" | "DNS" | "DNS_ROUND_ROBIN") && pen.often(60) {
        let most = if resolution == "DNS_ROUND_ROBIN" { 1 } else { 3 };
        spec["endpoints"] = pen.list(1, most, |pen| entry(pen, resolution != "STATIC"));
    } else if pen.often(30) {
        spec["workloadSelector"] = json!({"labels": pen.labels()});
    }
    json!({"spec": spec})
}

fn entry(pen: &mut Pen, may_be_name: bool) -> Value {
    let mut entry = fields!(pen, {
        "labels" 50: pen.labels(),
        "weight" 20: pen.number(),
        "locality" 20: pen.pick(&["eu/a/1", "eu", "", "us/b", "/x"]),
        "network" 10: pen.pick(&["n1", ""]),
    });
    entry["address"] = match pen.below(20) {
        0 => "unix:///tmp/sock".into(),
        _ if may_be_name && pen.often(60) => pen.host(),
        _ => pen.address(),
    };
    entry
}

fn workload_entry(pen: &mut Pen) -> Value {
    json!({"spec": entry(pen, true)})
}

fn destination(pen: &mut Pen) -> Value {
    let mut destination =
        fields!(pen, {"subset" 20: pen.pick(&["v1", "v2"]), "port" 50: json!({"number": pen.port()})});
    destination["host"] = pen.host();
    destination
}

fn headers(pen: &mut Pen) -> Value {
    fn operations(pen: &mut Pen) -> Value {
        fields!(pen, {
            "set" 50: pen.map(2, Pen::header, Pen::text),
            "add" 50: pen.map(2, Pen::header, Pen::text),
            "remove" 30: pen.list(1, 2, |pen| pen.header().into()),
        })
    }
    fields!(pen, {"request" 70: operations(pen), "response" 50: operations(pen)})
}

fn http_match(pen: &mut Pen) -> Value {
    let mut uri = pen.string_match();
    if pen.often(70) {
        uri = json!({pen.pick(&["exact", "prefix"]): pen.path()});
    }
    fields!(pen, {
        "name" 10: pen.text(),
        "uri" 70: uri,
        "ignoreUriCase" 10: true,
        "scheme" 8: pen.string_match(),
        "method" 15: pen.string_match(),
        "authority" 15: pen.string_match(),
        "headers" 30: pen.map(2, Pen::header, Pen::string_match),
        "withoutHeaders" 15: pen.map(2, Pen::header, Pen::string_match),
        "queryParams" 20: pen.map(2, |pen| pen.pick(&["q", "", "a b"]).to_owned(), Pen::string_match),
        "port" 15: pen.port(),
        "sourceLabels" 10: pen.labels(),
        "sourceNamespace" 5: "alphans",
        "gateways" 10: json!([pen.pick(&["mesh", "web", "zetans/web"])]),
    })
}

fn http_route(pen: &mut Pen) -> Value {
    let mut route = fields!(pen, {
        "name" 20: pen.text(),
        "match" 70: pen.list(1, 3, http_match),
        "timeout" 20: pen.duration(),
        "headers" 30: headers(pen),
    });
    match pen.below(10) {
        0 => {
            route["redirect"] = fields!(pen, {
                "uri" 60: pen.path(),
                "prefixRewrite" 20: pen.path(),
                "authority" 50: pen.host(),
                "scheme" 30: pen.pick(&["http", "https", "ftp"]),
                "port" 20: pen.port(),
                "derivePort" 10: pen.pick(&["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"]),
                "redirectCode" 30: pen.pick(&[301, 302, 307, 308, 303, 300, 200]),
            });
        }
        1 => {
            let body = match pen.below(3) {
                0 => json!({"string": pen.text()}),
                1 => json!({"string": "x".repeat(5000)}),
                _ => json!({"bytes": pen.pick(&["aGk=", "", "%%"])}),
            };
            route["directResponse"] = fields!(pen, {"body" 70: body});
            route["directResponse"]["status"] = pen.pick(&[200, 404, 503, 599, 100, 600]).into();
        }
        _ => forward(pen, &mut route),
    }
    if pen.often(15) {
        route["corsPolicy"] = fields!(pen, {
            "allowOrigins" 80: pen.list(1, 2, Pen::string_match),
            "allowMethods" 50: json!([pen.pick(&["GET", "*", "x"])]),
            "allowHeaders" 40: json!([pen.header()]),
            "exposeHeaders" 40: json!([pen.header()]),
            "maxAge" 30: pen.duration(),
            "allowCredentials" 30: pen.bool(),
        });
    }
    if pen.often(15) {
        route["fault"] = fields!(pen, {
            "delay" 60: json!({"fixedDelay": pen.duration(), "percentage": pen.share()}),
            "abort" 60: json!({"httpStatus": pen.pick(&[400, 503, 200, 600, 0]), "percentage": pen.share()}),
        });
    }
    route
}

fn forward(pen: &mut Pen, route: &mut Value) {
    let count = 1 + pen.below(3);
    let destinations = (0..count).map(|_| {
        let mut weighted = fields!(pen, {"headers" 25: headers(pen)});
        weighted["destination"] = destination(pen);
        if count > 1 || pen.often(10) {
            weighted["weight"] = pen.number();
        }
        weighted
    });
    route["route"] = destinations.collect();
    if pen.often(25) {
        route["rewrite"] = if pen.below(4) == 0 {
            json!({"uriRegexRewrite": {
                "match": pen.expression(), "rewrite": pen.pick(&["/x", "/\\1", "/\\2\\1", "\\0", "/\\9", "\\", "/\\n", ""]),
            }})
        } else {
            fields!(pen, {"uri" 70: pen.path(), "authority" 50: pen.host()})
        };
    }
    if pen.often(25) {
        route["retries"] = fields!(pen, {
            "attempts" 90: pen.number(),
            "perTryTimeout" 50: pen.duration(),
            "retryOn" 50: pen.pick(&["5xx", "connect-failure,503", "gateway-error, reset", "x", "", "retriable-4xx,99"]),
            "backoff" 30: pen.duration(),
            "retryRemoteLocalities" 20: true,
            "retryIgnorePreviousHosts" 20: pen.bool(),
        });
    }
    if pen.often(15) {
        route["mirrors"] = pen.list(1, 2, |pen| {
            let mut mirror = fields!(pen, {"percentage" 60: pen.share()});
            mirror["destination"] = destination(pen);
            mirror
        });
    }
}

fn l4_match(pen: &mut Pen) -> Value {
    fields!(pen, {
        "port" 50: pen.port(),
        "destinationSubnets" 30: pen.list(1, 2, Pen::address),
        "sourceLabels" 10: pen.labels(),
        "gateways" 15: json!([pen.pick(&["mesh", "web"])]),
    })
}

fn l4_route(pen: &mut Pen) -> Value {
    let count = 1 + pen.below(2);
    let one = |pen: &mut Pen| {
        let weight = pen.number();
        if count > 1 {
            json!({"destination": destination(pen), "weight": weight})
        } else {
            json!({"destination": destination(pen)})
        }
    };
    pen.list(count, count, one)
}

fn virtual_service(pen: &mut Pen) -> Value {
    let hosts = pen.list(1, 3, Pen::server_host);
    let first = hosts[0].clone();
    let mut spec = fields!(pen, {
        "gateways" 60: pen.list(1, 2, |pen| pen.pick(&["web", "a", "mesh", "zetans/b", "x.y", "alphans/x.y"]).into()),
        "exportTo" 10: json!([pen.pick(&[".", "*"])]),
        "http" 75: pen.list(1, 4, http_route),
        "tcp" 20: pen.list(1, 2, |pen| {
            let mut route = fields!(pen, {"match" 60: pen.list(1, 2, l4_match)});
            route["route"] = l4_route(pen);
            route
        }),
        "tls" 30: pen.list(1, 2, |pen| {
            let matches = pen.list(1, 2, |pen| {
                let mut condition = l4_match(pen);
                condition["sniHosts"] = if pen.often(80) { json!([first]) } else { pen.list(1, 2, Pen::server_host) };
                condition
            });
            json!({"match": matches, "route": l4_route(pen)})
        }),
    });
    spec["hosts"] = hosts;
    json!({"spec": spec})
}

fn traffic_policy(pen: &mut Pen) -> Value {
    let balancer = match pen.below(4) {
        0 => json!({"consistentHash": match pen.below(6) {
            0 => json!({"httpHeaderName": pen.header()}),
            1 => json!({"httpCookie": {"name": pen.header(), "ttl": pen.duration(), "path": pen.text()}}),
            2 => json!({"useSourceIp": true}),
            3 => json!({"httpQueryParameterName": pen.text()}),
            4 => json!({"useSourceIp": true, "ringHash": {"minimumRingSize": pen.number()}}),
            _ => json!({"useSourceIp": true, "maglev": {"tableSize": pen.pick(&[2, 65_537, 5_000_011, 0, 6])}}),
        }}),
        1 => {
            json!({"simple": "LEAST_REQUEST", "warmup": {"duration": pen.duration(), "aggression": 1.0, "minimumPercent": 10.0}})
        }
        _ => {
            json!({"simple": pen.pick(&["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "PASSTHROUGH", "LEAST_CONN"])})
        }
    };
    fields!(pen, {
        "loadBalancer" 50: balancer,
        "connectionPool" 40: fields!(pen, {
            "tcp" 70: fields!(pen, {
                "maxConnections" 50: pen.number(),
                "connectTimeout" 50: pen.duration(),
                "idleTimeout" 30: pen.duration(),
                "maxConnectionDuration" 30: pen.duration(),
                "tcpKeepalive" 40: json!({"probes": pen.number(), "time": pen.duration(), "interval": pen.duration()}),
            }),
            "http" 70: fields!(pen, {
                "http1MaxPendingRequests" 40: pen.number(),
                "http2MaxRequests" 40: pen.number(),
                "maxRequestsPerConnection" 40: pen.number(),
                "maxRetries" 40: pen.number(),
                "idleTimeout" 30: pen.duration(),
                "maxConcurrentStreams" 30: pen.number(),
                "h2UpgradePolicy" 30: pen.pick(&["DEFAULT", "UPGRADE", "DO_NOT_UPGRADE"]),
                "useClientProtocol" 20: true,
            }),
        }),
        "outlierDetection" 40: fields!(pen, {
            "consecutive5xxErrors" 50: pen.number(),
            "consecutiveGatewayErrors" 30: pen.number(),
            "interval" 50: pen.duration(),
            "baseEjectionTime" 50: pen.duration(),
            "maxEjectionPercent" 40: pen.pick(&[0, 10, 100, 101]),
            "minHealthPercent" 30: pen.pick(&[0, 50, 100]),
            "splitExternalLocalOriginErrors" 20: true,
        }),
        "tls" 40: fields!(pen, {
            "mode" 100: pen.pick(&["DISABLE", "SIMPLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]),
            "sni" 40: pen.server_host(),
            "caCertificates" 30: pen.pick(&["/etc/ca.pem", "system", ""]),
            "clientCertificate" 30: "/etc/cert.pem",
            "privateKey" 30: "/etc/key.pem",
            "credentialName" 20: pen.pick(&["web", "web-cacert", "a b"]),
            "subjectAltNames" 30: pen.list(1, 2, Pen::text),
            "insecureSkipVerify" 15: pen.bool(),
        }),
    })
}

fn destination_rule(pen: &mut Pen) -> Value {
    let mut spec = fields!(pen, {
        "trafficPolicy" 80: traffic_policy(pen),
        "subsets" 60: pen.list(1, 2, |pen| {
            let mut subset = fields!(pen, {"labels" 80: pen.labels(), "trafficPolicy" 30: traffic_policy(pen)});
            subset["name"] = pen.pick(&["v1", "v2", "V-3", "x y"]).into();
            subset
        }),
        "exportTo" 10: json!(["."]),
        "workloadSelector" 15: json!({"matchLabels": pen.labels()}),
    });
    spec["host"] = pen.host();
    json!({"spec": spec})
}

fn gateway(pen: &mut Pen) -> Value {
    let servers = pen.list(1, 3, |pen| {
        let protocol = protocol(pen);
        let is_tls = matches!(protocol.as_str(), Some("HTTPS" | "TLS"));
        let port = pen.pick(&[80, 443, 443, 443, 8080, 9000, 8443, 0]);
        let mut server = fields!(pen, {
            "bind" 8: pen.pick(&["10.9.9.9", "::", "0.0.0.0", "", "unix:///tmp/x", "fd00::9"]),
            "name" 20: pen.text(),
        });
        server["port"] = json!({"number": port, "name": port_name(pen), "protocol": protocol});
        server["hosts"] = pen.list(1, 3, |pen| match pen.below(10) {
            0 => format!("./{}", pen.host().as_str().unwrap_or_default()).into(),
            1 => format!("*/{}", pen.host().as_str().unwrap_or_default()).into(),
            _ => pen.server_host(),
        });
        if is_tls {
            server["tls"] = fields!(pen, {
                "mode" 95: pen.pick(&["SIMPLE", "SIMPLE", "SIMPLE", "PASSTHROUGH", "MUTUAL", "OPTIONAL_MUTUAL", "AUTO_PASSTHROUGH"]),
                "credentialName" 80: pen.pick(&["web", "web-cacert", "gone"]),
                "serverCertificate" 8: "/etc/cert.pem",
                "privateKey" 8: "/etc/key.pem",
                "caCertificates" 8: "/etc/ca.pem",
                "minProtocolVersion" 20: pen.pick(&["TLSV1_0", "TLSV1_2", "TLSV1_3", "TLS_AUTO"]),
                "maxProtocolVersion" 15: pen.pick(&["TLSV1_2", "TLSV1_3"]),
                "cipherSuites" 20: pen.list(1, 2, |pen| pen.pick(&["ECDHE-RSA-AES256-GCM-SHA384", "x", "AES128-SHA", "DES-CBC3-SHA"]).into()),
                "subjectAltNames" 20: pen.list(1, 2, Pen::text),
            });
        } else if pen.often(10) {
            server["tls"] = json!({"httpsRedirect": true});
        }
        server
    });
    json!({"spec": {"selector": {"istio": "ingressgateway"}, "servers": servers}})
}

fn sidecar(pen: &mut Pen) -> Value {
    fn listener_port(pen: &mut Pen) -> Value {
        json!({"number": pen.port(), "name": port_name(pen), "protocol": protocol(pen)})
    }
    let spec = fields!(pen, {
        "workloadSelector" 40: json!({"labels": pen.labels()}),
        "egress" 90: pen.list(1, 3, |pen| {
            let mut listener = fields!(pen, {
                "port" 35: listener_port(pen),
                "bind" 20: pen.pick(&["127.0.0.1", "10.7.0.1", "unix:///tmp/e", "0.0.0.0", "::1", "x"]),
                "captureMode" 15: pen.pick(&["DEFAULT", "IPTABLES", "NONE"]),
            });
            listener["hosts"] = pen.list(1, 3, |pen| {
                pen.pick(&["*/*", "./*", "zetans/*", "*/one.test", "~/*", "./a.alphans.svc.cluster.local", "*/*.ext.test", "*/*-mr.ext.test"]).into()
            });
            listener
        }),
        "ingress" 30: pen.list(1, 2, |pen| {
            let mut listener = fields!(pen, {
                "defaultEndpoint" 80: pen.pick(&["127.0.0.1:8080", "0.0.0.0:9", "unix:///tmp/i", "[::1]:80", "1.2.3.4:5", "x"]),
                "bind" 10: pen.address(),
                "captureMode" 10: pen.pick(&["DEFAULT", "NONE"]),
                "tls" 10: json!({"mode": "SIMPLE", "serverCertificate": "/etc/c", "privateKey": "/etc/k"}),
            });
            listener["port"] = listener_port(pen);
            listener
        }),
        "outboundTrafficPolicy" 30: json!({"mode": pen.pick(&["REGISTRY_ONLY", "ALLOW_ANY"])}),
    });
    json!({"spec": spec})
}

fn mesh_config(pen: &mut Pen) -> Value {
    let mesh = fields!(pen, {
        "accessLogFile" 60: "/dev/stdout",
        "accessLogFormat" 50: pen.text(),
        "accessLogEncoding" 30: pen.pick(&["JSON", "TEXT"]),
        "outboundTrafficPolicy" 40: json!({"mode": pen.pick(&["REGISTRY_ONLY", "ALLOW_ANY"])}),
        "connectTimeout" 30: pen.duration(),
        "protocolDetectionTimeout" 30: pen.duration(),
        "dnsRefreshRate" 30: pen.duration(),
        "tcpKeepalive" 30: json!({"probes": pen.number(), "time": pen.duration()}),
        "proxyHttpPort" 15: pen.port(),
        "defaultHttpRetryPolicy" 20: json!({"attempts": pen.number(), "backoff": pen.duration()}),
        "inboundTrafficPolicy" 20: json!({"mode": "LOCALHOST"}),
    });
    json!({"data": {"mesh": mesh.to_string()}})
}
