//! Resources that are spoilt on purpose, so that an Envoy rejects them.
//!
//! Only in builds with the feature `fault-injection`, which tests of this workspace switch on and no release has.
//! Everything between the objects and the wire goes on as usual: a spoilt resource keeps its name and the metadata
//! that says what it was made from, and has a digest of its own.

use std::{iter::once, sync::Arc};

use fairlead_envoy::{Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl};
use fairlead_xds::Publication;
use tokio::sync::oneshot;

use super::{Core, CoreGone, CoreHandle, Event, publish::find};

/// What one resource has besides its content, in whatever is published of it.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The type. A fault of a virtual host is one of its table too, for clients that take hosts as part of it.
    pub type_url: TypeUrl,
    /// The resource.
    pub name: ResourceName,
    /// Encoded fields that follow the message: single fields replace its own, messages and lists are added to.
    pub tail: Vec<u8>,
}

impl CoreHandle {
    /// Replaces the faults. What is published already stays as it is; what is published from now on has them.
    ///
    /// # Errors
    /// If the core has ended.
    pub async fn inject(&self, faults: Vec<Fault>) -> Result<(), CoreGone> {
        let (reply, done) = oneshot::channel();
        self.tell(Event::Inject { faults, reply })?;
        done.await.map_err(|_dropped| CoreGone)
    }
}

impl Core {
    /// A publication with the faults.
    pub(super) fn spoilt(&self, mut publication: Publication) -> Publication {
        for fault in &self.faults {
            publication = match fault.type_url {
                TypeUrl::VirtualHost => spoil_host(publication, fault),
                type_url => {
                    let set = publication
                        .set(type_url)
                        .alter(|found| Some(fault.spoil(&found?)), fault.name.clone());
                    publication.with(type_url, set)
                }
            };
        }
        publication
    }
}

impl Fault {
    fn spoil(&self, resource: &EncodedResource) -> EncodedResource {
        let mut spoilt = self.appended(resource);
        // What has epochs is sent in full: the digests of its forms tell the epoch.
        let elements = resource.elements.as_ref().filter(|elements| elements.turned.is_none());
        spoilt.elements = elements.map(|elements| {
            Arc::new(Elements { parent: self.appended(&elements.parent), ..(**elements).clone() })
        });
        spoilt
    }

    fn appended(&self, resource: &EncodedResource) -> EncodedResource {
        let tail = once(self.tail.clone().into());
        EncodedResource::of_fragments(
            resource.name.clone(),
            resource.fragments.iter().cloned().chain(tail).collect(),
        )
    }
}

/// Spoils a host where it is a resource, and the table that has it where it is not.
fn spoil_host(publication: Publication, fault: &Fault) -> Publication {
    let Some(host) = find(&publication, TypeUrl::VirtualHost, &fault.name) else { return publication };
    let host = fault.appended(&host);
    let spoil = |table: &EncodedResource| -> EncodedResource {
        let Some(elements) = table.elements.as_ref().filter(|e| e.children.contains_key(&fault.name)) else {
            return table.clone();
        };
        let as_field = Fault { tail: as_virtual_host(&host), ..fault.clone() };
        let mut spoilt = as_field.appended(table);
        let children = elements.children.update(host.name.clone(), host.clone());
        spoilt.elements = Some(Arc::new(Elements { children, ..(**elements).clone() }));
        spoilt
    };
    let tables = publication.set(TypeUrl::RouteConfiguration);
    let tables: ResourceSet = tables.iter().map(|(name, table)| (name.clone(), spoil(table))).collect();
    publication.with(TypeUrl::RouteConfiguration, tables)
}

/// A field `virtual_hosts` of a route table.
fn as_virtual_host(host: &EncodedResource) -> Vec<u8> {
    use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
    use prost::Message as _;
    let host =
        VirtualHost::decode(&*host.to_vec()).expect("a message and fields that follow it are a message");
    RouteConfiguration { virtual_hosts: vec![host], ..RouteConfiguration::default() }.encode_to_vec()
}
