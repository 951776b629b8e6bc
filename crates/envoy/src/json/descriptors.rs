//! The descriptors of the messages of the Envoy API.

use std::sync::OnceLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};

/// The descriptors of the Envoy 1.40 API, decoded on first use (a pure function of a constant).
pub(crate) fn descriptors() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        DescriptorPool::decode(&include_bytes!("../../data/envoy-1.40-descriptors.fds")[..])
            .expect("the descriptor set in data/ is complete")
    })
}

/// The descriptor of a type URL or of a full message name.
pub(super) fn descriptor(type_url: &str) -> Option<MessageDescriptor> {
    let name = type_url.rsplit_once('/').map_or(type_url, |(_, name)| name);
    descriptors().get_message_by_name(name)
}
