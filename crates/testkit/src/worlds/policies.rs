//! DestinationRules with all of their fields.

use serde_json::{Value, json};

use super::pen::{Pen, fields};

fn consistent_hash(pen: &mut Pen) -> Value {
    let mut hash = match pen.below(6) {
        0 => json!({"httpHeaderName": pen.header()}),
        1 => {
            let attribute = |pen: &mut Pen| {
                let mut attribute = fields!(pen, {"value" 80: pen.text()});
                attribute["name"] = if pen.often(80) {
                    pen.pick(&["SameSite", "Secure", "Max-Age"]).into()
                } else {
                    pen.text()
                };
                attribute
            };
            let mut cookie = fields!(pen, {
                "ttl" 70: pen.duration(),
                "path" 60: pen.text(),
                "attributes" 30: pen.list(1, 2, attribute),
            });
            cookie["name"] = if pen.often(60) { pen.header().into() } else { pen.text() };
            json!({"httpCookie": cookie})
        }
        2 | 3 => json!({"useSourceIp": pen.often(80)}),
        4 => json!({"httpQueryParameterName": pen.text()}),
        _ => json!({}),
    };
    let sizes = [0_u64, 1, 2, 7, 1_024, 65_537, 8_388_608, 8_388_609, 5_000_011, 5_000_011 + 2, u64::MAX];
    match pen.below(6) {
        0 => hash["ringHash"] = fields!(pen, {"minimumRingSize" 90: pen.pick(&sizes)}),
        1 => hash["maglev"] = fields!(pen, {"tableSize" 90: pen.pick(&sizes)}),
        2 => hash["minimumRingSize"] = pen.pick(&sizes).into(),
        _ => {}
    }
    hash
}

fn load_balancer(pen: &mut Pen) -> Value {
    let mut balancer = match pen.below(6) {
        0 | 1 => json!({"consistentHash": consistent_hash(pen)}),
        2 => json!({"simple": "LEAST_REQUEST", "warmup": fields!(pen, {
            "duration" 95: pen.duration(),
            "aggression" 70: pen.mostly(&[1.0, 0.5, 1e300], &[0.0, -1.0]),
            "minimumPercent" 70: pen.mostly(&[10.0, 0.0, 100.0, 1e-9], &[101.0, -1.0]),
        })}),
        3 if pen.often(30) => json!({"backendUtilization": fields!(pen, {
            "errorUtilizationPenaltyPercent" 50: pen.number(),
            "metricNamesForComputingUtilization" 50: pen.list(1, 2, Pen::text),
            "weightExpirationPeriod" 50: pen.duration(),
            "weightStabilizationPeriod" 50: pen.duration(),
            "weightUpdatePeriod" 50: pen.duration(),
        })}),
        4 => fields!(pen, {"warmupDurationSecs" 60: pen.duration(), "simple" 80: "ROUND_ROBIN"}),
        _ => json!({
            "simple": pen.pick(&["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "PASSTHROUGH", "LEAST_CONN", "UNSPECIFIED"]),
        }),
    };
    if pen.often(30) {
        balancer["localityLbSetting"] = locality_lb(pen);
    } else if pen.often(8) {
        balancer["zoneAwareLbSetting"] = fields!(pen, {
            "enabled" 70: pen.bool(),
            "minClusterSize" 50: pen.number(),
            "failoverPriority" 30: pen.list(1, 2, |_| "topology.kubernetes.io/zone".into()),
            "failover" 30: json!([{"from": "eu", "to": "us"}]),
        });
    }
    balancer
}

pub(super) fn locality_lb(pen: &mut Pen) -> Value {
    let locality = |pen: &mut Pen| pen.locality().as_str().unwrap_or_default().to_owned();
    fields!(pen, {
        "enabled" 40: pen.bool(),
        "distribute" 40: pen.list(1, 2, |pen| {
            let to = if pen.often(60) {
                json!({pen.pick(&["eu/*", "eu/a/*", "*"]): 80, "us/*": 20})
            } else {
                pen.map(2, locality, Pen::number)
            };
            json!({"from": pen.pick(&["eu/*", "*", "eu/a/1", "us/b/*", ""]), "to": to})
        }),
        "failover" 20: pen.list(1, 2, |pen| json!({"from": pen.pick(&["eu", "us", ""]), "to": pen.pick(&["us", "eu", "x"])})),
        "failoverPriority" 20: pen.list(1, 3, |pen| {
            pen.mostly(&["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "app", "app=b"], &["", "="]).into()
        }),
    })
}

pub(super) fn keepalive(pen: &mut Pen) -> Value {
    fields!(pen, {"probes" 70: pen.number(), "time" 70: pen.duration(), "interval" 70: pen.duration()})
}

pub(super) fn connection_pool(pen: &mut Pen) -> Value {
    fields!(pen, {
        "tcp" 70: fields!(pen, {
            "maxConnections" 50: pen.number(),
            "connectTimeout" 50: pen.duration(),
            "idleTimeout" 30: pen.duration(),
            "maxConnectionDuration" 30: pen.duration(),
            "tcpKeepalive" 40: keepalive(pen),
        }),
        "http" 70: fields!(pen, {
            "http1MaxPendingRequests" 40: pen.number(),
            "http2MaxRequests" 40: pen.number(),
            "maxRequestsPerConnection" 40: pen.number(),
            "maxRetries" 40: pen.number(),
            "idleTimeout" 30: pen.duration(),
            "maxConcurrentStreams" 30: pen.number(),
            "h2UpgradePolicy" 30: pen.pick(&["DEFAULT", "UPGRADE", "DO_NOT_UPGRADE"]),
            "useClientProtocol" 20: pen.bool(),
            "http2KeepAlive" 20: fields!(pen, {"interval" 70: pen.duration(), "timeout" 70: pen.duration()}),
        }),
    })
}

pub(super) fn outlier_detection(pen: &mut Pen) -> Value {
    fields!(pen, {
        "consecutiveErrors" 10: pen.number(),
        "consecutive5xxErrors" 50: pen.number(),
        "consecutiveGatewayErrors" 30: pen.number(),
        "consecutiveLocalOriginFailures" 15: pen.number(),
        "interval" 50: pen.duration(),
        "baseEjectionTime" 50: pen.duration(),
        "maxEjectionPercent" 40: pen.mostly(&[0, 10, 100], &[101, -1]),
        "minHealthPercent" 30: pen.mostly(&[0, 50, 100], &[101, -1]),
        "splitExternalLocalOriginErrors" 60: true,
        "outlierDetectionHttpErrorCodes" 10: pen.list(1, 2, |pen| pen.pick(&[500, 429, 0, 600, -1]).into()),
    })
}

fn client_tls(pen: &mut Pen) -> Value {
    let mode = pen.pick(&["DISABLE", "SIMPLE", "SIMPLE", "SIMPLE", "MUTUAL", "MUTUAL", "ISTIO_MUTUAL"]);
    let mut tls = fields!(pen, {
        "mode" 97: mode,
        "sni" 40: pen.server_host(),
        "subjectAltNames" 30: pen.list(1, 3, Pen::alt_name),
        "insecureSkipVerify" 15: pen.bool(),
        "caCrl" 10: pen.file("crl.pem"),
    });
    if pen.often(40) {
        tls["credentialName"] =
            pen.pick(&["web", "web-cacert", "foo", "foo-cacert", "gone", "a b", ""]).into();
    } else {
        if pen.often(40) {
            tls["caCertificates"] = if pen.often(30) { "system".into() } else { pen.file("ca.pem") };
        }
        if mode == "MUTUAL" || pen.is_odd() {
            tls["clientCertificate"] = pen.file("chain.pem");
            tls["privateKey"] = pen.file("key.pem");
        }
    }
    tls
}

fn traffic_policy(pen: &mut Pen) -> Value {
    let mut policy = fields!(pen, {
        "loadBalancer" 50: load_balancer(pen),
        "connectionPool" 40: connection_pool(pen),
        "outlierDetection" 40: outlier_detection(pen),
        "tls" 40: client_tls(pen),
        "proxyProtocol" 10: fields!(pen, {"version" 80: pen.pick(&["V1", "V2"])}),
        "retryBudget" 15: fields!(pen, {
            "percent" 70: pen.mostly(&[20.0, 0.0, 100.0, 0.001], &[100.5, -1.0, 1e300]),
            "minRetryConcurrency" 70: pen.number(),
            "budgetInterval" 20: pen.duration(),
        }),
        "tunnel" 10: {
            let mut tunnel = fields!(pen, {"protocol" 60: pen.pick(&["CONNECT", "POST", "x", ""])});
            tunnel["targetHost"] = if pen.often(70) { pen.host() } else { pen.text() };
            tunnel["targetPort"] = pen.port();
            tunnel
        },
    });
    if pen.often(30) {
        policy["portLevelSettings"] = pen.list(1, 2, |pen| {
            fields!(pen, {
                "port" 97: json!({"number": pen.port()}),
                "loadBalancer" 40: load_balancer(pen),
                "connectionPool" 30: connection_pool(pen),
                "outlierDetection" 30: outlier_detection(pen),
                "tls" 40: client_tls(pen),
            })
        });
    }
    policy
}

pub(super) fn destination_rule(pen: &mut Pen) -> Value {
    let mut spec = fields!(pen, {
        "trafficPolicy" 80: traffic_policy(pen),
        "subsets" 60: pen.distinct(&["name"], 1, 3, |pen| {
            let mut subset = fields!(pen, {"labels" 80: pen.labels(), "trafficPolicy" 30: traffic_policy(pen)});
            subset["name"] = pen.mostly(&["v1", "v2", "V-3"], &["x y", "", "a|b", "é"]).into();
            subset
        }),
        "exportTo" 10: json!([pen.pick(&[".", "*", "zetans"])]),
        "workloadSelector" 25: json!({"matchLabels": pen.labels()}),
    });
    spec["host"] = pen.server_host();
    json!({"spec": spec})
}
