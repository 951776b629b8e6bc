//! A model of Envoy's side of a delta stream: what it holds, what warms, what it asks for and when it answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use envoy_types::pb::{
    envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse},
    google::rpc::Status,
};
use fairlead_resource::TypeUrl;

use super::{
    localities::Localities,
    mesh::{Contents, is_bad, references},
    script::version,
};

/// One proxy. Its configuration outlives its streams.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one proxy")]
pub(super) struct Envoy {
    pub(super) held: BTreeMap<TypeUrl, Contents>,
    /// Clusters that wait for endpoints; while there are any, cluster responses are not answered.
    pub(super) warming: BTreeSet<String>,
    /// The first clusters have warmed; only then are listeners asked for.
    initialised: bool,
    /// The stream began while clusters warmed, and the client had nothing else to list: a server cannot tell
    /// it from one that has its clusters from elsewhere.
    untold: bool,
    /// Endpoints were rejected, so that clusters may warm on.
    rejected_endpoints: bool,
    /// The stream began while clusters warmed; a server waits for their request only so long.
    late: bool,
    withheld: Vec<DeltaDiscoveryRequest>,
    subscribed: BTreeMap<TypeUrl, BTreeSet<String>>,
    begun: BTreeSet<TypeUrl>,
    nonces: BTreeSet<String>,
    /// Requests on their way.
    pub(super) requests: VecDeque<DeltaDiscoveryRequest>,
    vhds: bool,
    /// The endpoints that come as resources of their own.
    pub(super) localities: Localities,
}

impl Envoy {
    pub(super) fn new(vhds: bool) -> Self {
        Self { vhds, ..Self::default() }
    }

    pub(super) fn held(&self, type_url: TypeUrl) -> &Contents {
        static NONE: Contents = Contents::new();
        self.held.get(&type_url).unwrap_or(&NONE)
    }

    /// Opens a stream: asks for everything again, with what it has.
    pub(super) fn connect(&mut self) {
        self.requests.clear();
        self.withheld.clear();
        self.begun.clear();
        self.subscribed.clear();
        self.nonces.clear();
        let others = self.held.iter().filter(|(t, _)| **t != TypeUrl::CLUSTER);
        self.late = !self.warming.is_empty();
        self.untold = !self.warming.is_empty() && others.map(|(_, held)| held.len()).sum::<usize>() == 0;
        if self.warming.is_empty() {
            self.begin(TypeUrl::CLUSTER);
        }
        self.subscribe();
        if self.initialised {
            self.begin(TypeUrl::LISTENER);
        }
    }

    fn begin(&mut self, type_url: TypeUrl) {
        self.begun.insert(type_url);
        let held = self.held(type_url);
        let versions = held.iter().map(|(n, c)| (n.clone(), version(c).to_string())).collect();
        let names = self.subscribed.get(&type_url).cloned().unwrap_or_default();
        self.requests.push_back(DeltaDiscoveryRequest {
            type_url: type_url.as_str().into(),
            resource_names_subscribe: names.into_iter().collect(),
            initial_resource_versions: versions,
            ..Default::default()
        });
    }

    /// Names are asked for as the held clusters and listeners need them.
    fn subscribe(&mut self) {
        let clusters = self.held(TypeUrl::CLUSTER).keys().cloned().collect();
        self.want(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, &clusters);
        self.localities.retain(&clusters);
        self.want(TypeUrl::LB_ENDPOINT, &self.localities.globs());
        let listeners = self.held(TypeUrl::LISTENER).values();
        let routes = listeners.flat_map(|c| references(c).map(str::to_owned)).collect();
        self.want(TypeUrl::ROUTE_CONFIGURATION, &routes);
        if self.vhds && !self.held(TypeUrl::ROUTE_CONFIGURATION).is_empty() {
            let hosts = TypeUrl::VIRTUAL_HOST;
            if !self.begun.contains(&hosts) {
                self.begin(hosts);
            }
        }
    }

    fn want(&mut self, type_url: TypeUrl, names: &BTreeSet<String>) {
        let old = self.subscribed.insert(type_url, names.clone()).unwrap_or_default();
        let dropped: Vec<String> = old.difference(names).cloned().collect();
        for name in &dropped {
            self.held.entry(type_url).or_default().remove(name);
            if type_url == TypeUrl::ROUTE_CONFIGURATION {
                self.forget_hosts(name);
            }
        }
        if !self.begun.contains(&type_url) {
            if !names.is_empty() {
                self.held.entry(type_url).or_default().retain(|n, _| names.contains(n));
                self.begin(type_url);
            }
        } else if old != *names {
            self.requests.push_back(DeltaDiscoveryRequest {
                type_url: type_url.as_str().into(),
                resource_names_subscribe: names.difference(&old).cloned().collect(),
                resource_names_unsubscribe: dropped,
                ..Default::default()
            });
        }
    }

    fn forget_hosts(&mut self, table: &str) {
        let prefix = format!("{table}/");
        self.held.entry(TypeUrl::VIRTUAL_HOST).or_default().retain(|n, _| !n.starts_with(&prefix));
    }

    /// Takes a response; checks what must hold of every response.
    pub(super) fn receive(
        &mut self,
        response: &DeltaDiscoveryResponse,
        rejected_clusters: &BTreeSet<String>,
    ) {
        let type_url = TypeUrl::parse(&response.type_url).unwrap();
        assert!(self.nonces.insert(response.nonce.clone()), "nonce {} used twice", response.nonce);
        let mut answer = DeltaDiscoveryRequest {
            type_url: response.type_url.clone(),
            response_nonce: response.nonce.clone(),
            ..Default::default()
        };
        let contents: Contents = response
            .resources
            .iter()
            .map(|r| (r.name.clone(), String::from_utf8(r.resource.clone().unwrap().value).unwrap()))
            .collect();
        let bad: Vec<&String> = contents.iter().filter(|(_, c)| is_bad(c)).map(|(n, _)| n).collect();
        if bad.is_empty() {
            self.apply(type_url, contents, &response.removed_resources, rejected_clusters);
        } else {
            self.rejected_endpoints |=
                matches!(type_url, TypeUrl::CLUSTER_LOAD_ASSIGNMENT | TypeUrl::LB_ENDPOINT);
            if type_url == TypeUrl::LB_ENDPOINT {
                for cluster in self.localities.give_up() {
                    self.warming.remove(&cluster);
                }
            }
            let message = match type_url {
                TypeUrl::CLUSTER => format!("Error adding/updating cluster(s) {}: it is bad", bad[0]),
                _ => "something is bad".to_owned(),
            };
            answer.error_detail = Some(Status { code: 13, message, ..Default::default() });
        }
        if type_url == TypeUrl::CLUSTER && !self.warming.is_empty() {
            self.withheld.push(answer);
        } else {
            self.requests.push_back(answer);
        }
        if self.warming.is_empty() {
            self.initialised |= type_url == TypeUrl::CLUSTER;
            self.resume();
        }
    }

    /// Endpoints that never come are given up after a time.
    pub(super) fn stop_warming(&mut self) {
        self.warming.clear();
        self.resume();
    }

    /// Cluster responses are answered once nothing warms.
    fn resume(&mut self) {
        self.requests.extend(self.withheld.drain(..));
        if !self.begun.contains(&TypeUrl::CLUSTER) {
            self.begin(TypeUrl::CLUSTER);
        }
        self.initialised |= !self.held(TypeUrl::CLUSTER).is_empty();
        if self.initialised && !self.begun.contains(&TypeUrl::LISTENER) {
            self.begin(TypeUrl::LISTENER);
        }
    }

    fn apply(
        &mut self,
        type_url: TypeUrl,
        contents: Contents,
        removed: &[String],
        rejected_clusters: &BTreeSet<String>,
    ) {
        match type_url {
            TypeUrl::CLUSTER => {
                for name in removed {
                    self.warming.remove(name);
                    let users = [TypeUrl::ROUTE_CONFIGURATION, TypeUrl::VIRTUAL_HOST];
                    for (user, content) in users.iter().flat_map(|t| self.held(*t)) {
                        assert!(
                            references(content).all(|r| r != name),
                            "cluster {name} is removed while {user} ({content}) uses it"
                        );
                    }
                }
                self.warming.extend(contents.keys().cloned());
            }
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT => {
                for name in removed {
                    self.warming.remove(name);
                }
                let wanted = self.subscribed.get(&type_url).cloned().unwrap_or_default();
                for (name, content) in contents.iter().filter(|(name, _)| wanted.contains(*name)) {
                    if self.localities.assign(name, content) {
                        self.warming.remove(name);
                    }
                }
            }
            TypeUrl::LB_ENDPOINT => {
                for cluster in self.localities.apply(&contents, removed) {
                    self.warming.remove(&cluster);
                }
                return;
            }
            TypeUrl::ROUTE_CONFIGURATION | TypeUrl::VIRTUAL_HOST => {
                for reference in contents.values().flat_map(|c| references(c)) {
                    assert!(
                        self.held(TypeUrl::CLUSTER).contains_key(reference)
                            || rejected_clusters.contains(reference)
                            || self.untold
                            || (self.rejected_endpoints && self.late),
                        "{type_url} {contents:?} comes before cluster {reference}"
                    );
                }
                for table in removed.iter().filter(|_| type_url == TypeUrl::ROUTE_CONFIGURATION) {
                    self.forget_hosts(table);
                }
            }
            _ => {}
        }
        let tables: Vec<String> = self.held(TypeUrl::ROUTE_CONFIGURATION).keys().cloned().collect();
        let wanted = self.subscribed.get(&type_url).cloned();
        let held = self.held.entry(type_url).or_default();
        for name in removed {
            held.remove(name);
        }
        for (name, content) in contents {
            let known = match type_url {
                // Hosts of a table that is not known are dropped.
                TypeUrl::VIRTUAL_HOST => tables.iter().any(|t| name.starts_with(&format!("{t}/"))),
                _ => wanted.as_ref().is_none_or(|w| w.contains(&name)),
            };
            if known {
                held.insert(name, content);
            }
        }
        self.subscribe();
    }
}
