//! The overlay of a connection over what its view publishes.
//!
//! The session accounts for outlines: names and digests, as for any resource. The bytes are added when a response is
//! encoded. Differences and encoded responses are not shared between sessions for these types.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use fairlead_resource::{EncodedResource, ResourceSet, TypeUrl, Types};

use crate::Overlay;

/// An overlay and the sets that result from it.
#[cfg_attr(test, derive(Clone))]
#[derive(Default)]
pub(super) struct Overlaid {
    overlay: Arc<Overlay>,
    /// The published sets with the outlines of the overlay, for each type that the overlay has or had, as the client
    /// may still hold those.
    published: BTreeMap<TypeUrl, ResourceSet>,
}

impl Overlaid {
    /// Replaces the overlay.
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

    /// The resources for encoding, with bytes in place of outlines, without those that are no longer in the overlay.
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
