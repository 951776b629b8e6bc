//! The accounts of a session: what the client has requested and holds, type by type, and what is published.

use std::{borrow::Cow, sync::Arc};

use fairlead_resource::{Division, EncodedResource, ResourceSet, TypeDescriptor, TypeUrl, Types};

use super::{action::Action, holdings::TypeState, overlaid::Overlaid};
use crate::{Overlay, Protocol, Publication, SessionOptions, memo::Memo, publication::Form};

/// State shared by the session and the owners of some types (`rules`).
#[cfg_attr(test, derive(Clone))]
pub(super) struct Ledger {
    pub(super) protocol: Protocol,
    pub(super) options: SessionOptions,
    pub(super) publication: Arc<Publication>,
    /// The overlay of this connection, if there is or was one.
    pub(super) overlaid: Option<Box<Overlaid>>,
    /// In the order of [`SessionOptions::types`].
    pub(super) states: Vec<TypeState>,
    /// The client reconnected with resources of an earlier stream.
    pub(super) resumed: bool,
    /// The client has acknowledged something on this stream.
    pub(super) acked: bool,
    pub(super) out: Vec<Action>,
}

impl Ledger {
    pub(super) fn new(protocol: Protocol, options: SessionOptions, publication: Arc<Publication>) -> Self {
        let states = options.types.iter().map(|type_url| TypeState::new(form(type_url, &options))).collect();
        Self {
            protocol,
            options,
            publication,
            overlaid: None,
            states,
            resumed: false,
            acked: false,
            out: Vec::new(),
        }
    }

    /// The types that are served.
    pub(super) fn types(&self) -> &'static Types {
        self.options.types
    }

    /// The descriptor of a type.
    pub(super) fn of(&self, type_url: TypeUrl) -> &'static TypeDescriptor {
        self.options.types.of(type_url)
    }

    pub(super) fn state(&self, type_url: TypeUrl) -> &TypeState {
        &self.states[self.options.types.place(type_url)]
    }

    pub(super) fn state_mut(&mut self, type_url: TypeUrl) -> &mut TypeState {
        &mut self.states[self.options.types.place(type_url)]
    }

    /// The published resources of a type in the form that the client takes, with those of its overlay.
    pub(super) fn published(&self, type_url: TypeUrl) -> &ResourceSet {
        let overlaid = self.overlaid.as_ref().and_then(|overlaid| overlaid.published(type_url));
        overlaid.unwrap_or_else(|| self.publication.in_form(type_url, self.state(type_url).form))
    }

    /// Serves what is published from now on.
    pub(super) fn publish(&mut self, publication: Arc<Publication>) {
        self.publication = publication;
        self.merge_overlay();
    }

    /// Replaces the overlay.
    pub(super) fn lay_over(&mut self, overlay: Arc<Overlay>) {
        if !overlay.is_empty() || self.overlaid.is_some() {
            self.overlaid.get_or_insert_default().replace(overlay, self.options.types);
            self.merge_overlay();
        }
    }

    fn merge_overlay(&mut self) {
        let Some(overlaid) = &mut self.overlaid else { return };
        let (publication, states, types) = (&self.publication, &self.states, self.options.types);
        overlaid.merge(|type_url| publication.in_form(type_url, states[types.place(type_url)].form));
    }

    /// Whether the type has or had resources in the overlay.
    pub(super) fn is_overlaid(&self, type_url: TypeUrl) -> bool {
        self.overlaid.as_ref().is_some_and(|overlaid| overlaid.published(type_url).is_some())
    }

    /// The resources for encoding: those that are accounted for without their bytes get them here.
    pub(super) fn with_bytes<'a>(
        &self,
        type_url: TypeUrl,
        resources: &'a [EncodedResource],
    ) -> Cow<'a, [EncodedResource]> {
        match &self.overlaid {
            Some(overlaid) => overlaid.with_bytes(type_url, resources),
            None => Cow::Borrowed(resources),
        }
    }

    /// Whether resources of this type are sent as elements.
    pub(super) fn takes(&self, element: TypeUrl) -> bool {
        matches!(self.state(element).form, Form::ElementsOf(_))
    }

    /// The published resources without the parts that are held back.
    pub(super) fn trimmed(&mut self, type_url: TypeUrl) -> ResourceSet {
        let state = &mut self.states[self.options.types.place(type_url)];
        let overlaid = self.overlaid.as_ref().and_then(|overlaid| overlaid.published(type_url));
        let published = overlaid.unwrap_or_else(|| self.publication.in_form(type_url, state.form));
        let current = state.trims.applied(type_url, published);
        for name in state.trims.take_unfinished() {
            state.rejected.remove(&name);
        }
        current
    }

    pub(super) fn memo(&self, type_url: TypeUrl) -> &Memo {
        self.publication.memo(type_url, self.state(type_url).form)
    }

    /// Whether the client has rejected this content.
    pub(super) fn is_rejected(&self, type_url: TypeUrl, resource: &EncodedResource) -> bool {
        self.state(type_url).has_rejected(&resource.name, resource.digest)
    }

    /// Whether responses of this type always carry everything, so that an omission removes.
    pub(super) fn sent_whole(&self, type_url: TypeUrl) -> bool {
        self.protocol == Protocol::StateOfTheWorld && self.of(type_url).always_whole
    }

    /// Whether the client is told that a name of this type does not exist.
    pub(super) fn tells_missing(&self, type_url: TypeUrl) -> bool {
        let told = self.options.answer_missing.get(&type_url);
        told.copied().unwrap_or_else(|| self.of(type_url).answers_missing)
    }

    /// The size from which a delta response is split.
    pub(super) fn delta_bytes(&self, type_url: TypeUrl) -> usize {
        match self.of(type_url).division {
            Division::OneByOne => 0,
            Division::Together => usize::MAX,
            Division::BySize => self.options.delta_bytes,
        }
    }

    /// Whether each resource has a response of its own.
    pub(super) fn is_sent_alone(&self, type_url: TypeUrl) -> bool {
        self.of(type_url).division == Division::OneByOne
    }
}

/// The form in which a client with these options is sent the resources of a type.
fn form(type_url: TypeUrl, options: &SessionOptions) -> Form {
    let taken = |element: &TypeUrl| options.elements.contains(element);
    match options.types.of(type_url).parent.filter(|_| taken(&type_url)) {
        Some(parent) => Form::ElementsOf(parent),
        None if options.types.element(type_url).is_some_and(|element| taken(&element)) => Form::Parents,
        None => Form::Whole,
    }
}
