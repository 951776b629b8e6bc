//! A small universe of objects, each with a few forms, of which random histories are made.

use fairlead_model::proxy::{Interception, ProxyKey, ProxyKind};

use crate::mesh::proxy;

/// One object and its forms, as YAML.
pub(crate) struct Object {
    /// `kind/namespace/name`.
    pub(crate) name: String,
    pub(crate) forms: Vec<String>,
}

/// Two namespaces; names that are found nowhere else in the output.
const NAMESPACES: [&str; 2] = ["alphans", "zetans"];

fn object(kind: &str, namespace: &str, name: &str, forms: &[&str]) -> Object {
    let api = match kind {
        "Service" | "Pod" | "Node" | "Secret" | "ConfigMap" => "v1",
        "EndpointSlice" => "discovery.k8s.io/v1",
        _ => "networking.istio.io/v1",
    };
    let extra = match kind {
        "EndpointSlice" => ", labels: {kubernetes.io/service-name: b}",
        _ => "",
    };
    let form = |body: &&str| {
        format!(
            "apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}{extra}}}\n{body}\n"
        )
    };
    Object { name: format!("{kind}/{namespace}/{name}"), forms: forms.iter().map(form).collect() }
}

/// A Pod with labels, whose form says where and how it is.
fn pod(namespace: &str, name: &str, labels: &str, status: &[&str]) -> Object {
    let form = |status: &&str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\n\
             spec: {{nodeName: n1, containers: [{{name: app, ports: [{{name: web, containerPort: 8081}}]}}]}}\nstatus: {status}\n"
        )
    };
    Object { name: format!("Pod/{namespace}/{name}"), forms: status.iter().map(form).collect() }
}

const READY: &str = "conditions: [{type: Ready, status: 'True'}]";

/// Every object.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn objects() -> Vec<Object> {
    let [a, z] = NAMESPACES;
    vec![
        object(
            "Service",
            a,
            "a",
            &[
                "spec: {clusterIP: 10.96.0.1, selector: {app: a}, ports: [{name: http, port: 80, targetPort: 8080}]}",
                "spec: {clusterIP: 10.96.0.1, selector: {app: a}, ports: [{name: http, port: 80, targetPort: web}, {name: tcp, port: 90}]}",
                "spec: {clusterIP: None, selector: {app: a}, ports: [{name: http, port: 80}, {name: what, port: 91}]}",
                "spec: {type: ExternalName, externalName: b.zetans.svc.cluster.local, ports: [{name: http, port: 80}]}",
                "spec: {clusterIP: 10.96.0.1, selector: {app: a}, trafficDistribution: PreferClose, ports: [{name: what, port: 80}, {name: https, port: 443}]}",
            ],
        ),
        object(
            "Service",
            z,
            "b",
            &[
                "spec: {clusterIP: 10.96.0.2, ports: [{name: grpc, port: 80, targetPort: 8080}]}",
                "spec: {clusterIP: 10.96.0.2, ports: [{name: what, port: 80}, {name: tls, port: 443}]}",
                "spec: {clusterIPs: [10.96.0.2, 'fd00:96::2'], clusterIP: 10.96.0.2, internalTrafficPolicy: Local, ports: [{name: http, port: 8080}, {name: tcp, port: 90}]}",
            ],
        ),
        object(
            "Service",
            z,
            "gw",
            &[
                "spec: {clusterIP: 10.96.0.3, selector: {istio: ingressgateway}, ports: [{name: http, port: 80, targetPort: 8080}]}",
            ],
        ),
        object(
            "ServiceEntry",
            a,
            "ext",
            &[
                "spec: {hosts: [ext.test], ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: tls, protocol: TLS}], resolution: DNS}",
                "spec: {hosts: [ext.test], addresses: [240.0.0.9], ports: [{number: 90, name: tcp, protocol: TCP}], resolution: STATIC, endpoints: [{address: 10.7.0.1, labels: {version: v1}}, {address: 10.7.0.2, locality: eu/b}]}",
                "spec: {hosts: ['*.ext.test'], addresses: [203.0.113.0/24, 240.0.0.9], ports: [{number: 90, name: tcp, protocol: TCP}, {number: 443, name: tls, protocol: TLS}], resolution: NONE}",
                "spec: {hosts: [ext.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, exportTo: ['.'], workloadSelector: {labels: {app: vm}}}",
            ],
        ),
        object(
            "ServiceEntry",
            z,
            "ext",
            &[
                "spec: {hosts: [ext.test, other.test], ports: [{number: 80, name: http, protocol: HTTP}, {number: 90, name: tcp, protocol: TCP}], resolution: DNS_ROUND_ROBIN, endpoints: [{address: one.test}]}",
            ],
        ),
        object(
            "WorkloadEntry",
            a,
            "vm",
            &[
                "spec: {address: 10.8.0.1, labels: {app: vm}, locality: eu/a}",
                "spec: {address: 10.8.0.2, labels: {app: a, version: v2}, weight: 5}",
            ],
        ),
        object(
            "EndpointSlice",
            z,
            "b-1",
            &[
                "addressType: IPv4\nports: [{name: grpc, port: 8080}, {name: what, port: 80}, {name: http, port: 8080}]\nendpoints: [{addresses: [10.2.0.1], nodeName: n1, conditions: {ready: true}}]",
                "addressType: IPv4\nports: [{name: grpc, port: 8080}, {name: http, port: 8080}]\nendpoints: [{addresses: [10.2.0.1], nodeName: n1, conditions: {ready: false}}, {addresses: [10.2.0.2], zone: b, conditions: {ready: true}}]",
                "addressType: IPv4\nports: [{name: tcp, port: 90}]\nendpoints: []",
            ],
        ),
        pod(
            a,
            "a-1",
            "app: a, version: v1",
            &[
                &format!("{{podIP: 10.1.0.1, phase: Running, {READY}}}"),
                "{podIP: 10.1.0.1, phase: Running, conditions: [{type: Ready, status: 'False'}]}",
                &format!(
                    "{{podIP: 10.1.0.1, podIPs: [{{ip: 10.1.0.1}}, {{ip: 'fd00::1'}}], phase: Running, {READY}}}"
                ),
            ],
        ),
        pod(a, "a-2", "app: a, version: v2", &[&format!("{{podIP: 10.1.0.2, phase: Running, {READY}}}")]),
        object("Node", a, "n1", &["spec: {}"]),
        object(
            "VirtualService",
            a,
            "a",
            &[
                "spec: {hosts: [a], http: [{route: [{destination: {host: a, subset: v1}, weight: 90}, {destination: {host: a, subset: v2}, weight: 10}]}]}",
                "spec: {hosts: [a], http: [{match: [{sourceLabels: {app: client}}], route: [{destination: {host: b.zetans.svc.cluster.local}}]}, {route: [{destination: {host: a}}]}]}",
                "spec: {hosts: [a], tcp: [{match: [{port: 90}], route: [{destination: {host: ext.test, port: {number: 90}}}]}], tls: [{match: [{port: 443, sniHosts: [a]}], route: [{destination: {host: a}}]}]}",
                "spec: {hosts: ['*.test', ghost.test], http: [{fault: {abort: {httpStatus: 500, percentage: {value: 10}}}, route: [{destination: {host: a}}]}]}",
                "spec: {hosts: [a, b.zetans.svc.cluster.local], exportTo: ['.'], http: [{redirect: {uri: /x}}]}",
            ],
        ),
        object(
            "VirtualService",
            z,
            "web",
            &[
                "spec: {hosts: [shop.test], gateways: [web], http: [{match: [{uri: {prefix: /b}}], route: [{destination: {host: b}}]}, {route: [{destination: {host: a.alphans.svc.cluster.local}}]}]}",
                "spec: {hosts: ['*.test'], gateways: [web, mesh], http: [{route: [{destination: {host: b, subset: v1}}]}]}",
                "spec: {hosts: [tls.test], gateways: [web], tls: [{match: [{sniHosts: [tls.test]}], route: [{destination: {host: b, port: {number: 443}}}]}], tcp: [{route: [{destination: {host: b}}]}]}",
            ],
        ),
        object(
            "VirtualService",
            z,
            "bytes",
            &[
                "spec: {hosts: [a.alphans.svc.cluster.local, ext.test], tcp: [{match: [{port: 91}, {destinationSubnets: [10.96.0.0/16]}], route: [{destination: {host: b}}]}, {match: [{sourceLabels: {app: client}}], route: [{destination: {host: ext.test}}]}]}",
                "spec: {hosts: ['*.alphans.svc.cluster.local', b.zetans.svc.cluster.local], tls: [{match: [{sniHosts: [b.zetans.svc.cluster.local]}, {sniHosts: ['*.alphans.svc.cluster.local'], destinationSubnets: [10.96.0.1]}], route: [{destination: {host: a.alphans.svc.cluster.local, port: {number: 443}}}]}], tcp: [{route: [{destination: {host: ext.test, port: {number: 90}}}]}]}",
                "spec: {hosts: [ext.test, a.test], gateways: [mesh, web], tls: [{match: [{gateways: [mesh], sourceNamespace: alphans, sniHosts: [ext.test]}, {gateways: [web], sourceLabels: {istio: ingressgateway}, sniHosts: [a.test]}], route: [{destination: {host: a.alphans.svc.cluster.local}, weight: 30}, {destination: {host: b}, weight: 70}]}], http: [{route: [{destination: {host: b}}]}]}",
            ],
        ),
        object(
            "VirtualService",
            a,
            "web",
            &[
                "spec: {hosts: [shop.test, tls.test], gateways: [zetans/web], http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: a}}]}, {route: [{destination: {host: ghost}}]}]}",
            ],
        ),
        object(
            "DestinationRule",
            a,
            "a",
            &[
                "spec: {host: a, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}",
                "spec: {host: a, trafficPolicy: {connectionPool: {tcp: {maxConnections: 3, idleTimeout: 9s}}, outlierDetection: {}}, subsets: [{name: v1, labels: {version: v1}}]}",
                "spec: {host: a, exportTo: ['.'], trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}}",
                "spec: {host: '*.zetans.svc.cluster.local', trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}}",
                "spec: {host: ext.test, workloadSelector: {matchLabels: {app: client}}, trafficPolicy: {tls: {mode: SIMPLE}}}",
            ],
        ),
        object(
            "DestinationRule",
            z,
            "b",
            &[
                "spec: {host: b, subsets: [{name: v1}]}",
                "spec: {host: b, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE, credentialName: cert}}], outlierDetection: {consecutive5xxErrors: 2}, loadBalancer: {localityLbSetting: {failoverPriority: [version, topology.kubernetes.io/zone]}}}}",
            ],
        ),
        object(
            "DestinationRule",
            "istio-system",
            "all",
            &["spec: {host: '*.cluster.local', trafficPolicy: {connectionPool: {http: {maxRetries: 9}}}}"],
        ),
        object(
            "Gateway",
            z,
            "web",
            &[
                "spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}",
                "spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, tls: {httpsRedirect: true}, hosts: ['*.test']}, {port: {number: 8443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: cert}, hosts: [shop.test]}, {port: {number: 8443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: ['*.test']}]}",
                "spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: tcp, protocol: TCP}, hosts: ['*']}]}",
            ],
        ),
        object(
            "Gateway",
            a,
            "late",
            &[
                "spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [alphans/late.test, shop.test]}, {port: {number: 8443, name: https-l, protocol: HTTPS}, tls: {mode: MUTUAL, credentialName: cert}, hosts: [tls.test]}]}",
            ],
        ),
        object(
            "Sidecar",
            a,
            "default",
            &[
                "spec: {egress: [{hosts: ['./*']}]}",
                "spec: {egress: [{hosts: ['*/*']}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}",
                "spec: {egress: [{port: {number: 80, name: http, protocol: HTTP}, bind: 127.0.0.3, hosts: [zetans/*]}, {hosts: ['./*', '*/ext.test']}]}",
                "spec: {egress: [{port: {number: 15080, name: proxy, protocol: HTTP_PROXY}, bind: 127.0.0.1, captureMode: NONE, hosts: ['*/*', ~/ext.test]}, {hosts: [zetans/*]}]}",
                "spec: {egress: [{port: {number: 0, protocol: HTTP}, bind: 'unix:///run/out.sock', hosts: ['*/*']}], ingress: [{port: {number: 9081, protocol: TCP, name: tcp}}]}",
            ],
        ),
        object(
            "Sidecar",
            a,
            "of-a",
            &[
                "spec: {workloadSelector: {labels: {app: a}}, ingress: [{port: {number: 9080, name: http, protocol: HTTP}, defaultEndpoint: '127.0.0.1:8080'}], egress: [{captureMode: NONE, bind: 127.0.0.1, port: {number: 90, name: tcp, protocol: TCP}, hosts: ['*/*']}, {hosts: ['*/*']}]}",
            ],
        ),
        object(
            "Secret",
            z,
            "cert",
            &["data: {tls.crt: QQ==, tls.key: QQ==, ca.crt: QQ==}", "data: {ca.crt: Qg==}"],
        ),
        object(
            "ConfigMap",
            "istio-system",
            "istio",
            &[
                "data: {mesh: 'outboundTrafficPolicy: {mode: REGISTRY_ONLY}'}",
                "data: {mesh: 'accessLogFile: /dev/stdout'}",
                "data: {mesh: '{inboundTrafficPolicy: {mode: LOCALHOST}, proxyHttpPort: 15002}'}",
            ],
        ),
    ]
}

/// The proxies that come and go.
pub(crate) fn proxies() -> Vec<ProxyKey> {
    let [a, z] = NAMESPACES;
    let server = proxy(ProxyKind::Sidecar, &[("app", "a"), ("version", "v1")], a, "10.1.0.1");
    let client = proxy(ProxyKind::Sidecar, &[("app", "client")], z, "10.1.0.9");
    let dual = ProxyKey {
        addresses: ["10.1.0.8", "fd00::8"].map(|ip| ip.parse().expect("an IP address")).into(),
        ..proxy(ProxyKind::Sidecar, &[], a, "10.1.0.8")
    };
    let plain =
        ProxyKey { interception: Interception::None, ..proxy(ProxyKind::Sidecar, &[], a, "10.1.0.7") };
    let gateway = proxy(ProxyKind::Gateway, &[("istio", "ingressgateway")], z, "10.1.0.6");
    vec![server, client, dual, plain, gateway]
}
