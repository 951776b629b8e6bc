//! Strips a request of the fields that are never read, before it is decoded.
//!
//! A node lists all extensions of an Envoy and whatever its operator wrote into the metadata, and a decoded message
//! takes many times its encoded size. So only the fields that are read are copied from the encoded form and decoded;
//! the size of what remains of the node is bounded, and so is the number of fields.

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use prost::Message;
use tonic::Status;

/// Maximum number of fields in a request. Most are names; a session subscribes to fewer than half as many of a type.
const FIELDS: usize = 500_000;

/// How much of a field is kept.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    /// The whole field, with its key.
    Whole,
    /// These fields of the submessage.
    Fields(&'static [(u64, Keep)]),
    /// The node, whose size is bounded.
    Node,
    /// Entries of the node's metadata, by their keys.
    Metadata,
}

use Keep::{Fields, Metadata, Node, Whole};

/// `envoy.config.core.v3.Node`: id, cluster, metadata, locality, user agent's name, version, build version.
const NODE: &[(u64, Keep)] =
    &[(1, Whole), (2, Whole), (3, Metadata), (4, Whole), (6, Whole), (7, Whole), (8, Fields(BUILD))];
/// `envoy.config.core.v3.BuildVersion`: version.
const BUILD: &[(u64, Keep)] = &[(1, Whole)];
/// `google.rpc.Status`: code, message.
const ERROR: &[(u64, Keep)] = &[(1, Whole), (2, Whole)];
/// `envoy.service.discovery.v3.ResourceLocator`: name.
const LOCATOR: &[(u64, Keep)] = &[(1, Whole)];

/// Bounds that every request type satisfies.
pub(super) trait Decodable: Message + Default + Send + 'static {}

impl<M: Message + Default + Send + 'static> Decodable for M {}

/// A request type with the list of fields that are read.
pub(super) trait Sieved: Decodable {
    const KEEP: &'static [(u64, Keep)];
}

/// Version, node, names, type, nonce, error, locators.
impl Sieved for DiscoveryRequest {
    const KEEP: &'static [(u64, Keep)] = &[
        (1, Whole),
        (2, Node),
        (3, Whole),
        (4, Whole),
        (5, Whole),
        (6, Fields(ERROR)),
        (7, Fields(LOCATOR)),
    ];
}

/// Node, type, names to subscribe and to unsubscribe, versions, nonce, error, locators of both.
impl Sieved for DeltaDiscoveryRequest {
    const KEEP: &'static [(u64, Keep)] = &[
        (1, Node),
        (2, Whole),
        (3, Whole),
        (4, Whole),
        (5, Whole),
        (6, Whole),
        (7, Fields(ERROR)),
        (8, Fields(LOCATOR)),
        (9, Fields(LOCATOR)),
    ];
}

/// The parts of nodes that are kept.
#[derive(Clone, Copy)]
pub(super) struct Sieve {
    /// The fields of their metadata that are kept.
    pub(super) metadata: &'static [&'static str],
    /// Maximum size in bytes of what is kept.
    pub(super) node_bytes: usize,
}

impl Sieve {
    /// The encoded form of a request without the fields that are never read.
    pub(super) fn pass<M: Sieved>(self, request: &[u8]) -> Result<Vec<u8>, Status> {
        let mut kept = Vec::with_capacity(request.len().min(64 << 10));
        self.fields(request, M::KEEP, &mut kept)?;
        Ok(kept)
    }

    fn fields(self, message: &[u8], keep: &[(u64, Keep)], kept: &mut Vec<u8>) -> Result<(), Status> {
        let mut rest = message;
        for _ in 0..FIELDS {
            let Some(field) = Field::next(&mut rest)? else { return Ok(()) };
            let Some((_, keep)) = keep.iter().find(|(number, _)| *number == field.number) else { continue };
            self.field(&field, *keep, kept)?;
        }
        Err(Status::resource_exhausted(format!("a request has more than {FIELDS} fields")))
    }

    fn field(self, field: &Field<'_>, keep: Keep, kept: &mut Vec<u8>) -> Result<(), Status> {
        let Some(content) = field.content else {
            kept.extend_from_slice(field.whole);
            return Ok(());
        };
        let mut inner = Vec::new();
        match keep {
            Whole => {
                kept.extend_from_slice(field.whole);
                return Ok(());
            }
            Fields(fields) => self.fields(content, fields, &mut inner)?,
            Metadata => self.metadata(content, &mut inner)?,
            Node => {
                self.fields(content, NODE, &mut inner)?;
                if inner.len() > self.node_bytes {
                    let (is, limit) = (inner.len(), self.node_bytes);
                    let text = format!("a node of {is} bytes is larger than the limit of {limit} bytes");
                    return Err(Status::invalid_argument(text));
                }
            }
        }
        kept.extend_from_slice(field.key);
        put_varint(inner.len() as u64, kept);
        kept.append(&mut inner);
        Ok(())
    }

    /// The entries of a `google.protobuf.Struct` that are kept.
    fn metadata(self, mut entries: &[u8], kept: &mut Vec<u8>) -> Result<(), Status> {
        while let Some(entry) = Field::next(&mut entries)? {
            let Some(mut content) = entry.content.filter(|_| entry.number == 1) else { continue };
            let mut key: &[u8] = &[];
            while let Some(field) = Field::next(&mut content)? {
                if field.number == 1 {
                    key = field.content.unwrap_or_default();
                }
            }
            if self.metadata.iter().any(|name| name.as_bytes() == key) {
                kept.extend_from_slice(entry.whole);
            }
        }
        Ok(())
    }
}

/// A field in the encoded form of a message.
struct Field<'a> {
    number: u64,
    key: &'a [u8],
    /// Its content, if it is length-delimited.
    content: Option<&'a [u8]>,
    /// The whole field, with its key.
    whole: &'a [u8],
}

impl<'a> Field<'a> {
    /// Takes the next field off `rest`.
    fn next(rest: &mut &'a [u8]) -> Result<Option<Self>, Status> {
        const VARINT: u64 = 0;
        const FIXED64: u64 = 1;
        const LENGTH: u64 = 2;
        const FIXED32: u64 = 5;
        let all = *rest;
        if all.is_empty() {
            return Ok(None);
        }
        let mut at = 0;
        let key = varint(all, &mut at)?;
        let key_bytes = &all[..at];
        let (start, length) = match key & 7 {
            VARINT => {
                let start = at;
                varint(all, &mut at)?;
                (start, at - start)
            }
            FIXED64 => (at, 8),
            FIXED32 => (at, 4),
            LENGTH => {
                let length = varint(all, &mut at)?;
                (at, usize::try_from(length).unwrap_or(usize::MAX))
            }
            _ => return Err(malformed()),
        };
        let end = start.checked_add(length).filter(|end| *end <= all.len()).ok_or_else(malformed)?;
        *rest = &all[end..];
        Ok(Some(Self {
            number: key >> 3,
            key: key_bytes,
            content: (key & 7 == LENGTH).then_some(&all[start..end]),
            whole: &all[..end],
        }))
    }
}

fn varint(bytes: &[u8], at: &mut usize) -> Result<u64, Status> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(*at).ok_or_else(malformed)?;
        *at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(malformed())
}

fn put_varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

fn malformed() -> Status {
    Status::internal("a request is no protobuf message")
}

#[cfg(test)]
mod tests;
