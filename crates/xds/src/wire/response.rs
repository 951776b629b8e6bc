//! One response, ready to be written.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use fairlead_resource::TypeUrl;

use super::encode::{self, EncodedResponse};

/// The nonce of a response: a number that grows within a stream, unique over all types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub u64);

impl Nonce {
    /// Parses a nonce that a client echoes; `None` if this server cannot have sent it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        (text.len() <= 16 && !text.starts_with('+')).then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A response whose resources are shared with other sessions. A clone copies pointers.
#[derive(Clone)]
pub struct Response {
    type_url: TypeUrl,
    nonce: Nonce,
    version: u64,
    resources: usize,
    removed: usize,
    bytes: usize,
    segments: Arc<[Bytes]>,
    tail: Bytes,
}

impl Response {
    pub(crate) fn new(type_url: TypeUrl, nonce: Nonce, response: &EncodedResponse) -> Self {
        let tail = encode::tail(&version_text(response.version), type_url, &nonce.to_string());
        Self {
            type_url,
            nonce,
            version: response.version,
            resources: response.resources,
            removed: response.gone.len(),
            bytes: response.bytes + tail.len(),
            segments: response.segments.clone(),
            tail,
        }
    }

    /// The type of the resources.
    pub fn type_url(&self) -> TypeUrl {
        self.type_url
    }

    /// The nonce that the client will echo.
    pub fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// The version of the response: a digest of the names and contents that it carries.
    pub fn version(&self) -> String {
        version_text(self.version)
    }

    /// How many resources it carries.
    pub fn resources(&self) -> usize {
        self.resources
    }

    /// How many names it removes.
    pub fn removed(&self) -> usize {
        self.removed
    }

    /// The length of the encoded message.
    pub fn encoded_len(&self) -> usize {
        self.bytes
    }

    /// The encoded message in pieces.
    pub fn segments(&self) -> impl Iterator<Item = &Bytes> {
        self.segments.iter().chain(std::iter::once(&self.tail))
    }

    /// The piece at `index`, for a reader that goes through them at its own pace.
    pub(crate) fn segment(&self, index: usize) -> Option<&Bytes> {
        match index.checked_sub(self.segments.len()) {
            None => self.segments.get(index),
            Some(0) => Some(&self.tail),
            Some(_) => None,
        }
    }

    /// The encoded message in one piece, a copy for tests.
    pub fn to_vec(&self) -> Vec<u8> {
        self.segments().fold(Vec::with_capacity(self.bytes), |mut all, piece| {
            all.extend_from_slice(piece);
            all
        })
    }
}

/// Shows what is sent, but never its content: a `Secret` must not reach a log.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("type_url", &self.type_url)
            .field("nonce", &self.nonce)
            .field("resources", &self.resources)
            .field("removed", &self.removed)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// A response's version as text.
pub(crate) fn version_text(version: u64) -> String {
    format!("{version:016x}")
}
