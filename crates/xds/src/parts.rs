//! Resources cut into the parts that Envoy judges one after the other: the hosts of a route table, the filter chains of
//! a listener.
//!
//! Envoy rejects the whole resource for one bad part, and rarely says which. It stops at the first part that it cannot
//! use. So a message that ends with a part which is certain to be refused (a probe) shows whether all before it is
//! right, and is never applied: no proxy serves less while the part at fault is looked for.

use std::{collections::BTreeSet, fmt};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use envoy_types::pb::envoy::{
    config::{
        core::v3::transport_socket::ConfigType,
        listener::v3::{FilterChain, FilterChainMatch},
        route::v3::VirtualHost,
    },
    extensions::transport_sockets::tls::v3::{
        DownstreamTlsContext, common_tls_context::ValidationContextType,
    },
};
use fairlead_resource::{Digest, EncodedResource, ResourceName, TypeUrl};
use prost::{
    Message,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field},
};

/// `RouteConfiguration.virtual_hosts`.
const VIRTUAL_HOSTS: u32 = 2;
/// `Listener.filter_chains`.
const FILTER_CHAINS: u32 = 3;

/// Name of the part of a probe that Envoy refuses.
const PROBE: &str = "fairlead-probe";
/// Domain that the refused host of a probe claims twice. The name is reserved (RFC 2606).
const PROBE_DOMAIN: &str = "fairlead-probe.invalid";

/// One part of a resource.
#[derive(Clone)]
pub struct Part {
    /// The name within the resource; a filter chain's may be empty.
    pub name: String,
    /// What it is for: parts of the same use take each other's place.
    pub usage: Bytes,
    /// The digest of its content.
    pub digest: Digest,
    message: Bytes,
    field: Bytes,
}

impl Part {
    /// The part as a message of its own: a `VirtualHost` or a `FilterChain`.
    pub fn message(&self) -> &Bytes {
        &self.message
    }

    /// The secrets that a filter chain gets by SDS.
    pub fn secrets(&self) -> BTreeSet<String> {
        let of = || {
            let socket = FilterChain::decode(&self.message[..]).ok()?.transport_socket?;
            let Some(ConfigType::TypedConfig(context)) = socket.config_type else { return None };
            let context = DownstreamTlsContext::decode(&context.value[..]).ok()?.common_tls_context?;
            let authorities = match context.validation_context_type {
                Some(ValidationContextType::ValidationContextSdsSecretConfig(secret)) => Some(secret),
                Some(ValidationContextType::CombinedValidationContext(both)) => {
                    both.validation_context_sds_secret_config
                }
                _ => None,
            };
            let all = context.tls_certificate_sds_secret_configs.into_iter().chain(authorities);
            Some(all.map(|secret| secret.name).collect())
        };
        of().unwrap_or_default()
    }

    /// A filter chain that matches the same connections and closes them, because it has no filters.
    #[must_use]
    pub fn closed(&self) -> Self {
        // The fields that a closed chain keeps: `filter_chain_match`, `metadata`, `name`.
        const KEPT: [u32; 3] = [1, 5, 7];
        let Some(mut fields) = fields_of(&self.message) else { return self.clone() };
        fields.retain(|field| KEPT.contains(&field.tag));
        fields.sort_by_key(|field| field.tag);
        let message: Bytes = fields.iter().map(|field| &field.whole[..]).collect::<Vec<_>>().concat().into();
        let field = message_field(FILTER_CHAINS, &message).into();
        Self { digest: Digest::of(&message), message, field, ..self.clone() }
    }
}

/// Shows the name and the size only: the content may be confidential.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} ({} bytes)", self.name, self.digest, self.message.len())
    }
}

/// A resource cut into its parts.
#[derive(Clone, Debug)]
pub struct Parts {
    type_url: TypeUrl,
    name: ResourceName,
    /// Everything but the parts.
    head: Bytes,
    all: Vec<Part>,
}

impl Parts {
    /// The parts of a route table or a listener in one piece. `None` if it has none.
    pub fn of(type_url: TypeUrl, resource: &EncodedResource) -> Option<Self> {
        let tag = tag_of(type_url)?;
        let mut head = BytesMut::new();
        let mut parts = Vec::new();
        for field in fields_of(&resource.to_vec().into())? {
            match field.value {
                Some(message) if field.tag == tag => parts.push(part(type_url, message, field.whole)?),
                _ => head.extend_from_slice(&field.whole),
            }
        }
        let cut = Self { type_url, name: resource.name.clone(), head: head.freeze(), all: parts };
        (!cut.all.is_empty()).then_some(cut)
    }

    /// All parts, in their order.
    pub fn all(&self) -> &[Part] {
        &self.all
    }

    /// Whether both resources are the same apart from their parts.
    pub fn has_head_of(&self, other: &Self) -> bool {
        self.head == other.head
    }

    /// The resource without its parts.
    pub fn head(&self) -> EncodedResource {
        self.with([])
    }

    /// The resource with these parts in place of its own.
    pub fn with<'a>(&self, parts: impl IntoIterator<Item = &'a Part>) -> EncodedResource {
        let fields = parts.into_iter().map(|part| part.field.clone());
        let fragments = std::iter::once(self.head.clone()).chain(fields).collect();
        EncodedResource::of_fragments(self.name.clone(), fragments)
    }

    /// A probe of these parts: the resource with these parts, followed by one that Envoy refuses.
    pub fn probe<'a>(&self, parts: impl IntoIterator<Item = &'a Part>) -> EncodedResource {
        let refused = if self.type_url == TypeUrl::LISTENER { refused_chains() } else { refused_host() };
        let fields = parts.into_iter().map(|part| part.field.clone());
        let fragments = std::iter::once(self.head.clone()).chain(fields).chain([refused.into()]).collect();
        EncodedResource::of_fragments(self.name.clone(), fragments)
    }

    /// Whether the error message for a probe is about its last part, so that all before it is right.
    pub fn probe_is_right(&self, message: &str) -> bool {
        match self.type_url {
            TypeUrl::LISTENER => message.contains(&format!("'{PROBE}' has the same matching rules defined")),
            _ => message.contains(&format!("Duplicate entry of domain {PROBE_DOMAIN} ")),
        }
    }
}

/// Two filter chains with the same match, as fields of their listener.
fn refused_chains() -> Vec<u8> {
    let conditions = FilterChainMatch { application_protocols: vec![PROBE.to_owned()], ..Default::default() };
    let chain =
        FilterChain { name: PROBE.to_owned(), filter_chain_match: Some(conditions), ..Default::default() };
    message_field(FILTER_CHAINS, &chain.encode_to_vec()).repeat(2)
}

/// A host that claims a domain twice, as a field of its table.
fn refused_host() -> Vec<u8> {
    let domains = vec![PROBE_DOMAIN.to_owned(); 2];
    let host = VirtualHost { name: PROBE.to_owned(), domains, ..Default::default() };
    message_field(VIRTUAL_HOSTS, &host.encode_to_vec())
}

/// Whether an error message is about a conflict with other resources, or between parts: a domain or match used twice.
pub fn is_about_others(message: &str) -> bool {
    ["Only unique values for domains", "Only a single wildcard domain", "matching rules"]
        .iter()
        .any(|reason| message.contains(reason))
}

/// The field that holds the parts.
fn tag_of(type_url: TypeUrl) -> Option<u32> {
    match type_url {
        TypeUrl::ROUTE_CONFIGURATION => Some(VIRTUAL_HOSTS),
        TypeUrl::LISTENER => Some(FILTER_CHAINS),
        _ => None,
    }
}

fn part(type_url: TypeUrl, message: Bytes, field: Bytes) -> Option<Part> {
    // The tags of name and usage: `VirtualHost.name`; `FilterChain.name` and `filter_chain_match`.
    let (name_tag, usage_tag) = if type_url == TypeUrl::LISTENER { (7, 1) } else { (1, 1) };
    let fields = fields_of(&message)?;
    let last = |tag| {
        let values = fields.iter().filter(|field| field.tag == tag).filter_map(|field| field.value.clone());
        values.last().unwrap_or_default()
    };
    let (name, usage) = (last(name_tag), last(usage_tag));
    let name = String::from_utf8_lossy(&name).into_owned();
    Some(Part { name, usage, digest: Digest::of(&message), message, field })
}

/// A field of an encoded message.
struct Field {
    tag: u32,
    /// The value, if the field is length-delimited.
    value: Option<Bytes>,
    /// The whole field, with its key.
    whole: Bytes,
}

/// The fields of a message in their order. `None` if the bytes are not a message.
fn fields_of(message: &Bytes) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    let mut rest = message.clone();
    while rest.has_remaining() {
        let start = message.len() - rest.len();
        let (tag, wire) = decode_key(&mut rest).ok()?;
        let value = if wire == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            Some((length <= rest.len()).then(|| rest.split_to(length))?)
        } else {
            skip_field(wire, tag, &mut rest, DecodeContext::default()).ok()?;
            None
        };
        fields.push(Field { tag, value, whole: message.slice(start..message.len() - rest.len()) });
    }
    Some(fields)
}

/// A message as a field of its parent.
fn message_field(tag: u32, message: &[u8]) -> Vec<u8> {
    let mut field = Vec::with_capacity(message.len() + 8);
    encode_key(tag, WireType::LengthDelimited, &mut field);
    encode_varint(message.len() as u64, &mut field);
    field.put_slice(message);
    field
}

#[cfg(test)]
mod tests;
