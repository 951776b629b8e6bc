//! Responses, assembled from the pieces of a stream as they arrive.

use super::{
    library::{Item, Library, NameId, Unreadable},
    protocol::Protocol,
    wire::{Scanner, Sink, WireError},
};

/// A response as a client has read it.
#[derive(Debug, Default)]
pub struct Response {
    /// Its type URL.
    pub type_url: String,
    /// Its nonce.
    pub nonce: String,
    /// The version of the whole (state of the world only).
    pub version: String,
    /// Its resources, in its order.
    pub items: Vec<Item>,
    /// The names that it removes (delta only).
    pub removed: Vec<NameId>,
    /// Its size on the wire: the message and the five bytes before it, without HTTP/2 framing.
    pub bytes: usize,
    /// Why one of its resources cannot be read: a client refuses the whole response for it.
    pub(super) unreadable: Option<String>,
}

/// A stream that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    scanner: Scanner,
    assembly: Assembly,
}

/// The fields received of the response under way, and the complete responses.
#[derive(Debug)]
struct Assembly {
    protocol: Protocol,
    response: Response,
    complete: Vec<Response>,
    error: Option<WireError>,
}

/// Puts fields into an [`Assembly`].
struct Filing<'a> {
    assembly: &'a mut Assembly,
    library: &'a mut Library,
}

impl Reading {
    pub(super) fn new(protocol: Protocol) -> Self {
        let (response, complete) = (Response::default(), Vec::new());
        Self { scanner: Scanner::default(), assembly: Assembly { protocol, response, complete, error: None } }
    }

    /// Takes the next piece of the stream; returns the responses that it completes.
    pub(super) fn push(&mut self, piece: &[u8], library: &mut Library) -> Result<Vec<Response>, WireError> {
        self.scanner.push(piece, &mut Filing { assembly: &mut self.assembly, library })?;
        match self.assembly.error.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut self.assembly.complete)),
        }
    }
}

impl Assembly {
    fn field(&mut self, number: u64, payload: &[u8], library: &mut Library) -> Result<(), WireError> {
        // `DeltaDiscoveryResponse` and `DiscoveryResponse` agree on these numbers.
        const VERSION: u64 = 1;
        const RESOURCES: u64 = 2;
        const TYPE_URL: u64 = 4;
        const NONCE: u64 = 5;
        const REMOVED: u64 = 6;
        let text = || std::str::from_utf8(payload).map(str::to_owned).map_err(|_| WireError::Text);
        match (number, self.protocol) {
            (VERSION, Protocol::Sotw) => self.response.version = text()?,
            (RESOURCES, Protocol::Delta) => self.resource(library.delta(payload))?,
            (RESOURCES, Protocol::Sotw) => self.resource(library.any(payload))?,
            (TYPE_URL, _) => self.response.type_url = text()?,
            (NONCE, _) => self.response.nonce = text()?,
            (REMOVED, Protocol::Delta) => self.response.removed.push(library.named(payload)?),
            _ => {}
        }
        Ok(())
    }

    fn resource(&mut self, read: Result<Item, Unreadable>) -> Result<(), WireError> {
        match read {
            Ok(item) => self.response.items.push(item),
            Err(Unreadable::Stream(error)) => return Err(error),
            Err(Unreadable::Content { name, message }) => {
                self.response.unreadable.get_or_insert(message);
                self.response.items.push(Item { name, content: None });
            }
        }
        Ok(())
    }
}

impl Sink for Filing<'_> {
    fn field(&mut self, number: u64, payload: &[u8]) {
        if let Err(error) = self.assembly.field(number, payload, self.library) {
            self.assembly.error.get_or_insert(error);
        }
    }

    fn end(&mut self, bytes: usize) {
        self.assembly.response.bytes = bytes;
        self.assembly.complete.push(std::mem::take(&mut self.assembly.response));
    }
}
