//! Bounded reads of a node's metadata.

use std::collections::BTreeMap;

use envoy_types::pb::google::protobuf::{Struct, value::Kind};

use fairlead_envoy::bootstrap::MOST_PROGRAM_METADATA;

use super::error::NodeError;

/// Limits of a node.
pub(super) mod limits {
    /// Maximum size of the id in bytes.
    pub(crate) const ID_BYTES: usize = 1024;
    /// Maximum size in bytes of a text in the metadata.
    pub(crate) const TEXT_BYTES: usize = 1024;
    /// Maximum number of labels.
    pub(crate) const LABELS: usize = 256;
    /// Maximum number of addresses.
    pub(crate) const ADDRESSES: usize = 64;
}

/// The fields that are read from a node's metadata; nothing else of it is kept.
pub(crate) const METADATA: &[&str] = &[
    "CLUSTER_ID",
    "INSTANCE_IPS",
    "INTERCEPTION_MODE",
    "ISTIO_VERSION",
    "LABELS",
    "NAMESPACE",
    "NETWORK",
    "NODE_NAME",
    MOST_PROGRAM_METADATA,
    "UNPRIVILEGED_POD",
];

/// The metadata of a node.
pub(super) struct Metadata<'a>(pub(super) &'a Struct);

impl<'a> Metadata<'a> {
    fn get(&self, name: &str) -> Option<&'a Kind> {
        debug_assert!(METADATA.contains(&name), "{name} is not kept");
        self.0.fields.get(name)?.kind.as_ref().filter(|kind| !matches!(kind, Kind::NullValue(_)))
    }

    /// A text.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&'a str>, NodeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Kind::StringValue(text)) => {
                bounded(name, text, limits::TEXT_BYTES)?;
                Ok(Some(text))
            }
            Some(_) => Err(NodeError::Metadata { name, expected: "a text" }),
        }
    }

    /// A flag, which Istio writes as text; false if absent.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, NodeError> {
        match self.get(name) {
            None => Ok(false),
            Some(Kind::BoolValue(flag)) => Ok(*flag),
            Some(Kind::StringValue(text)) if text == "true" => Ok(true),
            Some(Kind::StringValue(text)) if text == "false" || text.is_empty() => Ok(false),
            Some(_) => Err(NodeError::Metadata { name, expected: "`true` or `false`" }),
        }
    }

    /// A mapping of texts.
    pub(super) fn map(
        &self,
        name: &'static str,
        entries: usize,
    ) -> Result<BTreeMap<&'a str, &'a str>, NodeError> {
        let expected = "a mapping of texts";
        let fields = match self.get(name) {
            None => return Ok(BTreeMap::new()),
            Some(Kind::StructValue(Struct { fields })) => fields,
            Some(_) => return Err(NodeError::Metadata { name, expected }),
        };
        if fields.len() > entries {
            return Err(NodeError::TooLong { what: name, limit: entries });
        }
        let mut texts = BTreeMap::new();
        #[allow(clippy::iter_over_hash_type)] // the result is ordered
        for (key, value) in fields {
            let Some(Kind::StringValue(value)) = &value.kind else {
                return Err(NodeError::Metadata { name, expected });
            };
            bounded(name, key, limits::TEXT_BYTES)?;
            bounded(name, value, limits::TEXT_BYTES)?;
            texts.insert(key.as_str(), value.as_str());
        }
        Ok(texts)
    }
}

/// Refuses a text over its limit.
pub(super) fn bounded(what: &'static str, text: &str, limit: usize) -> Result<(), NodeError> {
    if text.len() > limit { Err(NodeError::TooLong { what, limit }) } else { Ok(()) }
}
