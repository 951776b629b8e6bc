//! The resources of a proxy, from Fairlead's dump or from Envoy's own.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use fairlead_control_plane::{
    dump::{ConfigDump, Resource},
    order::natural,
};
use serde_json::Value;

/// The resources of a proxy by type.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    resources: BTreeMap<&'static str, Vec<Entry>>,
    /// The rejected resources, as `<resource>` or `<resource>/<part>`, by type.
    rejected: BTreeSet<(&'static str, String)>,
    /// The clusters and endpoints from Envoy's `/clusters`, if it was asked.
    pub(super) clusters: Option<Vec<Value>>,
}

/// One resource, with its state at Envoy.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) resource: Value,
    /// The resource from the control plane, with its origins.
    pub(super) told: Option<Resource>,
    state: State,
}

/// The state of a resource at Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Unknown: the control plane has sent it.
    Sent,
    Active,
    Warming,
    /// Rejected, and not in use.
    Rejected,
    /// In use, but a newer version was rejected.
    UpdateRejected,
}

/// The types, each with that of its elements.
const TYPES: [(&str, &str); 5] =
    [("CDS", "CDS"), ("EDS", "LEDS"), ("LDS", "FCDS"), ("RDS", "VHDS"), ("SDS", "SDS")];

/// A part of Envoy's dump.
struct Part {
    /// The end of its type URL.
    name: &'static str,
    /// The type of its resources in the short form.
    short: &'static str,
    /// The field of an entry that has the resource.
    field: &'static str,
    lists: &'static [(&'static str, State)],
}

const PARTS: [Part; 5] = [
    Part {
        name: "ClustersConfigDump",
        short: "CDS",
        field: "cluster",
        lists: &[
            ("static_clusters", State::Active),
            ("dynamic_active_clusters", State::Active),
            ("dynamic_warming_clusters", State::Warming),
        ],
    },
    Part {
        name: "EndpointsConfigDump",
        short: "EDS",
        field: "endpoint_config",
        lists: &[("static_endpoint_configs", State::Active), ("dynamic_endpoint_configs", State::Active)],
    },
    // Dynamic resources have a form of their own.
    Part {
        name: "ListenersConfigDump",
        short: "LDS",
        field: "listener",
        lists: &[("static_listeners", State::Active)],
    },
    Part {
        name: "RoutesConfigDump",
        short: "RDS",
        field: "route_config",
        lists: &[("static_route_configs", State::Active), ("dynamic_route_configs", State::Active)],
    },
    Part {
        name: "SecretsConfigDump",
        short: "SDS",
        field: "secret",
        lists: &[
            ("static_secrets", State::Active),
            ("dynamic_active_secrets", State::Active),
            ("dynamic_warming_secrets", State::Warming),
        ],
    },
];

impl Configuration {
    /// Reads either dump, or the output of Envoy's `/clusters`.
    ///
    /// # Errors
    /// If it is none of them.
    pub(super) fn of_json(json: Value) -> anyhow::Result<Self> {
        let mut configuration = if let Some(parts) = json["configs"].as_array() {
            Self::of_envoy(parts)
        } else if json["resources"].is_object() {
            Self::of_dump(serde_json::from_value(json)?)
        } else if json["cluster_statuses"].is_array() {
            let mut clusters = Self::default();
            clusters.states_of_endpoints(&json);
            clusters
        } else {
            bail!(
                "neither `configs` of Envoy's /config_dump, nor `cluster_statuses` of its /clusters?format=json, nor \
                 `resources` of Fairlead's dump is there"
            );
        };
        for list in configuration.resources.values_mut() {
            list.sort_by(|a, b| natural(name_of(&a.resource), name_of(&b.resource)));
        }
        Ok(configuration)
    }

    fn of_dump(mut dump: ConfigDump) -> Self {
        let mut configuration = Self::default();
        for (short, of_elements) in TYPES {
            let resources = dump.resources.remove(short).into_iter().flatten();
            let sent = |mut told: Resource| {
                let mut resource = std::mem::take(&mut told.resource);
                // Added beside the message's fields, none of which has this name.
                if let Some(fields) = resource.as_object_mut() {
                    fields.insert("origins".to_owned(), serde_json::json!(told.origins));
                    fields.insert("origins_of_parts".to_owned(), serde_json::json!(told.parts));
                }
                Entry { resource, told: Some(told), state: State::Sent }
            };
            configuration.resources.insert(short, resources.map(sent).collect());
            let held_back = [short, of_elements].into_iter().filter_map(|of| dump.held_back.get(of));
            let names = held_back.flatten().map(|rejected| (short, rejected.resource.clone()));
            configuration.rejected.extend(names);
        }
        configuration
    }

    fn of_envoy(parts: &[Value]) -> Self {
        let mut configuration = Self::default();
        for part in parts {
            let name = part["@type"].as_str().unwrap_or_default();
            for Part { short, field, lists, .. } in
                PARTS.into_iter().filter(|known| name.ends_with(known.name))
            {
                let entries = configuration.resources.entry(short).or_default();
                for (list, state) in lists {
                    for entry in part[*list].as_array().into_iter().flatten() {
                        add(entry, entry.get(field), *state, entries);
                    }
                }
                for listener in list(part, "dynamic_listeners") {
                    let warming = listener["warming_state"].get("listener");
                    entries.extend(warming.map(|warming| Entry {
                        resource: warming.clone(),
                        told: None,
                        state: State::Warming,
                    }));
                    if listener["active_state"].is_object() || listener["error_state"].is_object() {
                        add(listener, listener["active_state"].get("listener"), State::Active, entries);
                    }
                }
            }
        }
        configuration
    }

    /// Takes the output of Envoy's `/clusters?format=json`.
    pub(super) fn states_of_endpoints(&mut self, json: &Value) {
        self.clusters = json["cluster_statuses"].as_array().cloned();
    }

    /// The resources of a type that are in use or were sent, in the order of their names.
    pub(super) fn of(&self, short: &str) -> impl Iterator<Item = &Value> {
        self.in_use(short).map(|entry| &entry.resource)
    }

    /// The same, with all that is known about them.
    pub(super) fn in_use(&self, short: &str) -> impl Iterator<Item = &Entry> {
        self.entries(short).filter(|entry| entry.state != State::Rejected)
    }

    /// The same, including those that Envoy has rejected.
    pub(super) fn entries(&self, short: &str) -> impl Iterator<Item = &Entry> {
        self.resources.get(short).into_iter().flatten()
    }

    /// The column STATE of a resource.
    pub(super) fn state(&self, short: &'static str, entry: &Entry) -> String {
        self.state_of_part(short, entry, &[])
    }

    /// The column STATE of a part of a resource, which may have several names.
    pub(super) fn state_of_part(&self, short: &'static str, entry: &Entry, parts: &[String]) -> String {
        let rejected = |name: &str| self.rejected.contains(&(short, name.to_owned()));
        let resource = name_of(&entry.resource);
        let part = |part: &String| rejected(part) || rejected(&format!("{resource}/{part}"));
        match entry.state {
            State::Sent if rejected(resource) || parts.iter().any(part) => "rejected",
            State::Sent => "",
            State::Active => "active",
            State::Warming => "warming",
            State::Rejected => "rejected",
            State::UpdateRejected => "update rejected",
        }
        .to_owned()
    }
}

/// Adds an entry of Envoy's dump: the resource in use, or else the one that was rejected.
fn add(entry: &Value, in_use: Option<&Value>, state: State, entries: &mut Vec<Entry>) {
    let error = entry.get("error_state").filter(|error| error.is_object());
    let (resource, state) = match (in_use, error) {
        (Some(resource), None) => (resource.clone(), state),
        (Some(resource), Some(_)) => (resource.clone(), State::UpdateRejected),
        (None, Some(error)) => {
            let mut resource = error["failed_configuration"].clone();
            if name_of(&resource).is_empty() {
                resource = serde_json::json!({ "name": entry["name"] });
            }
            (resource, State::Rejected)
        }
        (None, None) => return,
    };
    entries.push(Entry { resource, told: None, state });
}

/// The name of a resource.
pub(super) fn name_of(resource: &Value) -> &str {
    resource["name"].as_str().or_else(|| resource["cluster_name"].as_str()).unwrap_or_default()
}

/// The items of a list in a resource.
pub(super) fn list<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of[name].as_array().into_iter().flatten()
}

/// The clusters of a weighted destination: `<name> (<weight>)`.
pub(super) fn weighted(of: &Value) -> Vec<String> {
    let weight = |cluster: &Value| cluster["weight"].as_u64().unwrap_or(0);
    let clusters = list(&of["weighted_clusters"], "clusters");
    clusters.map(|cluster| format!("{} ({})", name_of(cluster), weight(cluster))).collect()
}
