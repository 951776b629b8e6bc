//! The overlay of a connection over what its view publishes.
//!
//! What the session accounts for are outlines: names and digests, as those of any resource. The bytes come in when a
//! response is encoded. What sessions share (differences, encoded responses) is not used for these types.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use fairlead_resource::{EncodedResource, ResourceSet, TypeUrl, Types};

use crate::Overlay;

/// An overlay, and what comes of it.
#[cfg_attr(test, derive(Clone))]
#[derive(Default)]
pub(super) struct Overlaid {
    overlay: Arc<Overlay>,
    /// What is published, with the outlines of what is laid over it: of the types that an overlay of the session has, or
    /// has had, as the client may still hold those.
    published: BTreeMap<TypeUrl, ResourceSet>,
}

impl Overlaid {
    /// Takes another overlay.
    pub(super) fn replace(&mut self, overlay: Arc<Overlay>, types: &Types) {
        for type_url in overlay.types().filter(|type_url| types.contains(*type_url)) {
            self.published.entry(type_url).or_default();
        }
        self.overlay = overlay;
    }

    /// Lays the overlay over what is published of each type.
    pub(super) fn merge<'a>(&mut self, published: impl Fn(TypeUrl) -> &'a ResourceSet) {
        for (type_url, merged) in &mut self.published {
            merged.clone_from(published(*type_url));
            merged.extend(self.overlay.of(*type_url).map(|own| (own.name.clone(), own.outline())));
        }
    }

    /// What the client is served of a type, if that is not what is published.
    pub(super) fn published(&self, type_url: TypeUrl) -> Option<&ResourceSet> {
        self.published.get(&type_url)
    }

    /// Resources as they are encoded, with bytes in place of outlines. What is no longer in the overlay is left out.
    pub(super) fn with_bytes<'a>(
        &self,
        type_url: TypeUrl,
        resources: &'a [EncodedResource],
    ) -> Cow<'a, [EncodedResource]> {
        let with_bytes = |resource: &EncodedResource| {
            if !resource.is_outline() {
                return Some(resource.clone());
            }
            let own = self.overlay.get(type_url, &resource.name)?;
            (own.digest == resource.digest).then(|| own.clone())
        };
        if resources.iter().any(EncodedResource::is_outline) {
            return Cow::Owned(resources.iter().filter_map(with_bytes).collect());
        }
        Cow::Borrowed(resources)
    }
}
