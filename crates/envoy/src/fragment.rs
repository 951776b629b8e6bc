//! Resources put together from parts that are encoded once and shared.
//!
//! A message is the concatenation of its encoded fields in any order, so a parent with a repeated message field
//! is its head (every other field) followed by one fragment list per element. Changing one element of a route
//! table or of a listener encodes that element alone.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, Vhds, VirtualHost};
use fairlead_resource::{Digest, Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::{config_source, encode};

#[cfg(test)]
mod tests;

/// `RouteConfiguration.virtual_hosts`.
const VIRTUAL_HOSTS: u32 = 2;
/// `VirtualHost.name`.
const NAME: u32 = 1;

/// A message as a field of its parent: tag and length, then the pieces of the message, shared.
pub fn message_field(tag: u32, message: impl IntoIterator<Item = Bytes>) -> Arc<[Bytes]> {
    let pieces: Vec<Bytes> = message.into_iter().collect();
    let head = field_head(tag, pieces.iter().map(Bytes::len).sum());
    std::iter::once(head.freeze()).chain(pieces).collect()
}

/// The length of a length-delimited field with all that precedes its value.
fn field_len(tag: u32, value: usize) -> usize {
    key_len(tag) + encoded_len_varint(value as u64) + value
}

/// A virtual host as a resource of its own, named `<table>/<name>`: by the part before the `/` Envoy finds the table
/// (so a table's name has no `/`).
///
/// The first fragment is the name, and the second the rest, which is shared with the full form of the table.
pub fn virtual_host(table: &str, mut host: VirtualHost) -> EncodedResource {
    debug_assert!(!table.contains('/'), "Envoy takes what precedes the first `/` for the table: {table}");
    let name: ResourceName = [table, "/", &std::mem::take(&mut host.name)].concat().into();
    let fragments = Arc::new([string_field(NAME, &name), encode(&host)]);
    EncodedResource::of_fragments(name, fragments)
}

/// A route table from `head` (everything but the name and the hosts), its hosts, each made by [`virtual_host`], and a
/// catch-all host.
///
/// A table also has the form of a parent with children: the head with `vhds` over ADS, and all hosts, the catch-all
/// among them. The parent does not depend on the hosts: a host for every domain is added or removed in the same
/// response as the catch-all that it replaces, and Envoy never sees two of them ("Only a single wildcard domain is
/// permitted"). A table without hosts has this form too: if it lost `vhds` with its last host, Envoy 1.40 would keep
/// that host, and serve it again once the table has `vhds` again.
///
/// The digest of the full form covers its head, its catch-all and its elements' digests, so a changed host among
/// thousands costs 16 hashed bytes for each host and no pass over their bytes. The digest determines the bytes, as an
/// element's digest covers its name in the table and its body.
///
/// The full form is assembled on demand: delta clients never need it.
pub fn route_table(
    name: &str,
    head: &RouteConfiguration,
    catch_all: Option<&VirtualHost>,
    hosts: ResourceSet,
) -> EncodedResource {
    debug_assert!(head.virtual_hosts.is_empty(), "the hosts of table {name} come as elements");
    let last = catch_all.map(|host| message_field(VIRTUAL_HOSTS, [encode(host)]));
    let mut head = RouteConfiguration { name: name.to_owned(), ..head.clone() };
    let head_bytes = encode(&head);
    let own = Digest::of_pieces(
        std::iter::once(&head_bytes).chain(last.iter().flat_map(|c| c.iter())).map(|b| &b[..]),
    );
    let whole = {
        let (table, hosts) = (name.len(), hosts.clone());
        move || with_hosts(&head_bytes, table, &hosts, last.as_deref())
    };
    let digests = hosts.values().map(|host| host.digest);
    let full = EncodedResource::of_parts_later(name, whole, std::iter::once(own).chain(digests));
    head.vhds = Some(Vhds { config_source: Some(config_source::ads()) });
    let parent = EncodedResource::whole(name, encode(&head));
    let mut children = hosts;
    if let Some(host) = catch_all {
        let child = virtual_host(name, host.clone());
        debug_assert!(!children.contains_key(&child.name), "{} is the name of another host", child.name);
        children.insert(child.name.clone(), child);
    }
    full.with_elements(Elements {
        element_type: TypeUrl::VIRTUAL_HOST,
        parent,
        children,
        in_second_epoch: None,
    })
}

/// A table from its head, its hosts as resources, and its catch-all. `table` is the length of its name, the prefix of
/// the hosts' names as resources that they lack here.
fn with_hosts(head: &Bytes, table: usize, hosts: &ResourceSet, catch_all: Option<&[Bytes]>) -> Arc<[Bytes]> {
    let mut heads = BytesMut::new();
    let mut ends = Vec::with_capacity(hosts.len());
    for host in hosts.values() {
        let name = &host.name[table + 1..];
        let body: usize = host.fragments()[1..].iter().map(Bytes::len).sum();
        encode_key(VIRTUAL_HOSTS, WireType::LengthDelimited, &mut heads);
        encode_varint((field_len(NAME, name.len()) + body) as u64, &mut heads);
        encode_key(NAME, WireType::LengthDelimited, &mut heads);
        encode_varint(name.len() as u64, &mut heads);
        heads.put(name.as_bytes());
        ends.push(heads.len());
    }
    let heads = heads.freeze();
    let mut fragments = Vec::with_capacity(2 + 2 * hosts.len());
    fragments.push(head.clone());
    let mut start = 0;
    for (host, end) in hosts.values().zip(ends) {
        fragments.push(heads.slice(start..end));
        fragments.extend_from_slice(&host.fragments()[1..]);
        start = end;
    }
    fragments.extend(catch_all.into_iter().flatten().cloned());
    fragments.into()
}

/// `head` and then the pieces of each part, flat.
pub(crate) fn concat(head: Bytes, parts: impl IntoIterator<Item = Arc<[Bytes]>>) -> Arc<[Bytes]> {
    let mut fragments = vec![head];
    for part in parts {
        fragments.extend(part.iter().cloned());
    }
    fragments.into()
}

fn string_field(tag: u32, text: &str) -> Bytes {
    let mut field = Vec::with_capacity(field_len(tag, text.len()));
    encode_key(tag, WireType::LengthDelimited, &mut field);
    encode_varint(text.len() as u64, &mut field);
    field.extend_from_slice(text.as_bytes());
    field.into()
}

/// Tag and length of a length-delimited field.
fn field_head(tag: u32, length: usize) -> BytesMut {
    let mut head = BytesMut::with_capacity(key_len(tag) + encoded_len_varint(length as u64));
    encode_key(tag, WireType::LengthDelimited, &mut head);
    encode_varint(length as u64, &mut head);
    head
}
