//! Who a client says it is.

use std::fmt;

use envoy_types::pb::{
    envoy::config::core::v3::{Node as ProtoNode, node::UserAgentVersionType},
    google::protobuf::Struct,
};

/// The version of the client's software.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgentVersion {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Patch version.
    pub patch: u32,
}

/// Where the client runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locality {
    /// Region.
    pub region: String,
    /// Zone.
    pub zone: String,
    /// Sub-zone.
    pub sub_zone: String,
}

/// The node of a stream's first request, without the fields that are never read (Envoy lists 60 KB of extensions).
#[derive(Clone, PartialEq)]
pub struct Node {
    /// The id, unique in the fleet.
    pub id: String,
    /// The service cluster.
    pub cluster: String,
    /// The metadata of the bootstrap.
    pub metadata: Struct,
    /// The locality of the bootstrap.
    pub locality: Locality,
    /// The software, `envoy` for Envoy.
    pub user_agent_name: String,
    /// The software's version, if it says so.
    pub user_agent_version: Option<AgentVersion>,
}

impl Node {
    /// Takes the fields that are used from the protobuf.
    pub fn from_proto(node: ProtoNode) -> Self {
        let locality = node.locality.unwrap_or_default();
        let version =
            match node.user_agent_version_type {
                Some(UserAgentVersionType::UserAgentBuildVersion(build)) => build
                    .version
                    .map(|v| AgentVersion { major: v.major_number, minor: v.minor_number, patch: v.patch }),
                Some(UserAgentVersionType::UserAgentVersion(text)) => parse_version(&text),
                None => None,
            };
        Self {
            id: node.id,
            cluster: node.cluster,
            metadata: node.metadata.unwrap_or_default(),
            locality: Locality { region: locality.region, zone: locality.zone, sub_zone: locality.sub_zone },
            user_agent_name: node.user_agent_name,
            user_agent_version: version,
        }
    }
}

/// Shows only the id and the software: metadata may hold what must not be logged.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id)
            .field("cluster", &self.cluster)
            .field("user_agent_version", &self.user_agent_version)
            .finish_non_exhaustive()
    }
}

fn parse_version(text: &str) -> Option<AgentVersion> {
    let mut numbers = text.split(['.', '-']).map(str::parse::<u32>);
    let major = numbers.next()?.ok()?;
    let minor = numbers.next()?.ok()?;
    let patch = numbers.next().and_then(Result::ok).unwrap_or(0);
    Some(AgentVersion { major, minor, patch })
}

#[cfg(test)]
mod tests;
