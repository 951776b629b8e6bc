//! Publications, and the times of revisions.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use fairlead_resource::{EncodedResource, ResourceName, TypeUrl, Types, collection::Collection};
use fairlead_translate::publication::Sets;
use fairlead_xds::parts::Parts;
use fairlead_xds::{Publication, Published, Rejected, Runs};

/// Maximum number of revisions remembered. A proxy that takes longer than this number of rounds is not measured.
const REMEMBERED: usize = 1024;

/// The publication of a proxy's sets. Resources that views share are encoded once in `runs`.
pub fn publication(revision: u64, sets: &Sets, runs: &Arc<Runs>) -> Publication {
    TypeUrl::ENVOY.into_iter().fold(Publication::new(revision), |publication, type_url| {
        match sets.shared(type_url) {
            Some(set) => publication.with_published(type_url, Published::of(set, runs)),
            None => publication,
        }
    })
}

/// A published resource by name. An element is found in its parent.
pub fn find(publication: &Publication, type_url: TypeUrl, name: &str) -> Option<EncodedResource> {
    if let Some(resource) = publication.set(type_url).get(name) {
        return Some(resource.clone());
    }
    if let Some(collection) = Collection::of_endpoint(name) {
        let assignment = publication.set(TypeUrl::CLUSTER_LOAD_ASSIGNMENT).get(collection.cluster())?;
        return assignment.elements.as_ref()?.children.get(name).cloned();
    }
    let mut parents = publication.set(Types::envoy().parent(type_url)?).values();
    parents.find_map(|parent| parent.elements.as_ref()?.children.get(name).cloned())
}

/// The parent of an element and the element's name in it; a resource that is not an element is its own.
pub fn whole_of<'a>(
    publication: &Publication,
    type_url: TypeUrl,
    name: &'a str,
) -> (TypeUrl, ResourceName, Option<&'a str>) {
    if let Some(collection) = Collection::of_endpoint(name) {
        let endpoint = name.strip_prefix(collection.prefix()).and_then(|rest| rest.strip_prefix('/'));
        return (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, collection.cluster().into(), endpoint);
    }
    let part = |whole: &ResourceName| name.strip_prefix(&**whole)?.strip_prefix('/');
    let found = Types::envoy().parent(type_url).and_then(|parent| {
        let wholes = publication.set(parent).keys().filter_map(|whole| Some((whole, part(whole)?)));
        let (whole, part) = wholes.max_by_key(|(whole, _)| whole.len())?;
        Some((parent, whole.clone(), Some(part)))
    });
    found.unwrap_or_else(|| (type_url, name.into(), None))
}

/// The published resource, or part of one, that has this content in one of its forms.
pub(super) fn find_content(
    publication: &Publication,
    type_url: TypeUrl,
    content: &Rejected,
) -> Option<EncodedResource> {
    let is = |form: &EncodedResource| form.digest == content.digest;
    let found = find(publication, type_url, &content.name).filter(|found| {
        let elements = found.elements.as_deref();
        is(found)
            || elements.is_some_and(|elements| {
                is(&elements.parent) || elements.in_second_epoch.as_ref().is_some_and(is)
            })
    });
    found.or_else(|| find_part(publication, type_url, content))
}

/// The part of a resource in one piece, found by a name that joins both names.
fn find_part(publication: &Publication, type_url: TypeUrl, content: &Rejected) -> Option<EncodedResource> {
    let whole = Types::envoy().parent(type_url)?;
    let is_of = |name: &str| content.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    let mut resources = publication.set(whole).iter().filter(|(name, _)| is_of(name));
    resources.find_map(|(_, resource)| {
        let parts = Parts::of(whole, resource)?;
        let part = parts.all().iter().find(|part| part.digest == content.digest)?;
        Some(EncodedResource::whole(content.name.clone(), part.message().clone()))
    })
}

/// The times at which the changes of recent revisions arrived.
#[derive(Default)]
pub struct Revisions(Mutex<VecDeque<(u64, Instant)>>);

impl Revisions {
    /// Notes that the first change of `revision` arrived at `since`.
    pub(crate) fn began(&self, revision: u64, since: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back((revision, since));
    }

    /// When the first change of `revision` arrived, if it is still remembered.
    pub fn since(&self, revision: u64) -> Option<Instant> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().rev().find(|(other, _)| *other == revision).map(|(_, since)| *since)
    }
}
