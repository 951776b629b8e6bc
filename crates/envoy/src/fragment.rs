//! Resources put together from parts that are encoded once and shared.
//!
//! A message is the concatenation of its encoded fields in any order, so a parent with a repeated message field
//! is its head (every other field) followed by one fragment list per element. Changing one element of a route
//! table or of a load assignment encodes that element alone.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use envoy_types::pb::envoy::config::{
    endpoint::v3::{ClusterLoadAssignment, LocalityLbEndpoints},
    route::v3::{RouteConfiguration, Vhds, VirtualHost},
};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::{
    Digest, Element, Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl, config_source, encode,
};

#[cfg(test)]
mod tests;

/// `RouteConfiguration.virtual_hosts` and `ClusterLoadAssignment.endpoints` have the same tag.
const VIRTUAL_HOSTS: u32 = 2;
const ENDPOINTS: u32 = 2;
/// `VirtualHost.name`, and what follows it on the wire.
const NAME: u32 = 1;
const DOMAINS: u32 = 2;
const ROUTES: u32 = 3;

/// A message as a field of its parent: tag and length, then the pieces of the message, shared.
pub fn message_field(tag: u32, message: impl IntoIterator<Item = Bytes>) -> Arc<[Bytes]> {
    let pieces: Vec<Bytes> = message.into_iter().collect();
    let head = field_head(tag, pieces.iter().map(Bytes::len).sum());
    std::iter::once(head.freeze()).chain(pieces).collect()
}

/// One locality of a load assignment as a field of it.
pub fn locality_field(locality: &LocalityLbEndpoints) -> Arc<[Bytes]> {
    message_field(ENDPOINTS, [encode(locality)])
}

/// A load assignment: `head` without endpoints, and localities from [`locality_field`] in their order.
pub fn load_assignment(
    head: &ClusterLoadAssignment,
    localities: impl IntoIterator<Item = Arc<[Bytes]>>,
) -> EncodedResource {
    debug_assert!(head.endpoints.is_empty(), "the localities of {} come as fields", head.cluster_name);
    let fragments = concat(encode(head), localities);
    EncodedResource::of_fragments(head.cluster_name.as_str(), fragments)
}

/// A virtual host in both forms: inline it is called `inline_name`, as a resource `<table>/<inline_name>`, which
/// is how Envoy finds the table that a host belongs to (and so a table's name has no `/`).
///
/// The `name` of `body` is ignored. All that follows the name is encoded once and shared by the two forms.
pub fn virtual_host_element(table: &str, inline_name: &str, body: &VirtualHost) -> Element {
    virtual_host_element_of(table, inline_name, &virtual_host_body(body))
}

/// A virtual host encoded without its name, for [`virtual_host_element_of`].
pub fn virtual_host_body(host: &VirtualHost) -> Bytes {
    if host.name.is_empty() {
        return encode(host);
    }
    encode(&VirtualHost { name: String::new(), ..host.clone() })
}

/// As [`virtual_host_body`], of parts: the domains, the encoded routes, and the encoded rest, which has neither and
/// no name.
pub fn virtual_host_body_of<'a>(
    domains: impl Iterator<Item = &'a str> + Clone,
    routes: impl Iterator<Item = &'a [u8]> + Clone,
    rest: &[u8],
) -> Bytes {
    let fields =
        domains.map(|domain| (DOMAINS, domain.as_bytes())).chain(routes.map(|route| (ROUTES, route)));
    let length: usize = fields.clone().map(|(tag, value)| field_len(tag, value.len())).sum();
    let mut body = Vec::with_capacity(length + rest.len());
    for (tag, value) in fields {
        encode_key(tag, WireType::LengthDelimited, &mut body);
        encode_varint(value.len() as u64, &mut body);
        body.extend_from_slice(value);
    }
    body.extend_from_slice(rest);
    body.into()
}

/// The length of a length-delimited field with all that precedes its value.
fn field_len(tag: u32, value: usize) -> usize {
    key_len(tag) + encoded_len_varint(value as u64) + value
}

/// A virtual host as a resource of its own; the first fragment is its name.
pub fn virtual_host_of(table: &str, inline_name: &str, body: &Bytes) -> EncodedResource {
    debug_assert!(!table.contains('/'), "Envoy takes what precedes the first `/` for the table: {table}");
    let name: ResourceName = [table, "/", inline_name].concat().into();
    let fragments = Arc::new([string_field(NAME, &name), body.clone()]);
    EncodedResource::of_fragments(name, fragments)
}

/// As [`virtual_host_element`], with a body that several tables share.
pub fn virtual_host_element_of(table: &str, inline_name: &str, body: &Bytes) -> Element {
    let alone = virtual_host_of(table, inline_name, body);
    let inline_name = string_field(NAME, inline_name);
    let mut head = field_head(VIRTUAL_HOSTS, inline_name.len() + body.len());
    head.put(inline_name);
    Element { alone, inline: Arc::new([head.freeze(), body.clone()]) }
}

/// A route table from `head` (everything but the name and the hosts), its elements in the order given, and a
/// catch-all host that is inline in both forms.
///
/// A table also has the form of a parent with children: the head with `vhds` over ADS and the catch-all. One without
/// elements has that form too, and Envoy has to be told that there are none: should a table lose `vhds` with its last
/// host, Envoy 1.40 would keep that host, and show it again when the table has `vhds` again.
///
/// The digest of the full form is that of its head, its catch-all and its elements' digests, so one changed host
/// among thousands costs 16 hashed bytes a host and no pass over their bytes. The digest determines the bytes,
/// as an element's digest covers its name in the table and its body.
pub fn route_table(
    name: &str,
    head: &RouteConfiguration,
    catch_all: Option<&VirtualHost>,
    elements: impl IntoIterator<Item = Element>,
) -> EncodedResource {
    route_table_after(None, name, head, catch_all, elements)
}

/// As [`route_table`], from hosts that are kept as a set, each made by [`virtual_host_of`].
///
/// The full form is put together when somebody asks for it: delta clients of this table never do.
pub fn route_table_of(
    name: &str,
    head: &RouteConfiguration,
    catch_all: Option<&VirtualHost>,
    children: ResourceSet,
) -> EncodedResource {
    let catch_all = catch_all.map(|host| message_field(VIRTUAL_HOSTS, [encode(host)]));
    let mut head = RouteConfiguration { name: name.to_owned(), ..head.clone() };
    let head_bytes = encode(&head);
    let own = Digest::of_pieces(
        std::iter::once(&head_bytes).chain(catch_all.iter().flat_map(|c| c.iter())).map(|b| &b[..]),
    );
    let whole = {
        let (table, hosts, catch_all) = (name.len(), children.clone(), catch_all.clone());
        move || with_hosts(&head_bytes, table, &hosts, catch_all.as_deref())
    };
    let digests = children.values().map(|child| child.digest);
    let mut full = EncodedResource::of_parts_later(name, whole, std::iter::once(own).chain(digests));
    head.vhds = Some(Vhds { config_source: Some(config_source::ads()) });
    let parent = EncodedResource::of_fragments(name, concat(encode(&head), catch_all));
    full.elements =
        Some(Arc::new(Elements { element_type: TypeUrl::VirtualHost, parent, children, turned: None }));
    full
}

/// A table from its head, its hosts as resources, and its catch-all. `table` is the length of its name, which the
/// names of the hosts begin with there, and not here.
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

/// As [`route_table`]; the children share structure with those of `previous`, an earlier state of the same
/// table, so that the difference of the two skips what they share.
pub fn route_table_after(
    previous: Option<&EncodedResource>,
    name: &str,
    head: &RouteConfiguration,
    catch_all: Option<&VirtualHost>,
    elements: impl IntoIterator<Item = Element>,
) -> EncodedResource {
    debug_assert!(head.virtual_hosts.is_empty(), "the hosts of table {name} come as elements");
    let elements: Vec<Element> = elements.into_iter().collect();
    let catch_all = catch_all.map(|host| message_field(VIRTUAL_HOSTS, [encode(host)]));
    let mut head = RouteConfiguration { name: name.to_owned(), ..head.clone() };

    let head_bytes = encode(&head);
    let own = Digest::of_pieces(
        std::iter::once(&head_bytes).chain(catch_all.iter().flat_map(|c| c.iter())).map(|b| &b[..]),
    );
    let inline = elements.iter().map(|element| element.inline.clone()).chain(catch_all.clone());
    let mut full = EncodedResource::of_parts(
        name,
        concat(head_bytes, inline),
        std::iter::once(own).chain(elements.iter().map(|element| element.alone.digest)),
    );
    head.vhds = Some(Vhds { config_source: Some(config_source::ads()) });
    let parent = EncodedResource::of_fragments(name, concat(encode(&head), catch_all));
    let children = children(previous, elements);
    full.elements =
        Some(Arc::new(Elements { element_type: TypeUrl::VirtualHost, parent, children, turned: None }));
    full
}

/// The elements as a set, built from the set that `previous` has.
fn children(previous: Option<&EncodedResource>, elements: Vec<Element>) -> ResourceSet {
    let mut children = previous
        .and_then(|p| p.elements.as_deref())
        .map_or_else(ResourceSet::new, |previous| previous.children.clone());
    let count = elements.len();
    let mut names: Vec<ResourceName> = Vec::with_capacity(count);
    for Element { alone, .. } in elements {
        names.push(alone.name.clone());
        if children.get(&alone.name) != Some(&alone) {
            children.insert(alone.name.clone(), alone);
        }
    }
    if children.len() > count {
        names.sort_unstable();
        let gone: Vec<_> =
            children.keys().filter(|name| names.binary_search(name).is_err()).cloned().collect();
        for name in gone {
            children.remove(&name);
        }
    }
    debug_assert_eq!(children.len(), count, "the names of a table's hosts are unique");
    children
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
