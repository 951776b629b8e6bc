//! A static configuration for Envoy without a control plane: every resource with its references inlined.
//!
//! Endpoints are inline in their clusters, which never resolve a name; route tables are inline in their listeners;
//! secrets are static resources, which Envoy finds by name. Chains that need a missing secret are left out, and such
//! clusters have no endpoints: Envoy would refuse the file, and an empty secret would accept any client.

use std::collections::BTreeSet;

use anyhow::ensure;
use fairlead_envoy::{
    bootstrap::{Bootstrap, Node, Xds, XdsProtocol},
    json,
};
use fairlead_resource::TypeUrl;
use fairlead_xds::Publication;
use serde_json::{Map, Value, json};

use crate::bootstrap::admin;

/// The static configuration.
pub(super) struct StaticFile {
    pub(super) bootstrap: Value,
    /// Sentences about what it lacks.
    pub(super) notes: Vec<String>,
}

/// The static configuration for the proxy with this node.
pub(super) fn of(node: &Node, admin_port: u16, publication: &Publication) -> anyhow::Result<StaticFile> {
    let mut resources = Resources {
        tables: all(publication, TypeUrl::ROUTE_CONFIGURATION)?,
        assignments: all(publication, TypeUrl::CLUSTER_LOAD_ASSIGNMENT)?,
        secrets: all(publication, TypeUrl::SECRET)?,
        notes: Vec::new(),
    };
    let clusters = all(publication, TypeUrl::CLUSTER)?;
    let clusters: Vec<_> = clusters.into_iter().map(|cluster| resources.cluster(cluster)).collect();
    let listeners = all(publication, TypeUrl::LISTENER)?;
    let listeners: Vec<_> =
        listeners.into_iter().filter_map(|listener| resources.listener(listener)).collect();
    let xds = Xds {
        host: String::new(),
        port: 0,
        protocol: XdsProtocol::default(),
        tls: None,
        token_secret_path: None,
    };
    let bootstrap = Bootstrap { node: node.clone(), xds, admin: admin(admin_port), stats: None };
    let mut bootstrap = bootstrap.to_json();
    if let Some(bootstrap) = bootstrap.as_object_mut() {
        bootstrap.remove("dynamic_resources");
    }
    bootstrap["static_resources"] =
        json!({ "clusters": clusters, "listeners": listeners, "secrets": resources.secrets });
    ensure!(!asks_elsewhere(&bootstrap), "a resource refers to one that is not inside; this is a bug");
    Ok(StaticFile { bootstrap, notes: resources.notes })
}

/// All resources of a type, with key material.
fn all(publication: &Publication, type_url: TypeUrl) -> anyhow::Result<Vec<Value>> {
    let resources = publication.set(type_url).values();
    resources.map(|resource| Ok(json::to_json(type_url.as_str(), &resource.to_vec())?)).collect()
}

/// The resources to which others refer.
struct Resources {
    tables: Vec<Value>,
    assignments: Vec<Value>,
    secrets: Vec<Value>,
    notes: Vec<String>,
}

impl Resources {
    fn cluster(&mut self, mut cluster: Value) -> Value {
        let name = cluster["name"].as_str().unwrap_or_default().to_owned();
        let missing = self.missing(&cluster);
        if !missing.is_empty() {
            self.notes.push(format!("cluster `{name}` has no endpoints: {}", not_there(&missing)));
            return json!({ "name": name, "type": "STATIC", "load_assignment": { "cluster_name": name } });
        }
        if cluster["type"] == "EDS" {
            let service = cluster["eds_cluster_config"]["service_name"].as_str().unwrap_or(&name);
            let known = self.assignments.iter().find(|known| known["cluster_name"] == service);
            let mut assignment = known.cloned().unwrap_or_else(|| json!({}));
            assignment["cluster_name"] = name.into();
            cluster["type"] = "STATIC".into();
            cluster["load_assignment"] = assignment;
            if let Some(cluster) = cluster.as_object_mut() {
                cluster.remove("eds_cluster_config");
            }
        }
        self.inline(&mut cluster);
        cluster
    }

    /// A listener without the chains that lack a secret; `None` if no chain is left.
    fn listener(&mut self, mut listener: Value) -> Option<Value> {
        let name = listener["name"].as_str().unwrap_or_default().to_owned();
        let mut closed = BTreeSet::new();
        let mut is_open = |chain: &Value| {
            let missing = self.missing(chain);
            let is_open = missing.is_empty();
            closed.extend(missing);
            is_open
        };
        if let Some(chains) = listener["filter_chains"].as_array_mut() {
            chains.retain(&mut is_open);
        }
        if let Some(listener) = listener.as_object_mut()
            && listener.get("default_filter_chain").is_some_and(|chain| !is_open(chain))
        {
            listener.remove("default_filter_chain");
        }
        let is_left = listener["filter_chains"].as_array().is_some_and(|chains| !chains.is_empty())
            || listener["default_filter_chain"].is_object();
        if !closed.is_empty() {
            let what = if is_left { "is closed in part" } else { "is left out" };
            self.notes.push(format!("listener `{name}` {what}: {}", not_there(&closed)));
        }
        self.inline(&mut listener);
        is_left.then_some(listener)
    }

    /// Replaces each reference by the resource that it names.
    fn inline(&self, json: &mut Value) {
        edit(json, &mut |object| {
            if let Some(rds) = object.remove("rds") {
                let name = &rds["route_config_name"];
                let table = self.tables.iter().find(|table| table["name"] == *name);
                let mut table = table.cloned().unwrap_or_else(|| json!({ "name": name }));
                // As for tables sent by RDS: a route to a cluster that does not exist is answered with 503.
                table["validate_clusters"] = false.into();
                object.insert("route_config".to_owned(), table);
            }
            // A secret without a config source is found in the same file.
            if object.get("sds_config").is_some_and(is_ads) {
                object.remove("sds_config");
            }
        });
    }

    /// The names of secrets that a part of a resource needs and that do not exist.
    fn missing(&self, part: &Value) -> BTreeSet<String> {
        let mut missing = BTreeSet::new();
        visit(part, &mut |object| {
            let of = |field: &str| {
                object.get(field).into_iter().flat_map(|found| match found {
                    Value::Array(all) => all.iter().collect(),
                    one => vec![one],
                })
            };
            let certificates = of("tls_certificate_sds_secret_configs").map(|one| (one, "tls_certificate"));
            let authorities =
                of("validation_context_sds_secret_config").map(|one| (one, "validation_context"));
            for (reference, kind) in certificates.chain(authorities) {
                let is_it = |secret: &Value| secret["name"] == reference["name"] && secret[kind].is_object();
                if is_ads(&reference["sds_config"]) && !self.secrets.iter().any(is_it) {
                    missing.insert(reference["name"].as_str().unwrap_or_default().to_owned());
                }
            }
        });
        missing
    }
}

fn not_there(secrets: &BTreeSet<String>) -> String {
    let names: Vec<_> = secrets.iter().map(|name| format!("`{name}`")).collect();
    format!("there is no secret {}", names.join(", "))
}

/// Whether a config source is ADS.
fn is_ads(source: &Value) -> bool {
    source.get("ads").is_some()
}

/// Whether it still contains a reference to another config source.
fn asks_elsewhere(json: &Value) -> bool {
    let mut asks = false;
    visit(json, &mut |object| asks |= object.values().any(is_ads));
    asks
}

fn visit(json: &Value, look: &mut dyn FnMut(&Map<String, Value>)) {
    match json {
        Value::Object(object) => {
            look(object);
            object.values().for_each(|value| visit(value, look));
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
        _ => {}
    }
}

fn edit(json: &mut Value, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    match json {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|value| edit(value, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| edit(item, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
