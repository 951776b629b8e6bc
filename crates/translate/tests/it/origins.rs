//! What each resource was made from: of the golden scenarios every one, and some of each kind to the field.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use fairlead_config::{AnyConfig, ConfigKey, FieldPath, Origin, ReadFrom, decode_file};
use fairlead_model::proxy::{ProxyKey, ProxyKind};
use fairlead_resource::{ResourceName, TypeUrl};
use fairlead_testkit::golden;
use fairlead_translate::{
    origins::{ResourceOrigins, Which},
    publication::{PublicationKey, Sets, SetsOf, ViewKey, ViewOf, origins},
};
use serde_json::Value;

use crate::{
    certificates::piece,
    golden_scenarios,
    json_walk::{items, text},
    mesh::{self, Mesh, gateway, sidecar, to_json},
    proxy_file::ProxyFile,
};

type ByName = BTreeMap<ResourceName, ResourceOrigins>;

const TYPES: [TypeUrl; 5] = [
    TypeUrl::CLUSTER,
    TypeUrl::CLUSTER_LOAD_ASSIGNMENT,
    TypeUrl::LISTENER,
    TypeUrl::ROUTE_CONFIGURATION,
    TypeUrl::SECRET,
];

/// What no object asks for.
const FAIRLEADS: [&str; 12] = [
    "BlackHoleCluster",
    "PassthroughCluster",
    "InboundPassthroughCluster",
    "virtualOutbound",
    "virtualInbound",
    "virtualInbound-blackhole",
    "PassthroughFilterChain",
    "BlackHoleFilterChain",
    "allow_any",
    "block_all",
    "http_proxy",
    "blackhole:80",
];

fn told(mesh: &mut Mesh, key: &PublicationKey, type_url: TypeUrl, which: &Which) -> ByName {
    let lease = mesh.db.lease::<ViewOf>(key);
    let view = lease.value(&mesh.db);
    mesh.db.ask(|cx| origins(cx, &view, type_url, which)).resources
}

fn all(mesh: &mut Mesh, key: &PublicationKey, type_url: TypeUrl) -> ByName {
    told(mesh, key, type_url, &Which::Members(0..usize::MAX))
}

#[test]
fn everything_in_the_golden_scenarios_comes_from_a_field_that_is_written() {
    let mut faults = Vec::new();
    let mut checked = 0;
    for case in golden::cases(&golden::root()).expect("the golden files can be read") {
        let proxy = ProxyFile::parse(case.proxy.as_deref()).expect("proxy.yaml is well formed");
        let objects = decode_file("in.yaml", case.input.as_bytes()).objects;
        let objects: BTreeMap<ConfigKey, AnyConfig> =
            objects.into_iter().map(|object| (object.key().clone(), object)).collect();
        let (mut mesh, _) = golden_scenarios::mesh(&case);
        let sets = mesh.publication_of(&proxy);
        let key = PublicationKey { proxy: proxy.key(), secrets: proxy.secrets() };
        for type_url in TYPES {
            let told = all(&mut mesh, &key, type_url);
            let mut judge = Judge { objects: &objects, faults: Vec::new(), checked: 0 };
            judge.type_of(&sets, type_url, &told);
            checked += judge.checked;
            faults.extend(judge.faults.into_iter().map(|fault| format!("{}: {type_url} {fault}", case.name)));
        }
    }
    assert!(faults.is_empty(), "{} of {checked}: {faults:#?}", faults.len());
    assert!(checked > 1400, "{checked}");
}

struct Judge<'a> {
    objects: &'a BTreeMap<ConfigKey, AnyConfig>,
    faults: Vec<String>,
    checked: usize,
}

impl Judge<'_> {
    fn type_of(&mut self, sets: &Sets, type_url: TypeUrl, told: &ByName) {
        for (name, resource) in &sets.get(type_url) {
            let none = ResourceOrigins::default();
            let origins = told.get(name).unwrap_or(&none);
            let json = to_json(type_url, resource);
            match type_url {
                TypeUrl::LISTENER => self.listener(name, &json, origins),
                TypeUrl::ROUTE_CONFIGURATION => self.table(name, &json, origins),
                TypeUrl::CLUSTER_LOAD_ASSIGNMENT => {
                    self.made(name, &origins.own);
                    self.endpoints(name, &json, origins);
                }
                TypeUrl::CLUSTER => {
                    self.made(name, &origins.own);
                    if name.starts_with("outbound|") {
                        self.endpoints(name, &json["load_assignment"], origins);
                    }
                }
                _ => self.made(name, &origins.own),
            }
        }
        let sent: BTreeSet<_> = sets.get(type_url).keys().cloned().collect();
        let unsent: Vec<_> = told.keys().filter(|name| !sent.contains(*name)).collect();
        // A Secret that does not exist is named nevertheless.
        if type_url != TypeUrl::SECRET && !unsent.is_empty() {
            self.faults.push(format!("{unsent:?} are not sent"));
        }
    }

    fn listener(&mut self, name: &str, json: &Value, origins: &ResourceOrigins) {
        if FAIRLEADS.contains(&name) && origins.parts.is_empty() {
            return;
        }
        let chains = items(&json["filter_chains"]).iter().chain(json.get("default_filter_chain"));
        let names: Vec<_> = chains.map(|chain| chain["name"].as_str().unwrap_or_default()).collect();
        let told: Vec<_> = origins.parts.iter().map(|(name, _)| &**name).collect();
        if names != told {
            self.faults.push(format!("{name} has the chains {names:?}, told are {told:?}"));
        }
        for (chain, of_chain) in &origins.parts {
            let table =
                serde_json::to_string(json).expect("JSON").contains("\"route_config_name\":\"http_proxy\"");
            let made = if table { "http_proxy" } else { chain };
            self.made(made, of_chain);
        }
        if name != "virtualInbound" && !origins.parts.iter().all(|(_, of)| of.is_empty()) {
            self.made(name, &origins.own);
        }
    }

    fn table(&mut self, name: &str, json: &Value, origins: &ResourceOrigins) {
        for host in items(&json["virtual_hosts"]) {
            let host_name = text(&host["name"]);
            let routes = items(&host["routes"]).len();
            let told: Vec<_> = origins.parts.iter().filter(|(of, _)| **of == *host_name).collect();
            if told.len() != routes && !FAIRLEADS.contains(&host_name) {
                self.faults.push(format!("{name} {host_name} has {routes} routes, told are {told:?}"));
            }
            for (of, origins) in told {
                self.made(of, origins);
            }
        }
    }

    fn endpoints(&mut self, name: &str, assignment: &Value, origins: &ResourceOrigins) {
        let parts: BTreeMap<_, _> = origins.parts.iter().map(|(name, origins)| (&**name, origins)).collect();
        for locality in items(&assignment["endpoints"]) {
            for endpoint in items(&locality["lb_endpoints"]) {
                let address = &endpoint["endpoint"]["address"];
                let socket = &address["socket_address"];
                let at = match address["pipe"]["path"].as_str() {
                    Some(path) => path.to_owned(),
                    None => format!("{}:{}", text(&socket["address"]), socket["port_value"]),
                };
                let none = Vec::new();
                self.made(&format!("{name} {at}"), parts.get(&*at).copied().unwrap_or(&none));
            }
        }
    }

    /// Judges the origins of one thing.
    fn made(&mut self, what: &str, origins: &[Origin]) {
        self.checked += 1;
        if origins.is_empty() && !FAIRLEADS.contains(&what) {
            self.faults.push(format!("{what} comes from nowhere"));
        }
        for origin in origins {
            let Some(object) = self.objects.get(&origin.object) else {
                self.faults.push(format!("{what}: there is no {}", origin.object));
                continue;
            };
            let ReadFrom::File { positions, .. } = object.read_from() else {
                panic!("it was read from a file")
            };
            let written = positions.as_written(&origin.field);
            if origin.field != FieldPath::root() && positions.exact(&written).is_none() {
                self.faults.push(format!("{what}: {origin} is not written"));
            }
        }
    }
}

/// The origins of a resource, in the form `<origin>` of its own and `<part>: <origin>` of its parts.
fn check(yaml: &str, proxy: &ProxyKey, which: (TypeUrl, &str), expected: &[&str]) {
    check_in(&mut Mesh::of(yaml), proxy, which, expected);
}

fn check_in(mesh: &mut Mesh, proxy: &ProxyKey, (type_url, name): (TypeUrl, &str), expected: &[&str]) {
    let key = PublicationKey { proxy: proxy.clone(), secrets: true };
    let named = told(mesh, &key, type_url, &Which::one(name, None));
    assert_eq!(named.keys().map(|name| &**name).collect::<Vec<_>>(), [name], "one resource is asked for");
    let origins = &named[name];
    let of_part =
        |(part, of): &'_ (_, Vec<Origin>)| of.iter().map(|origin| format!("{part}: {origin}")).collect();
    let parts = origins.parts.iter().flat_map::<Vec<String>, _>(of_part);
    let lines: Vec<_> = origins.own.iter().map(ToString::to_string).chain(parts).collect();
    assert_eq!(lines, expected, "{type_url} {name}");
    assert_eq!(all(mesh, &key, type_url).get(name), Some(origins), "among all it is told alike");
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    let version = if kind == "Service" { "v1" } else { "networking.istio.io/v1" };
    format!("---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\n{spec}\n")
}

/// A Service whose ports are not in the order of their numbers, with a UDP port among them, and its Pod.
fn cart() -> String {
    let ports = "spec: {clusterIP: 10.1.0.1, selector: {app: cart}, ports: [{name: tcp-db, port: 90}, \
                 {name: dns, port: 80, protocol: UDP}, {name: http, port: 80}]}";
    let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: cart-1, namespace: shop, labels: {app: cart, version: v2}}\n\
               status: {podIP: 10.2.0.1, phase: Running}\n";
    object("Service", "cart", ports) + pod
}

const HTTP: &str = "outbound|80||cart.shop.svc.cluster.local";

#[test]
fn a_cluster_comes_from_its_port_its_subset_and_each_policy_that_applies() {
    let web = sidecar("web", "shop", "10.2.0.9");
    let port = "Service shop/cart spec.ports[2]";
    check(&cart(), &web, (TypeUrl::CLUSTER, HTTP), &[port]);
    let rule =
        |spec: &str| cart() + &object("DestinationRule", "r", &format!("spec: {{host: cart, {spec}}}"));
    let host = "DestinationRule shop/r spec.host";
    check(&rule("subsets: []"), &web, (TypeUrl::CLUSTER, HTTP), &[port, host]);
    let several = rule(
        "trafficPolicy: {loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 90}, loadBalancer: {simple: RANDOM}}]}, \
         subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}, trafficPolicy: {outlierDetection: {}}}]",
    );
    let policy = "DestinationRule shop/r spec.trafficPolicy";
    check(&several, &web, (TypeUrl::CLUSTER, HTTP), &[port, policy]);
    let subset = "outbound|80|v2|cart.shop.svc.cluster.local";
    let own = "DestinationRule shop/r spec.subsets[1]";
    check(&several, &web, (TypeUrl::CLUSTER, subset), &[port, own, &format!("{own}.trafficPolicy"), policy]);
    let db = "outbound|90||cart.shop.svc.cluster.local";
    let expected = ["Service shop/cart spec.ports[0]", &format!("{policy}.portLevelSettings[0]")];
    check(&several, &web, (TypeUrl::CLUSTER, db), &expected);
}

#[test]
fn a_subset_of_merged_rules_comes_from_the_rule_that_defines_it() {
    let rules = object(
        "DestinationRule",
        "a",
        "spec: {host: cart, subsets: [{name: v1, labels: {version: v1}}]}",
    ) + &object(
        "DestinationRule",
        "b",
        "spec: {host: cart, trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v2, labels: {version: v2}}]}",
    );
    let web = sidecar("web", "shop", "10.2.0.9");
    let subset = "outbound|80|v2|cart.shop.svc.cluster.local";
    let expected = [
        "Service shop/cart spec.ports[2]",
        "DestinationRule shop/b spec.subsets[0]",
        "DestinationRule shop/b spec.trafficPolicy",
    ];
    check(&(cart() + &rules), &web, (TypeUrl::CLUSTER, subset), &expected);
}

#[test]
fn an_endpoint_comes_from_what_lists_it() {
    let web = sidecar("web", "shop", "10.2.0.9");
    let assignment = (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, HTTP);
    let port = "Service shop/cart spec.ports[2]";
    check(&cart(), &web, assignment, &[port, "10.2.0.1:80: Pod shop/cart-1 status"]);
    let slice = "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
                 metadata: {name: cart-x, namespace: shop, labels: {kubernetes.io/service-name: cart}}\naddressType: IPv4\n\
                 ports: [{name: http, port: 8080}]\nendpoints: [{addresses: [10.2.0.5]}, {addresses: [10.2.0.4]}]\n";
    let expected = [
        port,
        "10.2.0.4:8080: EndpointSlice shop/cart-x endpoints[1]",
        "10.2.0.5:8080: EndpointSlice shop/cart-x endpoints[0]",
    ];
    check(&(cart() + slice), &web, assignment, &expected);
}

#[test]
fn an_endpoint_outside_comes_from_what_names_it() {
    let web = sidecar("web", "shop", "10.2.0.9");
    let external = |spec: &str| {
        let ports = "[{number: 443, name: tls, protocol: TLS}, {number: 80, name: http, protocol: HTTP}]";
        object(
            "ServiceEntry",
            "e",
            &format!("spec: {{hosts: [a.example, b.example], ports: {ports}, {spec}}}"),
        )
    };
    let name = "outbound|80||b.example";
    let port = "ServiceEntry shop/e spec.ports[1]";
    let inline = external("resolution: STATIC, endpoints: [{address: 10.3.0.1}, {address: 10.3.0.2}]");
    let expected = [
        port,
        "10.3.0.1:80: ServiceEntry shop/e spec.endpoints[0]",
        "10.3.0.2:80: ServiceEntry shop/e spec.endpoints[1]",
    ];
    check(&inline, &web, (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, name), &expected);
    let by_name = [port, "b.example:80: ServiceEntry shop/e spec.hosts[1]"];
    check(&external("resolution: DNS"), &web, (TypeUrl::CLUSTER, name), &by_name);
    let entry = object("WorkloadEntry", "w", "spec: {address: 10.3.0.7, labels: {app: e}}");
    let selected = external("resolution: STATIC, workloadSelector: {labels: {app: e}}") + &entry;
    let expected = [port, "10.3.0.7:80: WorkloadEntry shop/w spec.address"];
    check(&selected, &web, (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, name), &expected);
}

#[test]
fn a_route_comes_from_its_rule_and_condition_or_else_from_its_service() {
    let web = sidecar("web", "shop", "10.2.0.9");
    let host = "cart.shop.svc.cluster.local:80";
    let table = (TypeUrl::ROUTE_CONFIGURATION, "80");
    let default = format!("{host}: Service shop/cart spec.ports[2]");
    check(&cart(), &web, table, &[&default]);
    // A hash policy of the rule is in the route.
    let hashed = object(
        "DestinationRule",
        "r",
        "spec: {host: cart, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}}",
    );
    let policy = format!("{host}: DestinationRule shop/r spec.trafficPolicy");
    check(&(cart() + &hashed), &web, table, &[&default, &policy]);
    let routes = object(
        "VirtualService",
        "v",
        "spec: {hosts: [cart], http: [{name: d, delegate: {name: x}}, \
         {match: [{uri: {prefix: /a}, gateways: [other]}, {uri: {prefix: /b}}, {uri: {prefix: /c}}], route: [{destination: {host: cart}}]}, \
         {redirect: {uri: /}}]}",
    );
    let rule = |field: &str| format!("{host}: VirtualService shop/v spec.http{field}");
    let expected = [rule("[1].match[1]"), rule("[1].match[2]"), rule("[2]")];
    check(&(cart() + &routes), &web, table, &expected.each_ref().map(String::as_str));
    let wildcard = object(
        "VirtualService",
        "w",
        "spec: {hosts: ['*.shop.svc.cluster.local'], http: [{route: [{destination: {host: cart}}]}]}",
    );
    let expected = format!("{host}: VirtualService shop/w spec.http[0]");
    check(&(cart() + &wildcard), &web, table, &[&expected]);
}

#[test]
fn a_filter_chain_comes_from_its_service_route_server_or_egress_listener() {
    let web = sidecar("web", "shop", "10.2.0.9");
    let db = "Service shop/cart spec.ports[0]";
    check(&cart(), &web, (TypeUrl::LISTENER, "10.1.0.1_90"), &[db, &format!(": {db}")]);
    let http = "Service shop/cart spec.ports[2]";
    check(&cart(), &web, (TypeUrl::LISTENER, "0.0.0.0_80"), &[http, &format!(": {http}")]);
    let tcp = object(
        "VirtualService",
        "v",
        "spec: {hosts: [cart], tcp: [{match: [{port: 90}], route: [{destination: {host: cart, port: {number: 90}}}]}]}",
    );
    let route = "VirtualService shop/v spec.tcp[0].match[0]";
    check(&(cart() + &tcp), &web, (TypeUrl::LISTENER, "10.1.0.1_90"), &[route, &format!(": {route}")]);
    let of_sidecar = object(
        "Sidecar",
        "s",
        "spec: {egress: [{hosts: ['*/*']}, {port: {number: 80, name: http, protocol: HTTP}, bind: 127.0.0.7, captureMode: NONE, hosts: ['*/*']}], \
         ingress: [{port: {number: 81, name: a, protocol: HTTP}}, {port: {number: 82, name: b, protocol: TCP}, defaultEndpoint: '127.0.0.1:8082'}]}",
    );
    let egress = "Sidecar shop/s spec.egress[1]";
    check(
        &(cart() + &of_sidecar),
        &web,
        (TypeUrl::LISTENER, "127.0.0.7_80"),
        &[egress, &format!(": {egress}")],
    );
    let inbound =
        ["inbound|81||: Sidecar shop/s spec.ingress[0]", "inbound|82||: Sidecar shop/s spec.ingress[1]"];
    check(&(cart() + &of_sidecar), &web, (TypeUrl::LISTENER, "virtualInbound"), &inbound);
    check(
        &(cart() + &of_sidecar),
        &web,
        (TypeUrl::CLUSTER, "inbound|82||"),
        &["Sidecar shop/s spec.ingress[1]"],
    );
    let itself = proxy_at(&[("app", "cart")], "10.2.0.1");
    let inbound =
        ["inbound|80||: Service shop/cart spec.ports[2]", "inbound|90||: Service shop/cart spec.ports[0]"];
    check(&cart(), &itself, (TypeUrl::LISTENER, "virtualInbound"), &inbound);
}

fn proxy_at(labels: &[(&str, &str)], ip: &str) -> ProxyKey {
    mesh::proxy(ProxyKind::Sidecar, labels, "shop", ip)
}

#[test]
fn what_a_gateway_has_comes_from_its_servers_and_their_secrets() {
    let servers = "spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}, \
                   {port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.example], tls: {mode: MUTUAL, credentialName: c}}, \
                   {port: {number: 443, name: pass, protocol: TLS}, hosts: [b.example], tls: {mode: PASSTHROUGH}}]}";
    let data = |name: &str| BASE64.encode(piece(name));
    let secret = format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: c, namespace: shop}}\ntype: kubernetes.io/tls\n\
         data: {{tls.crt: {}, tls.key: {}, ca.crt: {}}}\n",
        data("p256"),
        data("p256 key"),
        data("authority"),
    );
    let routes = object(
        "VirtualService",
        "v",
        "spec: {hosts: [b.example], gateways: [g], tls: [{match: [{sniHosts: [b.example]}], route: [{destination: {host: cart, port: {number: 90}}}]}]}",
    ) + &object(
        "VirtualService",
        "w",
        "spec: {hosts: [a.example], gateways: [g], http: [{route: [{destination: {host: cart, port: {number: 80}}}]}]}",
    );
    let mut mesh = Mesh::of(&(cart() + &object("Gateway", "g", servers) + &secret + &routes));
    let edge = gateway("shop");
    let of = |index: usize| format!("Gateway shop/g spec.servers[{index}]");
    check_in(&mut mesh, &edge, (TypeUrl::LISTENER, "0.0.0.0_80"), &[&of(0), &format!(": {}", of(0))]);
    let chains = [
        of(1),
        of(2),
        format!("0.0.0.0_443/a.example: {}", of(1)),
        "0.0.0.0_443/b.example: VirtualService shop/v spec.tls[0].match[0]".to_owned(),
    ];
    check_in(&mut mesh, &edge, (TypeUrl::LISTENER, "0.0.0.0_443"), &chains.each_ref().map(String::as_str));
    let tls = format!("{}.tls", of(1));
    let certificate = ["Secret shop/c data[tls.crt]", &tls];
    check_in(&mut mesh, &edge, (TypeUrl::SECRET, "kubernetes://c"), &certificate);
    let authorities = ["Secret shop/c data[ca.crt]", &tls];
    check_in(&mut mesh, &edge, (TypeUrl::SECRET, "kubernetes-cacert://c"), &authorities);
    let route = ["a.example:80: VirtualService shop/w spec.http[0]"];
    check_in(&mut mesh, &edge, (TypeUrl::ROUTE_CONFIGURATION, "http.80"), &route);
}

#[test]
fn a_rule_before_others_moves_their_origins_and_sends_nothing() {
    let web = sidecar("web", "shop", "10.2.0.9");
    let routes = |before: &str| {
        object(
            "VirtualService",
            "v",
            &format!(
                "spec: {{hosts: [cart], gateways: [mesh, edge], http: [{before}{{match: [{{uri: {{prefix: /a}}}}], redirect: {{uri: /}}}}, {{redirect: {{uri: /b}}}}]}}"
            ),
        )
    };
    let host = "cart.shop.svc.cluster.local:80";
    let table = (TypeUrl::ROUTE_CONFIGURATION, "80");
    let mut mesh = Mesh::of(&(cart() + &routes("")));
    let expected = |first: usize| {
        let rule = |field: String| format!("{host}: VirtualService shop/v spec.http{field}");
        [rule(format!("[{first}].match[0]")), rule(format!("[{}]", first + 1))]
    };
    check_in(&mut mesh, &web, table, &expected(0).each_ref().map(String::as_str));
    let before = mesh.publication(&web);
    let view = view_of(&mut mesh, &web);
    let lease = mesh.db.lease::<SetsOf>(&view);
    // It is for a gateway only.
    let settled = mesh.apply(&routes("{match: [{gateways: [edge]}], redirect: {uri: /c}}, "));
    assert!(!settled.has_changed(lease.id()), "nobody is sent anything: {:?}", settled.recomputed);
    assert_eq!(mesh.publication(&web), before);
    check_in(&mut mesh, &web, table, &expected(1).each_ref().map(String::as_str));
}

fn view_of(mesh: &mut Mesh, proxy: &ProxyKey) -> ViewKey {
    let lease = mesh.db.lease::<ViewOf>(&PublicationKey { proxy: proxy.clone(), secrets: true });
    (*lease.value(&mesh.db)).clone()
}

#[test]
fn slices_tell_together_what_is_told_at_once() {
    let web = sidecar("web", "shop", "10.2.0.9");
    let service = |number: usize| {
        object(
            "Service",
            &format!("s{number}"),
            &format!(
                "spec: {{clusterIP: 10.1.1.{number}, ports: [{{name: http, port: 80}}, {{name: tcp, port: 90}}]}}"
            ),
        )
    };
    let mut mesh = Mesh::of(&(1..20).map(service).collect::<String>());
    let view = view_of(&mut mesh, &web);
    for type_url in TYPES {
        let whole = mesh.db.ask(|cx| origins(cx, &view, type_url, &Which::Members(0..100)));
        assert!(!whole.is_cut);
        let (mut slices, mut cut) = (ByName::new(), 0);
        for from in 0.. {
            let slice =
                mesh.db.ask(|cx| origins(cx, &view, type_url, &Which::Members(from * 7..(from + 1) * 7)));
            cut += usize::from(slice.is_cut);
            for (name, origins) in slice.resources {
                slices.entry(name).or_default().extend(origins);
            }
            if !slice.is_cut {
                break;
            }
        }
        assert_eq!(slices, whole.resources);
        assert_eq!(cut > 1, type_url != TypeUrl::SECRET, "{type_url}: {cut}");
    }
}
