//! What each resource was made from: of the golden scenarios every one, and some of each kind to the field.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_config::{AnyConfig, ConfigKey, FieldPath, Origin, Source, decode_file};
use fairlead_resource::{ResourceName, TypeUrl};
use fairlead_testkit::golden;
use fairlead_translate::{
    origins::{ResourceOrigins, Which},
    publication::{PublicationKey, Sets, ViewOf, origins},
};
use serde_json::Value;

use crate::{
    golden_scenarios::mesh,
    json_walk::{items, text},
    mesh::{Mesh, to_json},
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

fn told(mesh: &mut Mesh, key: &PublicationKey, type_url: TypeUrl, which: &Which<'_>) -> ByName {
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
        let (mut mesh, _) = mesh(&case);
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
            let Source::File { positions, .. } = object.source() else { panic!("it was read from a file") };
            let written = positions.as_written(&origin.field);
            if origin.field != FieldPath::root() && positions.exact(&written).is_none() {
                self.faults.push(format!("{what}: {origin} is not written"));
            }
        }
    }
}
