//! The one way a message becomes bytes: equal messages give equal bytes.
//!
//! The maps of `envoy-types` are hash maps, so prost writes their entries in an order that differs from one
//! value to the next. [`encode`] encodes with prost and then sorts the entries of every map field by key, in
//! place (sorting moves entries, it does not resize anything). [`pack_any`] does the same for what it packs, so
//! a message whose `Any` fields were all filled by it is canonical throughout. Nothing else in the workspace
//! encodes a resource or packs an `Any`.
//!
//! Which fields are maps, and which lead to one, is in `table.rs`, generated from the descriptor set of the
//! Envoy API. A message from which no map can be reached costs one lookup by name.

use bytes::Bytes;
use envoy_types::pb::google::protobuf::Any;
use prost::{Message, Name};

mod node;
mod table;
mod template;
mod wire;

pub use template::Template;

#[cfg(test)]
mod tests;

/// The canonical bytes of `message`.
pub fn encode<M: Message + Name>(message: &M) -> Bytes {
    encode_to_vec(message).into()
}

/// `message` in canonical bytes inside an `Any`.
pub fn pack_any<M: Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: encode_to_vec(message) }
}

fn encode_to_vec<M: Message + Name>(message: &M) -> Vec<u8> {
    let mut bytes = message.encode_to_vec();
    sort_maps(&M::full_name(), &mut bytes);
    bytes
}

/// Sorts the map entries in the encoded message of type `name` (`envoy.config.cluster.v3.Cluster`).
///
/// The entries of a map must stand together, as prost writes them.
pub(crate) fn sort_maps(name: &str, message: &mut [u8]) {
    if let Ok(at) = table::NODES.binary_search_by_key(&name, |node| node.name) {
        wire::sort_maps(message, &table::NODES[at]);
    }
}
