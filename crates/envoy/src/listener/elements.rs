//! A listener whose filter chains are resources of their own (FCDS).
//!
//! The parent picks a chain by server name, and Envoy subscribes to each chain by its name. Because of two behaviours
//! of Envoy 1.40, the parent also carries inline filter chains, which it never picks:
//!
//! - **A listener without an inline chain is replaced as a whole** whenever it changes, and all of its connections
//!   are drained. With one, a change of the matcher is an update in place, and no connection is drained.
//! - **A chain that comes by FCDS does not ask for its secrets**, once Envoy has started. It shares the subscription
//!   that another user of the same secret has. So the inline chains name every secret that the others use. They
//!   also name one that does not exist ([`NEVER`], [`NEVER_A_CERTIFICATE`]), and so are never ready: they cost no TLS
//!   context.

use std::collections::{BTreeMap, BTreeSet};

use envoy_types::pb::envoy::config::listener::v3::{
    FilterChain, FilterChainMatch, Listener, listener::FcdsConfig,
};
use fairlead_resource::{Digest, Element, Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl};
use prost::Message as _;

use super::{filter_chain, server_name::server_name_matcher};
use crate::{
    config_source, encode,
    fragment::{concat, message_field},
    tls::{Certificate, CommonTls, Validation, downstream_tls, downstream_tls_context},
};

/// `Listener.filter_chains`.
const FILTER_CHAINS: u32 = 3;

/// The name of an authority that does not exist.
pub const NEVER: &str = "never";
/// The name of a certificate that does not exist. It differs from [`NEVER`] because Envoy asks for a name only once:
/// the first listener to need the other kind would wait for ever.
pub const NEVER_A_CERTIFICATE: &str = "never-a-certificate";

/// Approximate number of secrets that one chain holds: for each that arrives, Envoy copies all of them.
const SECRETS_PER_HOLDER: usize = 16;

/// A filter chain in both forms, and what its listener must know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainElement {
    element: Element,
    /// The server names that pick it: exact names, wildcards, `*`. Empty where something else matters too.
    server_names: Vec<String>,
    secrets: ChainSecrets,
}

/// The secrets that a filter chain uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainSecrets {
    /// Certificates with keys.
    pub certificates: Vec<String>,
    /// Authorities for certificates of clients.
    pub authorities: Vec<String>,
}

impl ChainElement {
    /// The chain, whose name begins with that of its listener: `<listener>/<chain>`.
    ///
    /// Its listener has no second form if it matches on more than a server name.
    pub fn new(chain: &FilterChain, secrets: ChainSecrets) -> Self {
        let encoded = encode(chain);
        let inline = message_field(FILTER_CHAINS, [encoded.clone()]);
        let element = Element { inline, alone: EncodedResource::whole(chain.name.as_str(), encoded) };
        Self { element, server_names: server_names(chain).unwrap_or_default(), secrets }
    }

    /// Whether server names alone pick it.
    pub fn is_by_server_name(&self) -> bool {
        !self.server_names.is_empty()
    }

    /// Its name.
    pub fn name(&self) -> &ResourceName {
        &self.element.alone.name
    }

    /// The chain itself.
    ///
    /// # Panics
    ///
    /// Never: it was encoded here.
    pub fn chain(&self) -> FilterChain {
        FilterChain::decode(&*self.element.alone.to_vec()).expect("it was encoded here")
    }

    /// The secrets that it uses.
    pub fn secrets(&self) -> &ChainSecrets {
        &self.secrets
    }
}

/// The server names that pick a chain; `*` where it matches on none. `None` if something else matters too.
fn server_names(chain: &FilterChain) -> Option<Vec<String>> {
    let Some(mut conditions) = chain.filter_chain_match.clone() else { return Some(vec!["*".to_owned()]) };
    let names = std::mem::take(&mut conditions.server_names);
    let alone = conditions == FilterChainMatch::default();
    alone.then(|| if names.is_empty() { vec!["*".to_owned()] } else { names })
}

/// A listener from `head`, which has no filter chain, and its chains in their order.
///
/// It has the form of a parent with children if it has `least` chains or more, and server names alone pick them.
/// Not for QUIC: Envoy has no FCDS there.
pub fn listener_of_chains(
    head: &Listener,
    chains: impl IntoIterator<Item = ChainElement>,
    least: usize,
) -> EncodedResource {
    debug_assert!(head.filter_chains.is_empty(), "the chains of {} come as elements", head.name);
    let chains: Vec<ChainElement> = chains.into_iter().collect();
    let head_bytes = encode(head);
    let own = Digest::of(&head_bytes);
    let full = EncodedResource::of_parts(
        head.name.as_str(),
        concat(head_bytes, chains.iter().map(|chain| chain.element.inline.clone())),
        std::iter::once(own).chain(chains.iter().map(|chain| chain.element.alone.digest)),
    );
    let divided = chains.len() >= least.max(1) && head.udp_listener_config.is_none();
    full.with_elements(divided.then(|| elements(head, chains)).flatten())
}

fn elements(head: &Listener, chains: Vec<ChainElement>) -> Option<Elements> {
    let mut by_name = BTreeMap::new();
    for chain in &chains {
        if chain.server_names.is_empty() {
            return None;
        }
        by_name.extend(chain.server_names.iter().map(|name| (name.as_str(), &*chain.element.alone.name)));
    }
    let matcher = server_name_matcher(&by_name)?;
    let parent = Listener {
        filter_chains: holders(&chains),
        filter_chain_matcher: Some(matcher),
        fcds_config: Some(FcdsConfig { config_source: Some(config_source::ads()), ..FcdsConfig::default() }),
        ..head.clone()
    };
    let parent = EncodedResource::whole(head.name.as_str(), encode(&parent));
    let children: ResourceSet =
        chains.into_iter().map(|c| (c.element.alone.name.clone(), c.element.alone)).collect();
    Some(Elements { element_type: TypeUrl::FILTER_CHAIN, parent, children, in_second_epoch: None })
}

/// The chains that hold the subscriptions of secrets; at least one.
///
/// Which of them holds a certificate depends on its name alone, so that a new one changes one of them.
fn holders(chains: &[ChainElement]) -> Vec<FilterChain> {
    let of = |secrets: fn(&ChainSecrets) -> &Vec<String>| -> BTreeSet<&String> {
        chains.iter().flat_map(|chain| secrets(&chain.secrets)).collect()
    };
    let (certificates, authorities) = (of(|s| &s.certificates), of(|s| &s.authorities));
    let count = certificates.len().div_ceil(SECRETS_PER_HOLDER).next_power_of_two();
    let mut groups: Vec<Vec<&String>> = vec![Vec::new(); count];
    for name in certificates {
        let digest = Digest::of(name.as_bytes()).0;
        groups[usize::try_from(digest % count as u128).expect("it is less than a usize")].push(name);
    }
    let groups = groups.into_iter().enumerate().filter(|(_, group)| !group.is_empty());
    let of_certificates = groups.map(|(at, names)| {
        let certificates = names.into_iter().map(|name| Certificate::Sds(name.clone())).collect();
        holder(format!("secrets/{at}"), certificates, NEVER)
    });
    let of_authorities = authorities.into_iter().map(|name| {
        holder(format!("secrets/{name}"), vec![Certificate::Sds(NEVER_A_CERTIFICATE.to_owned())], name)
    });
    let mut all: Vec<FilterChain> = of_certificates.chain(of_authorities).collect();
    if all.is_empty() {
        all.push(filter_chain().name("secrets").build());
    }
    all
}

fn holder(name: String, certificates: Vec<Certificate>, authority: &str) -> FilterChain {
    let common = CommonTls {
        certificates,
        validation: Validation::Sds(authority.to_owned(), Vec::new()),
        ..CommonTls::default()
    };
    filter_chain().name(name).transport_socket(downstream_tls(&downstream_tls_context(common, false))).build()
}

#[cfg(test)]
mod tests;
