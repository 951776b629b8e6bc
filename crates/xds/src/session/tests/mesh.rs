//! Random meshes, small enough that everything collides.
//!
//! A content is `<version>:<references>`; the references of a listener are routes, those of a route or virtual
//! host are clusters. Every reference exists in the same publication. A content with `bad` in it is one that the
//! modelled Envoy rejects.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_resource::{
    Elements, EncodedResource, ResourceSet, TypeUrl,
    collection::{Collection, Epoch},
};

use crate::Publication;

/// Names to contents.
pub(super) type Contents = BTreeMap<String, String>;

/// What is published, in a form that is easy to compare.
#[derive(Clone, Debug, Default)]
pub(super) struct Mesh {
    pub(super) clusters: Contents,
    pub(super) endpoints: Contents,
    /// Endpoints of assignments with collections, as `<cluster>/<collection>/<endpoint>`. The content of such an
    /// assignment is `a:<collections>/<version>`, or `b:` in the second epoch.
    pub(super) collected: Contents,
    pub(super) listeners: Contents,
    /// Route tables: their own content, and their hosts by `<table>/<host>`.
    pub(super) routes: Contents,
    pub(super) hosts: Contents,
}

/// What a content refers to.
pub(super) fn references(content: &str) -> impl Iterator<Item = &str> {
    content.split_once(':').map_or("", |(_, refs)| refs).split(',').filter(|r| !r.is_empty())
}

pub(super) fn is_bad(content: &str) -> bool {
    content.contains("bad")
}

/// A few random bits after each other.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick(&mut self, from: &[String]) -> String {
        let picked: Vec<&str> =
            from.iter().filter(|_| self.0 != 0 && self.roll(2) == 0).map(String::as_str).collect();
        picked.join(",")
    }

    /// A version; now and then one that is rejected.
    fn version(&mut self, bad: bool) -> String {
        let rejected = bad && self.roll(8) == 0;
        format!("{}{}", if rejected { "bad" } else { "v" }, self.roll(3))
    }
}

impl Mesh {
    pub(super) fn random(seed: u64, bad: bool) -> Self {
        let mut dice = Dice(seed.wrapping_mul(2_654_435_761).wrapping_add(1));
        let mut mesh = Self::default();
        for name in ["a", "b", "c", "d"] {
            if dice.roll(3) > 0 {
                mesh.clusters.insert(name.into(), dice.version(bad));
                mesh.endpoints.insert(name.into(), dice.version(bad));
            }
        }
        let clusters: Vec<String> = mesh.clusters.keys().cloned().collect();
        for table in ["80", "81", "9080"] {
            if dice.roll(3) > 0 {
                let version = dice.version(bad);
                mesh.routes.insert(table.into(), format!("{version}:{}", dice.pick(&clusters)));
                for host in ["x", "y", "z"] {
                    if dice.roll(2) > 0 {
                        let version = dice.version(bad);
                        let host = format!("{table}/{host}");
                        mesh.hosts.insert(host, format!("{version}:{}", dice.pick(&clusters)));
                    }
                }
            }
        }
        let routes: Vec<String> = mesh.routes.keys().cloned().collect();
        for listener in ["l", "m"] {
            if dice.roll(4) > 0 {
                let version = dice.version(bad);
                mesh.listeners.insert(listener.into(), format!("{version}:{}", dice.pick(&routes)));
            }
        }
        mesh
    }

    /// Gives some of the clusters endpoints in collections.
    pub(super) fn collect(&mut self, seed: u64, bad: bool) {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1));
        for (cluster, assignment) in &mut self.endpoints {
            let mut numbers = Vec::new();
            for number in 0..dice.roll(3) {
                let before = self.collected.len();
                for endpoint in ["x", "y", "z"] {
                    if dice.roll(3) > 0 {
                        let name = format!("{cluster}/{number}/{endpoint}");
                        self.collected.insert(name, dice.version(bad));
                    }
                }
                if self.collected.len() > before {
                    numbers.push(number.to_string());
                }
            }
            if !numbers.is_empty() {
                let bad = bad && dice.roll(2) == 0;
                *assignment = format!("a:{}/{}", numbers.join(","), dice.version(bad));
            }
        }
    }

    /// An assignment, whose endpoints may come as resources of their own.
    fn assignment(&self, cluster: &str, content: &str) -> EncodedResource {
        let prefix = format!("{cluster}/");
        let endpoints = self.collected.iter().filter(|(name, _)| name.starts_with(&prefix));
        let children: ResourceSet = endpoints
            .map(|(name, content)| {
                let (number, endpoint) = name[prefix.len()..].split_once('/').unwrap();
                let collection = Collection::new(Epoch::First, cluster, number.parse().unwrap());
                let name = format!("{}/{endpoint}", collection.prefix());
                entry(EncodedResource::whole(name, content.clone()))
            })
            .collect();
        if children.is_empty() {
            return EncodedResource::whole(cluster, content.to_owned());
        }
        let digest = children.values().map(|c| c.digest.0 >> 100).sum::<u128>();
        let parents = [content.to_owned(), content.replacen("a:", "b:", 1)];
        let parents = parents.map(|content| EncodedResource::whole(cluster, content));
        let bad = children.values().any(|c| is_bad(str::from_utf8(&c.to_vec()).unwrap()));
        let full = format!("full{} {content}-{digest}", if bad { "bad" } else { "" });
        EncodedResource::whole(cluster, full).with_elements(Elements::of_collections(parents, children))
    }

    pub(super) fn publication(&self, revision: u64) -> Publication {
        let tables = self.routes.iter().map(|(name, content)| {
            let prefix = format!("{name}/");
            let hosts = self.hosts.iter().filter(|(host, _)| host.starts_with(&prefix));
            let elements = Elements {
                element_type: TypeUrl::VIRTUAL_HOST,
                parent: EncodedResource::whole(name.as_str(), content.clone()),
                children: hosts.map(|(n, c)| entry(EncodedResource::whole(n.as_str(), c.clone()))).collect(),
                in_second_epoch: None,
            };
            // The full form refers to what table and hosts refer to.
            let all: Vec<&str> = std::iter::once(content)
                .chain(elements.children.keys().map(|n| &self.hosts[&**n]))
                .flat_map(|content| references(content))
                .collect();
            let bad = is_bad(content) || elements.children.keys().any(|n| is_bad(&self.hosts[&**n]));
            let digest = elements.children.values().map(|c| c.digest.0 >> 100).sum::<u128>();
            let version = content.split(':').next().unwrap();
            let full = format!("{version}-{digest}{}:{}", if bad { "bad" } else { "" }, all.join(","));
            entry(EncodedResource::whole(name.as_str(), full).with_elements(elements))
        });
        Publication::new(revision)
            .with(TypeUrl::CLUSTER, set(&self.clusters))
            .with(
                TypeUrl::CLUSTER_LOAD_ASSIGNMENT,
                self.endpoints.iter().map(|(name, content)| entry(self.assignment(name, content))).collect(),
            )
            .with(TypeUrl::LISTENER, set(&self.listeners))
            .with(TypeUrl::ROUTE_CONFIGURATION, tables.collect())
    }
}

fn entry(resource: EncodedResource) -> (Arc<str>, EncodedResource) {
    (resource.name.clone(), resource)
}

fn set(contents: &Contents) -> ResourceSet {
    contents.iter().map(|(n, c)| entry(EncodedResource::whole(n.as_str(), c.clone()))).collect()
}
