//! Corrupts resources on purpose, so that Envoy rejects them.
//!
//! Only in builds with the feature `fault-injection`, which only tests of this workspace enable. Everything between the
//! objects and the wire goes on as usual: a corrupted resource keeps its name and origin metadata, and has a digest of
//! its own.

use std::iter::once;

use fairlead_resource::{
    Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl, collection::Collection,
};
use fairlead_xds::Publication;
use fairlead_xds::parts::Parts;

use super::publish::find;

/// Bytes added to one resource, in every form in which it is published.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The type. A fault of a virtual host or endpoint also applies to its table or assignment, for clients that
    /// receive it as part of that.
    pub type_url: TypeUrl,
    /// The resource; an endpoint by its name in the first epoch.
    pub name: ResourceName,
    /// Encoded fields that follow the message: single fields replace its own, messages and lists are added to.
    pub tail: Vec<u8>,
}

/// Applies the faults to a publication.
pub(super) fn spoilt(faults: &[Fault], mut publication: Publication) -> Publication {
    for fault in faults {
        publication = match fault.type_url {
            TypeUrl::VIRTUAL_HOST => spoil_host(publication, fault),
            TypeUrl::LB_ENDPOINT => spoil_endpoint(publication, fault),
            type_url => {
                let set =
                    publication.set(type_url).alter(|found| Some(fault.spoil(&found?)), fault.name.clone());
                publication.with(type_url, set)
            }
        };
    }
    publication
}

impl Fault {
    fn spoil(&self, resource: &EncodedResource) -> EncodedResource {
        // An assignment with epochs is sent in full, as the digests of its forms depend on the epoch.
        let elements = resource.elements.as_ref().filter(|elements| elements.in_second_epoch.is_none());
        let spoilt =
            |elements: &Elements| Elements { parent: self.appended(&elements.parent), ..elements.clone() };
        self.appended(resource).with_elements(elements.map(|elements| spoilt(elements)))
    }

    fn appended(&self, resource: &EncodedResource) -> EncodedResource {
        appended(resource, &self.tail)
    }
}

fn appended(resource: &EncodedResource, tail: &[u8]) -> EncodedResource {
    let tail = once(tail.to_vec().into());
    let fragments = resource.fragments().iter().cloned().chain(tail).collect();
    EncodedResource::of_fragments(resource.name.clone(), fragments)
}

/// Corrupts a host where it is a resource, and otherwise the table that contains it.
fn spoil_host(publication: Publication, fault: &Fault) -> Publication {
    let Some(host) = find(&publication, TypeUrl::VIRTUAL_HOST, &fault.name) else { return publication };
    let host = fault.appended(&host);
    let tables = publication.set(TypeUrl::ROUTE_CONFIGURATION);
    let spoil = |table: &EncodedResource| with_host(table, &host);
    let tables: ResourceSet = tables.iter().map(|(name, table)| (name.clone(), spoil(table))).collect();
    publication.with(TypeUrl::ROUTE_CONFIGURATION, tables)
}

/// Corrupts an endpoint where it is a resource, and otherwise the assignment that contains it.
fn spoil_endpoint(publication: Publication, fault: &Fault) -> Publication {
    let Some(endpoint) = find(&publication, TypeUrl::LB_ENDPOINT, &fault.name) else { return publication };
    let Some(collection) = Collection::of_endpoint(&fault.name) else { return publication };
    let endpoint = fault.appended(&endpoint);
    let field = as_endpoints(&endpoint);
    let assignments = publication.set(TypeUrl::CLUSTER_LOAD_ASSIGNMENT);
    let spoil = |assignment: Option<EncodedResource>| Some(with_element(&assignment?, &endpoint, &field));
    let assignments = assignments.alter(spoil, collection.cluster().into());
    publication.with(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, assignments)
}

/// A table with a host replaced, if it has it: an additional one would be a part of its own.
fn with_host(table: &EncodedResource, host: &EncodedResource) -> EncodedResource {
    let whole = TypeUrl::ROUTE_CONFIGURATION;
    let inline = host.name.strip_prefix(&*table.name).and_then(|rest| rest.strip_prefix('/'));
    let spoilt = inline
        .and_then(|name| Parts::of(whole, &EncodedResource::whole(name, as_virtual_host(host, name))))
        .and_then(|parts| parts.all().first().cloned());
    let (Some(parts), Some(spoilt)) = (Parts::of(whole, table), spoilt) else { return table.clone() };
    let mut all = parts.all().to_vec();
    for part in all.iter_mut().filter(|part| part.name == spoilt.name) {
        *part = spoilt.clone();
    }
    let elements = with_element(table, host, &[]).elements.as_deref().cloned();
    parts.with(&all).with_elements(elements)
}

/// A resource with an element replaced, if it has it; `field` is the element inline.
fn with_element(parent: &EncodedResource, element: &EncodedResource, field: &[u8]) -> EncodedResource {
    let Some(elements) = parent.elements.as_ref().filter(|e| e.children.contains_key(&element.name)) else {
        return parent.clone();
    };
    let children = elements.children.update(element.name.clone(), element.clone());
    appended(parent, field).with_elements(Elements { children, ..(**elements).clone() })
}

/// A field `virtual_hosts` of a route table: the host with its name there.
fn as_virtual_host(host: &EncodedResource, name: &str) -> Vec<u8> {
    use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
    use prost::Message as _;
    let mut host =
        VirtualHost::decode(&*host.to_vec()).expect("a message and fields that follow it are a message");
    name.clone_into(&mut host.name);
    RouteConfiguration { virtual_hosts: vec![host], ..RouteConfiguration::default() }.encode_to_vec()
}

/// A field `endpoints` of a load assignment.
fn as_endpoints(endpoint: &EncodedResource) -> Vec<u8> {
    use envoy_types::pb::envoy::config::endpoint::v3::{
        ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints,
    };
    use prost::Message as _;
    let endpoint =
        LbEndpoint::decode(&*endpoint.to_vec()).expect("a message and fields that follow it are a message");
    let endpoints = vec![LocalityLbEndpoints { lb_endpoints: vec![endpoint], ..Default::default() }];
    ClusterLoadAssignment { endpoints, ..ClusterLoadAssignment::default() }.encode_to_vec()
}
