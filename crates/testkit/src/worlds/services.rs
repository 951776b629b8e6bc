//! Services of all origins, and the workloads behind them.

use serde_json::{Value, json};

use super::pen::{Pen, fields};

pub(super) fn protocol(pen: &mut Pen) -> Value {
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
        "",
        "MYSQL",
        "REDIS",
        "Tcp",
    ];
    pen.mostly(&all[..9], &all[9..]).into()
}

pub(super) fn port_name(pen: &mut Pen) -> Value {
    let sound = ["http", "https", "tls", "tcp", "grpc-x", "what", "http2", "x", "auto-x", "mongo", "udp-x"];
    pen.mostly(&sound, &["ht/tps", "a.b", "", "HTTP", "a b", "%", "http_x", "é", "tcp|x", "a\u{1}"]).into()
}

pub(super) fn service(pen: &mut Pen) -> Value {
    let ports = pen.distinct(&["name", "port"], 1, 4, |pen| { let target = if pen.often(70) { pen.port() } else { port_name(pen) };
        let mut port = fields!(pen, {
            "targetPort" 40: target,
            "appProtocol" 15: pen.pick(&["http", "tcp", "kubernetes.io/h2c", "kubernetes.io/ws", "https", "x.y/z", ""]),
            "protocol" 20: pen.pick(&["TCP", "TCP", "UDP", "SCTP"]),
        });
        port["name"] = port_name(pen);
        port["port"] = pen.port();
        port
    });
    let address = pen.mostly(
        &["10.96.0.1", "10.96.0.2", "None", "None", "fd00:96::1", "", "10.7.0.1"],
        &["10.96.0.1/32", "::ffff:10.96.0.3", "0.0.0.0"],
    );
    let mut spec = fields!(pen, {
        "selector" 60: pen.labels(),
        "internalTrafficPolicy" 10: "Local",
        "publishNotReadyAddresses" 10: pen.bool(),
        "trafficDistribution" 10: pen.pick(&["PreferClose", "PreferSameZone", "PreferSameNode", "x"]),
    });
    spec["ports"] = ports;
    if pen.often(10) {
        spec["type"] = "ExternalName".into();
        spec["externalName"] = pen.host();
    } else {
        if pen.often(10) {
            spec["type"] = pen.pick(&["NodePort", "LoadBalancer", "ClusterIP"]).into();
        }
        spec["clusterIP"] = address.into();
        if pen.often(15) {
            spec["clusterIPs"] = json!([address, pen.pick(&["fd00:96::1", "10.96.0.1", "None"])]);
        }
    }
    json!({"spec": spec})
}

fn conditions(pen: &mut Pen) -> Value {
    fields!(pen, {"ready" 80: pen.bool(), "serving" 20: pen.bool(), "terminating" 20: pen.bool()})
}

fn target(pen: &mut Pen) -> Value {
    json!({"kind": "Pod", "name": pen.pick(&["a", "b", "gone"]), "namespace": pen.pick(&["alphans", "zetans"])})
}

fn endpoint_ports(pen: &mut Pen) -> Value {
    pen.list(1, 3, |pen| {
        fields!(pen, {"name" 80: port_name(pen), "port" 95: pen.port(), "protocol" 10: "UDP", "appProtocol" 10: "http"})
    })
}

pub(super) fn endpoint_slice(pen: &mut Pen) -> Value {
    let ports = endpoint_ports(pen);
    let endpoints = pen.list(0, 4, |pen| {
        let mut endpoint = fields!(pen, {
            "zone" 20: pen.pick(&["z", "", "a/b"]),
            "conditions" 80: conditions(pen),
            "targetRef" 40: target(pen),
            "nodeName" 30: "n1",
            "hostname" 20: pen.pick(&["a", "b-0", "A", ""]),
        });
        endpoint["addresses"] = if pen.is_odd() {
            pen.list(0, 3, Pen::address)
        } else {
            json!([pen.pick(&["10.7.0.1", "10.7.0.2", "10.7.0.3"])])
        };
        endpoint
    });
    json!({"addressType": pen.mostly(&["IPv4"], &["IPv6", "FQDN"]), "ports": ports, "endpoints": endpoints})
}

pub(super) fn endpoints(pen: &mut Pen) -> Value {
    let subsets = pen.list(0, 2, |pen| {
        let address = |pen: &mut Pen| {
            let mut address = fields!(pen, {"hostname" 20: "b-0", "nodeName" 30: "n1", "targetRef" 30: target(pen)});
            address["ip"] = if pen.is_odd() { pen.address() } else { pen.ip() };
            address
        };
        let mut subset = fields!(pen, {"addresses" 90: pen.list(0, 3, address), "notReadyAddresses" 30: pen.list(1, 2, address)});
        subset["ports"] = endpoint_ports(pen);
        subset
    });
    json!({"subsets": subsets})
}

pub(super) fn pod(pen: &mut Pen) -> Value {
    let address = pen.ip();
    let ports = pen.list(0, 3, |pen| {
        fields!(pen, {"name" 70: port_name(pen), "containerPort" 100: pen.port(), "protocol" 10: "UDP"})
    });
    let spec = fields!(pen, {
        "nodeName" 70: "n1",
        "serviceAccountName" 40: pen.pick(&["default", "a", "ü", "a b"]),
        "hostname" 20: "b-0",
        "subdomain" 20: pen.pick(&["a", "b", "x"]),
        "hostNetwork" 10: pen.bool(),
        "containers" 90: json!([{"name": "c", "ports": ports}]),
    });
    let status = fields!(pen, {
        "phase" 80: pen.pick(&["Running", "Running", "Running", "Pending", "Succeeded", "Failed", "x"]),
        "podIP" 90: address,
        "podIPs" 40: json!([{"ip": address}, {"ip": pen.ip()}]),
        "conditions" 70: json!([{"type": "Ready", "status": pen.pick(&["True", "False", "Unknown"])}]),
    });
    json!({"metadata": {"labels": pen.labels()}, "spec": spec, "status": status})
}

pub(super) fn node(pen: &mut Pen) -> Value {
    json!({"metadata": {"labels": fields!(pen, {
        "topology.kubernetes.io/region" 80: pen.pick(&["eu", "us", ""]),
        "topology.kubernetes.io/zone" 80: pen.pick(&["a", "b"]),
        "topology.istio.io/subzone" 40: "1",
    })}})
}

pub(super) fn namespace(pen: &mut Pen) -> Value {
    json!({"metadata": {"labels": fields!(pen, {"topology.istio.io/network" 60: pen.pick(&["n1", "n2", ""])})}})
}

pub(super) fn service_entry(pen: &mut Pen) -> Value {
    let ports = pen.distinct(&["name", "number"], 1, 4, |pen| {
        let mut port = fields!(pen, {"protocol" 90: protocol(pen), "targetPort" 20: pen.port()});
        port["number"] = pen.port();
        port["name"] = port_name(pen);
        port
    });
    let all = ["NONE", "NONE", "STATIC", "STATIC", "DNS", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"];
    let resolution = pen.pick(&all);
    let is_looked_up = resolution.starts_with("DNS") && !pen.is_odd();
    let mut spec = fields!(pen, {
        "addresses" 40: if is_looked_up { pen.list(1, 4, Pen::ip) } else { pen.list(1, 4, Pen::address) },
        "location" 40: pen.pick(&["MESH_INTERNAL", "MESH_EXTERNAL"]),
        "exportTo" 10: pen.list(1, 1, |pen| pen.mostly(&[".", "*", "zetans"], &["~", ""]).into()),
        "subjectAltNames" 15: pen.list(1, 2, Pen::alt_name),
    });
    let will_have_endpoints = pen.often(60);
    let host = if is_looked_up && !will_have_endpoints { Pen::exact_host } else { Pen::server_host };
    spec["hosts"] = pen.list(1, 3, host);
    spec["ports"] = ports.clone();
    if pen.often(95) {
        spec["resolution"] = resolution.into();
    }
    if matches!(resolution, "STATIC" | "DNS" | "DNS_ROUND_ROBIN") && will_have_endpoints || pen.is_odd() {
        let most = if resolution == "DNS_ROUND_ROBIN" && !pen.is_odd() { 1 } else { 4 };
        spec["endpoints"] = pen.list(1, most, |pen| {
            let mut entry = entry(pen, resolution != "STATIC");
            if entry.get("ports").is_some() && !pen.is_odd() {
                let name = ports[0]["name"].as_str().unwrap_or_default().to_owned();
                entry["ports"] = json!({name: pen.port()});
            }
            entry
        });
    } else if resolution != "DYNAMIC_DNS" && pen.often(40) || pen.is_odd() {
        spec["workloadSelector"] = json!({"labels": pen.labels()});
    }
    json!({"spec": spec})
}

fn entry(pen: &mut Pen, may_be_name: bool) -> Value {
    let mut entry = fields!(pen, {
        "labels" 50: pen.labels(),
        "weight" 25: pen.number(),
        "locality" 35: pen.locality(),
        "network" 10: pen.pick(&["n1", "", "ü"]),
        "ports" 30: pen.map(2, |pen| port_name(pen).as_str().unwrap_or_default().to_owned(), Pen::port),
        "serviceAccount" 20: pen.pick(&["a", "", "a b", "é"]),
    });
    match pen.below(24) {
        0 if pen.is_odd() => {
            let sockets = ["unix:///tmp/sock", "unix://", "unix://rel", "unix:///", "unix://@abstract"];
            entry["address"] = pen.pick(&sockets).into();
        }
        1 => entry["address"] = json!(format!("unix:///{}", "s".repeat(pen.pick(&[90, 106, 107, 108, 200])))),
        2 if pen.is_odd() => {}
        _ if may_be_name && pen.often(60) => entry["address"] = pen.exact_host(),
        _ => entry["address"] = if pen.is_odd() { pen.address() } else { pen.ip() },
    }
    entry
}

pub(super) fn workload_entry(pen: &mut Pen) -> Value {
    json!({"spec": entry(pen, true)})
}
