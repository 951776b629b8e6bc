//! The contents that clients have read, shared by them: names as numbers, and contents with their references.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use fairlead_envoy::listener::{NEVER, NEVER_A_CERTIFICATE};
use fairlead_resource::{Digest, TypeUrl};

use super::{
    references::{self, References},
    wire::{self, WireError},
};

/// The number of a name in a [`Library`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(u32);

/// One content of a resource.
#[derive(Debug)]
pub struct Content {
    pub(super) digest: Digest,
    /// The server's version of it; empty in the state of the world.
    pub version: Box<str>,
    /// The encoded message (not the `Any` around it); empty in a library that keeps no bytes.
    pub message: Bytes,
    /// The names that it makes a client request.
    pub(super) refers_to: Vec<(TypeUrl, NameId)>,
    /// Whether it is a route table that takes virtual hosts of its own.
    pub(super) takes_hosts: bool,
}

/// A resource of a response; without a content it does not exist.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name.
    pub name: NameId,
    /// Its content.
    pub content: Option<Arc<Content>>,
}

/// Why a resource cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The stream is not valid.
    Stream(WireError),
    /// The message is not of its type.
    Content { name: NameId, message: String },
}

/// A type by its short name, a name, and the digests of content and version: two types may have equal bytes.
type ContentKey = (Option<&'static str>, NameId, Digest, Digest);

/// Finds the references of a message of a type and name. The error says why it cannot be read.
pub type Reader = fn(TypeUrl, &str, &[u8]) -> Result<References, String>;

/// The memory that clients share.
#[derive(Debug)]
pub struct Library {
    keeps_bytes: bool,
    reader: Reader,
    ids: HashMap<Arc<str>, NameId>,
    names: Vec<Arc<str>>,
    contents: HashMap<ContentKey, Weak<Content>>,
    /// Number of contents at which those that are no longer held are dropped.
    limit: usize,
}

impl From<WireError> for Unreadable {
    fn from(error: WireError) -> Self {
        Self::Stream(error)
    }
}

impl Default for Library {
    fn default() -> Self {
        Self {
            keeps_bytes: false,
            reader: envoy,
            ids: HashMap::new(),
            names: Vec::new(),
            contents: HashMap::new(),
            limit: 0,
        }
    }
}

/// Reads Envoy's own messages.
fn envoy(kind: TypeUrl, name: &str, message: &[u8]) -> Result<References, String> {
    references::of(kind, message).map_err(|error| format!("{kind} {name}: {error}"))
}

impl Library {
    /// A library whose contents have their bytes.
    pub fn keeping_bytes() -> Self {
        Self { keeps_bytes: true, ..Self::default() }
    }

    /// Reads messages by `reader`: tests may use messages other than Envoy's.
    #[must_use]
    pub fn read_by(self, reader: Reader) -> Self {
        Self { reader, ..self }
    }

    /// The number of `name`, if anything of that name has been read.
    pub fn find(&self, name: &str) -> Option<NameId> {
        self.ids.get(name).copied()
    }

    /// The number of `name`.
    ///
    /// # Panics
    /// If there are 2^32 names, which no mesh has.
    pub fn id(&mut self, name: &str) -> NameId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = NameId(u32::try_from(self.names.len()).expect("a mesh has fewer than 2^32 names"));
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.ids.insert(name, id);
        id
    }

    /// The name with the number `id`.
    pub fn name(&self, id: NameId) -> &Arc<str> {
        &self.names[id.0 as usize]
    }

    /// The names with these numbers.
    pub(super) fn names_of(&self, ids: &[NameId]) -> Vec<String> {
        ids.iter().map(|id| self.name(*id).to_string()).collect()
    }

    /// Whether a resource of this name may arrive: the secret whose name says that it will not is not waited for.
    pub(super) fn may_come(&self, name: NameId) -> bool {
        ![NEVER, NEVER_A_CERTIFICATE].contains(&&**self.name(name))
    }

    /// The table of a virtual host: the part of its name before the first `/`.
    pub(super) fn table_of(&mut self, host: NameId) -> NameId {
        let name = self.name(host).clone();
        self.id(name.split('/').next().unwrap_or_default())
    }

    /// The collection of an endpoint: its name with `*` after the last `/`.
    pub(super) fn glob_of(&mut self, endpoint: NameId) -> NameId {
        let name = self.name(endpoint).clone();
        let collection = name.rsplit_once('/').map_or("", |(collection, _)| collection);
        self.id(&format!("{collection}/*"))
    }

    /// The name in `bytes`.
    pub(super) fn named(&mut self, bytes: &[u8]) -> Result<NameId, WireError> {
        std::str::from_utf8(bytes).map(|name| self.id(name)).map_err(|_| WireError::Text)
    }

    /// The resource in a `Resource` of the delta variant.
    pub(super) fn delta(&mut self, bytes: &[u8]) -> Result<Item, Unreadable> {
        const VERSION: u64 = 1;
        const RESOURCE: u64 = 2;
        const NAME: u64 = 3;
        let (mut version, mut any, mut name) = (&[][..], None, &[][..]);
        wire::fields(bytes, |number, payload| {
            match number {
                VERSION => version = payload,
                RESOURCE => any = Some(payload),
                NAME => name = payload,
                _ => {}
            }
            ControlFlow::<()>::Continue(())
        })?;
        let name = self.named(name)?;
        let content = any.map(|any| self.content(name, version, packed(any)?)).transpose()?;
        Ok(Item { name, content })
    }

    /// The resource in an `Any` of the state of the world, which names it in its first field.
    pub(super) fn any(&mut self, bytes: &[u8]) -> Result<Item, Unreadable> {
        const NAME: u64 = 1;
        let packed = packed(bytes)?;
        let name = wire::fields(packed.1, |number, payload| {
            if number == NAME { ControlFlow::Break(payload) } else { ControlFlow::Continue(()) }
        });
        // If the name cannot be read, neither can the message, which is reported below.
        let name = self.named(name.ok().flatten().unwrap_or_default())?;
        Ok(Item { name, content: Some(self.content(name, &[], packed)?) })
    }

    /// The content of a resource, decoded if it is new.
    fn content(
        &mut self,
        name: NameId,
        version: &[u8],
        (type_url, message): (&[u8], &[u8]),
    ) -> Result<Arc<Content>, Unreadable> {
        let digest = Digest::of(message);
        let kind = std::str::from_utf8(type_url).ok().and_then(TypeUrl::parse);
        let key = (kind.map(TypeUrl::short), name, digest, Digest::of(version));
        if let Some(content) = self.contents.get(&key).and_then(Weak::upgrade) {
            return Ok(content);
        }
        let version = std::str::from_utf8(version).map_err(|_| WireError::Text)?.into();
        let kept = if self.keeps_bytes { Bytes::copy_from_slice(message) } else { Bytes::new() };
        let mut content =
            Content { digest, version, message: kept, refers_to: Vec::new(), takes_hosts: false };
        if let Some(kind) = kind {
            let references = (self.reader)(kind, self.name(name), message)
                .map_err(|message| Unreadable::Content { name, message })?;
            content.takes_hosts = references.virtual_hosts;
            let endpoints = references.endpoints.iter().map(|n| (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, n));
            let routes = references.routes.iter().map(|n| (TypeUrl::ROUTE_CONFIGURATION, n));
            let secrets = references.secrets.iter().map(|n| (TypeUrl::SECRET, n));
            let collections = references.collections.iter().map(|n| (TypeUrl::LB_ENDPOINT, n));
            let chains = references.chains.iter().map(|n| (TypeUrl::FILTER_CHAIN, n));
            let all = endpoints.chain(routes).chain(secrets).chain(collections).chain(chains);
            content.refers_to = all.map(|(kind, name)| (kind, self.id(name))).collect();
        }
        let content = Arc::new(content);
        if self.contents.len() >= self.limit {
            self.contents.retain(|_, content| content.strong_count() > 0);
            self.limit = 2 * self.contents.len() + 1024;
        }
        self.contents.insert(key, Arc::downgrade(&content));
        Ok(content)
    }
}

/// The type URL and the message in an `Any`.
fn packed(any: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    const TYPE_URL: u64 = 1;
    const VALUE: u64 = 2;
    let (mut type_url, mut value) = (&[][..], &[][..]);
    wire::fields(any, |number, payload| {
        match number {
            TYPE_URL => type_url = payload,
            VALUE => value = payload,
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    })?;
    Ok((type_url, value))
}
