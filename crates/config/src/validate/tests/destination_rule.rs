use super::{accept, check, object};

#[track_caller]
fn spec(spec: &str, code: &str, path: &str, says: &str) {
    check(&object("DestinationRule", spec), code, path, says);
}

#[track_caller]
fn policy(fields: &str, code: &str, path: &str, says: &str) {
    spec(
        &format!("{{host: r, trafficPolicy: {{{fields}}}}}"),
        code,
        &format!("spec.trafficPolicy{path}"),
        says,
    );
}

#[track_caller]
fn accept_policy(fields: &str) {
    accept(&object("DestinationRule", &format!("{{host: r, trafficPolicy: {{{fields}}}}}")));
}

#[test]
fn hosts_and_subsets_are_checked() {
    spec("{host: \"a b\"}", "bad-host", "spec.host", "only letters");
    spec("{host: r, subsets: [{name: v1}, {name: v1}]}", "duplicate-name", "spec.subsets[1].name", "twice");
    spec("{host: r, subsets: [{name: \"\"}]}", "bad-name", "spec.subsets[0].name", "empty");
    spec("{host: r, subsets: [{name: a b}]}", "bad-name", "spec.subsets[0].name", "a b");
    spec(
        "{host: r, subsets: [{name: a, labels: {v: \"*\"}}]}",
        "bad-label",
        "spec.subsets[0].labels[v]",
        "not a wildcard",
    );
    spec(
        "{host: r, subsets: [{name: a, labels: {v: a b}}]}",
        "bad-label",
        "spec.subsets[0].labels[v]",
        "value of a label",
    );
    spec(
        "{host: r, subsets: [{name: a, trafficPolicy: {}}]}",
        "empty-value",
        "spec.subsets[0].trafficPolicy",
        "empty",
    );
    accept(&object(
        "DestinationRule",
        "{host: \"*.local\", subsets: [{name: V1}, {name: v2, labels: {a/b: c}}], exportTo: [.]}",
    ));
}

#[test]
fn ports_are_checked() {
    policy("portLevelSettings: [{tls: {mode: DISABLE}}]", "bad-port", ".portLevelSettings[0]", "number: 80");
    policy("portLevelSettings: [{port: {number: 0}}]", "bad-port", ".portLevelSettings[0].port.number", "0");
    policy(
        "portLevelSettings: [{port: {number: 1}}, {port: {number: 1}}]",
        "duplicate-port",
        ".portLevelSettings[1].port",
        "merge",
    );
    policy(
        "portLevelSettings: [{port: {number: 1}, connectionPool: {}}]",
        "empty-value",
        ".portLevelSettings[0].connectionPool",
        "`tcp` or `http`",
    );
}

#[test]
fn load_balancers_are_checked() {
    policy(
        "loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}",
        "mutually-exclusive",
        ".loadBalancer.consistentHash",
        "keep one",
    );
    policy(
        "loadBalancer: {consistentHash: {}}",
        "bad-load-balancer",
        ".loadBalancer.consistentHash",
        "no key",
    );
    policy(
        "loadBalancer: {consistentHash: {useSourceIp: true, httpHeaderName: a}}",
        "bad-load-balancer",
        ".loadBalancer.consistentHash",
        "exclude",
    );
    policy(
        "loadBalancer: {consistentHash: {httpHeaderName: a b}}",
        "bad-header-name",
        ".loadBalancer.consistentHash.httpHeaderName",
        "a b",
    );
    policy(
        "loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 100}}}",
        "bad-load-balancer",
        ".loadBalancer.consistentHash.maglev.tableSize",
        "prime",
    );
    policy(
        "loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 9000000}}}",
        "bad-load-balancer",
        ".loadBalancer.consistentHash.ringHash.minimumRingSize",
        "at most",
    );
    accept_policy(
        "loadBalancer: {consistentHash: {httpCookie: {name: u, ttl: 0s}, maglev: {tableSize: 65537}}}",
    );
}

#[test]
fn localities_are_checked() {
    let locality =
        |setting: &str| format!("outlierDetection: {{}}, loadBalancer: {{localityLbSetting: {{{setting}}}}}");
    let at = |path: &str| format!(".loadBalancer.localityLbSetting{path}");
    policy(
        &locality("distribute: [{from: a, to: {b: 90}}]"),
        "bad-locality",
        &at(".distribute[0].to"),
        "90, not to 100",
    );
    policy(
        &locality("distribute: [{from: a/*/c, to: {b: 100}}]"),
        "bad-locality",
        &at(".distribute[0].from"),
        "last part",
    );
    policy(
        &locality("distribute: [{from: a, to: {b/c/d/e: 100}}]"),
        "bad-locality",
        &at(".distribute[0].to[b/c/d/e]"),
        "three parts",
    );
    policy(&locality("failover: [{from: a, to: a}]"), "bad-locality", &at(".failover[0]"), "itself");
    policy(
        &locality("failover: [{from: a/b, to: c}]"),
        "bad-locality",
        &at(".failover[0].from"),
        "not a region",
    );
    policy(
        &locality("distribute: [{from: a, to: {b: 100}}], failover: [{from: a, to: c}]"),
        "mutually-exclusive",
        &at(".distribute"),
        "keep one",
    );
    policy(
        "loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}",
        "bad-locality",
        &at(""),
        "outlierDetection",
    );
    accept_policy(&locality("failoverPriority: [topology.kubernetes.io/region, \"a=b\"]"));
    accept_policy(&locality("distribute: [{from: us/*, to: {us/a/*: 80, \"eu/*\": 20}}]"));
}

#[test]
fn pools_and_outliers_are_checked() {
    policy(
        "connectionPool: {tcp: {maxConnections: -1}}",
        "bad-connection-pool",
        ".connectionPool.tcp.maxConnections",
        "negative",
    );
    policy(
        "connectionPool: {tcp: {connectTimeout: 0s}}",
        "duration-out-of-range",
        ".connectionPool.tcp.connectTimeout",
        "1ms",
    );
    policy(
        "connectionPool: {http: {useClientProtocol: true, h2UpgradePolicy: UPGRADE}}",
        "mutually-exclusive",
        ".connectionPool.http.useClientProtocol",
        "keep one",
    );
    policy(
        "outlierDetection: {maxEjectionPercent: 101}",
        "bad-percent",
        ".outlierDetection.maxEjectionPercent",
        "0 to 100",
    );
    policy("outlierDetection: {interval: 0s}", "duration-out-of-range", ".outlierDetection.interval", "1ms");
    policy(
        "outlierDetection: {consecutiveErrors: 5}",
        "deprecated",
        ".outlierDetection.consecutiveErrors",
        "consecutive5xxErrors",
    );
    policy(
        "outlierDetection: {consecutiveLocalOriginFailures: 5}",
        "bad-outlier-detection",
        ".outlierDetection.consecutiveLocalOriginFailures",
        "splitExternal",
    );
    accept_policy("outlierDetection: {}, connectionPool: {tcp: {idleTimeout: 0s, maxConnections: 0}}");
}

#[test]
fn tls_is_checked() {
    policy("tls: {mode: MUTUAL, clientCertificate: /c}", "missing-credential", ".tls", "`privateKey`");
    policy(
        "tls: {mode: MUTUAL, credentialName: c, caCertificates: /c}",
        "mutually-exclusive",
        ".tls.caCertificates",
        "keep `credentialName`",
    );
    policy("tls: {mode: SIMPLE, privateKey: /c}", "no-effect", ".tls.privateKey", "MUTUAL");
    policy("tls: {sni: a.b}", "no-effect", ".tls", "DISABLE");
    policy(
        "tls: {mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}",
        "mutually-exclusive",
        ".tls.subjectAltNames",
        "insecureSkipVerify",
    );
    policy("tls: {mode: SIMPLE, subjectAltNames: [\"\"]}", "bad-tls", ".tls.subjectAltNames[0]", "empty");
    accept_policy("tls: {mode: SIMPLE, sni: a.b, caCertificates: system}");
    accept_policy("tls: {mode: MUTUAL, clientCertificate: /c, privateKey: /k, caCertificates: /ca}");
}
