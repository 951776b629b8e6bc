//! The bootstrap of an Envoy that gets everything from one ADS stream.
//!
//! Tested with Envoy 1.40: the credential injector adds a token from a secret in a file (which follows rotation),
//! reconnection is quick, and no wait for a first response is in vain.

use std::{collections::BTreeMap, net::IpAddr};

use serde_json::{Map, Value, json};

mod xds_cluster;

#[cfg(test)]
mod tests;

pub use xds_cluster::{XDS_CLUSTER, Xds, XdsProtocol, XdsTls, token_secret};

/// Maximum RE2 program size of an Envoy with this bootstrap; Envoy's default is 100.
pub const MOST_PROGRAM: u32 = 32_768;

/// The entry of the node's metadata that tells the control plane this limit.
pub const MOST_PROGRAM_METADATA: &str = "RE2_MAX_PROGRAM_SIZE";

/// The contents of a bootstrap.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    /// Who this Envoy is.
    pub node: Node,
    /// Where its configuration comes from.
    pub xds: Xds,
    /// The admin interface.
    pub admin: Option<Admin>,
    /// The statistics that are kept. `None` keeps all, from the start.
    pub stats: Option<StatsTuning>,
}

/// An Envoy's identity, as the control plane sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// The id, unique in the mesh.
    pub id: String,
    /// The group of Envoys that this one belongs to.
    pub cluster: String,
    /// Further attributes for the control plane.
    pub metadata: BTreeMap<String, Value>,
    /// Where it runs.
    pub locality: Option<Locality>,
}

/// A place; what is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locality {
    /// The region.
    pub region: String,
    /// The zone.
    pub zone: String,
    /// The part of the zone.
    pub sub_zone: String,
}

/// Where the admin interface listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// At an address. It has no authentication: a loopback address.
    Socket {
        /// The IP address.
        host: IpAddr,
        /// The port.
        port: u16,
    },
    /// At a Unix socket that the owner and the group may use.
    Pipe {
        /// The path.
        path: String,
    },
}

/// Keeps the statistics whose names have one of these prefixes or suffixes, and [`StatsTuning::ALWAYS`]; creates those
/// of a cluster at its first request. With 1,000 clusters that takes a quarter of the time and two thirds of the
/// memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsTuning {
    /// Beginnings of names.
    pub inclusion_prefixes: Vec<String>,
    /// Ends of names.
    pub inclusion_suffixes: Vec<String>,
}

impl StatsTuning {
    /// Prefixes of statistics that every tuned Envoy keeps: those that show the health of Envoy and its stream.
    pub const ALWAYS: [&str; 5] =
        ["cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "control_plane"];
    /// Like [`Self::ALWAYS`], a suffix: whether certificates rotate.
    pub const ALWAYS_SUFFIX: &str = "ssl_context_update_by_sds";
}

impl Bootstrap {
    /// The bootstrap in the JSON form of `envoy.config.bootstrap.v3.Bootstrap`, which is also YAML.
    pub fn to_json(&self) -> Value {
        let mut bootstrap = json!({
            "node": self.node.to_json(),
            "dynamic_resources": self.xds.dynamic_resources(),
            "static_resources": { "clusters": [xds_cluster::xds_cluster(&self.xds)] },
            "layered_runtime": { "layers": [
                { "name": "fairlead", "static_layer": { "re2.max_program_size.error_level": MOST_PROGRAM } },
            ] },
        });
        if let Some(admin) = &self.admin {
            bootstrap["admin"] = admin.to_json();
        }
        if let Some(stats) = &self.stats {
            bootstrap["deferred_stat_options"] = json!({ "enable_deferred_creation_stats": true });
            bootstrap["stats_config"] = stats.to_json();
        }
        bootstrap
    }
}

impl Node {
    /// The node in the form of the bootstrap.
    pub fn to_json(&self) -> Value {
        let mut node = Map::new();
        node.insert("id".to_owned(), self.id.as_str().into());
        node.insert("cluster".to_owned(), self.cluster.as_str().into());
        let mut metadata: Map<String, Value> = self.metadata.clone().into_iter().collect();
        metadata.insert(MOST_PROGRAM_METADATA.to_owned(), MOST_PROGRAM.to_string().into());
        node.insert("metadata".to_owned(), metadata.into());
        if let Some(locality) = &self.locality {
            let parts =
                [("region", &locality.region), ("zone", &locality.zone), ("sub_zone", &locality.sub_zone)];
            let known = parts.into_iter().filter(|(_, value)| !value.is_empty());
            node.insert("locality".to_owned(), known.map(|(key, value)| (key, value.as_str())).collect());
        }
        node.into()
    }
}

impl Xds {
    fn dynamic_resources(&self) -> Value {
        let api_type = match self.protocol {
            XdsProtocol::Delta => "DELTA_GRPC",
            XdsProtocol::StateOfTheWorld => "GRPC",
        };
        let ads = json!({ "ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s" });
        json!({
            "ads_config": {
                "api_type": api_type,
                "transport_api_version": "V3",
                "set_node_on_first_message_only": true,
                "grpc_services": [{ "envoy_grpc": {
                    "cluster_name": XDS_CLUSTER,
                    "skip_envoy_headers": true,
                    // The default backs off for up to 30 s, long after a restarted control plane is back.
                    "retry_policy": { "retry_back_off": { "base_interval": "0.2s", "max_interval": "3s" } },
                } }],
            },
            "cds_config": ads,
            "lds_config": ads,
        })
    }
}

impl Admin {
    fn to_json(&self) -> Value {
        match self {
            Self::Socket { host, port } => {
                json!({ "address": { "socket_address": { "address": host, "port_value": port } } })
            }
            Self::Pipe { path } => json!({ "address": { "pipe": { "path": path, "mode": 0o660 } } }),
        }
    }
}

impl StatsTuning {
    fn to_json(&self) -> Value {
        let prefixes = Self::ALWAYS.into_iter().chain(self.inclusion_prefixes.iter().map(String::as_str));
        let suffixes =
            std::iter::once(Self::ALWAYS_SUFFIX).chain(self.inclusion_suffixes.iter().map(String::as_str));
        let patterns: Vec<Value> = prefixes
            .map(|prefix| json!({ "prefix": prefix }))
            .chain(suffixes.map(|suffix| json!({ "suffix": suffix })))
            .collect();
        json!({ "stats_matcher": { "inclusion_list": { "patterns": patterns } } })
    }
}
