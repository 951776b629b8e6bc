//! Reads responses as they arrive, without decoding them: the fields of a message, one at a time.

use std::ops::ControlFlow;

use bytes::{Buf, BytesMut};

/// Size of the compressed flag and the length before each gRPC message.
pub(super) const PREFIX_BYTES: usize = 5;
/// Maximum capacity that is kept of a buffer after a large field.
const KEPT_BYTES: usize = 16 << 10;

/// Why a stream is not a sequence of uncompressed gRPC messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A message is compressed, which was not asked for.
    #[error("a compressed message, which was not asked for")]
    Compressed,
    /// A field is longer than its message.
    #[error("a field of {needed} bytes in a message with {left} left")]
    Overrun {
        /// Bytes of the field.
        needed: usize,
        /// Bytes of the message that are still to come.
        left: usize,
    },
    /// A field of a type that is not in use.
    #[error("wire type {0}")]
    WireType(u64),
    /// A number that does not end.
    #[error("a varint of more than ten bytes")]
    Varint,
    /// A text is not UTF-8.
    #[error("a text that is no UTF-8")]
    Text,
}

/// Receives what a [`Scanner`] finds.
pub(super) trait Sink {
    /// A length-delimited field of the message that is being read.
    fn field(&mut self, number: u64, payload: &[u8]);
    /// The message is complete; `bytes` is its size with the prefix.
    fn end(&mut self, bytes: usize);
}

/// Takes a stream of gRPC messages in pieces of any size, and holds no more of it than the field under way.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    pending: BytesMut,
    /// Bytes of the message under way, and how many of them are still to come; `None` between messages.
    message: Option<(usize, usize)>,
    /// The length of the field under way, once known, so that it is gathered in one piece.
    needed: usize,
}

impl Scanner {
    /// Takes the next piece of the stream.
    pub(super) fn push(&mut self, piece: &[u8], sink: &mut impl Sink) -> Result<(), WireError> {
        if self.pending.is_empty() {
            let used = self.consume(piece, sink)?;
            self.pending.extend_from_slice(&piece[used..]);
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.reserve(piece.len().max(self.needed.saturating_sub(pending.len())));
        pending.extend_from_slice(piece);
        let used = self.consume(&pending, sink)?;
        pending.advance(used);
        // A field of a megabyte must not leave a megabyte behind in each of thousands of clients.
        if !pending.is_empty() || pending.capacity() <= KEPT_BYTES {
            self.pending = pending;
        }
        Ok(())
    }

    /// Reads what is complete. Returns the number of bytes read.
    fn consume(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<usize, WireError> {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let Some((size, left)) = self.message else {
                let Some(size) = prefix(rest)? else { return Ok(at) };
                at += PREFIX_BYTES;
                self.message = Some((size, size));
                continue;
            };
            if left == 0 {
                self.message = None;
                sink.end(size + PREFIX_BYTES);
                continue;
            }
            let Some(field) = Field::read(rest, left)? else { return Ok(at) };
            self.needed = field.end;
            if field.end > rest.len() {
                return Ok(at);
            }
            if let Some(payload) = field.payload(rest) {
                sink.field(field.number, payload);
            }
            at += field.end;
            self.message = Some((size, left - field.end));
        }
    }
}

fn prefix(bytes: &[u8]) -> Result<Option<usize>, WireError> {
    let Some((&[compressed, a, b, c, d], _)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return Ok(None);
    };
    if compressed != 0 {
        return Err(WireError::Compressed);
    }
    Ok(Some(u32::from_be_bytes([a, b, c, d]) as usize))
}

/// Where a field lies in the bytes that begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    number: u64,
    /// Where the payload begins, if the field has a length.
    payload: Option<usize>,
    end: usize,
}

impl Field {
    /// The field at the start of `bytes`, `None` if not even its head is complete; `left` bytes of its message
    /// remain. It may end beyond `bytes`.
    fn read(bytes: &[u8], left: usize) -> Result<Option<Self>, WireError> {
        const VARINT: u64 = 0;
        const FIXED64: u64 = 1;
        const LENGTH: u64 = 2;
        const FIXED32: u64 = 5;
        let Some((key, start)) = varint(bytes)? else { return Ok(None) };
        let (payload, end) = match key & 7 {
            VARINT => match varint(&bytes[start..])? {
                None => return Ok(None),
                Some((_, length)) => (None, start + length),
            },
            FIXED64 => (None, start + 8),
            FIXED32 => (None, start + 4),
            LENGTH => match varint(&bytes[start..])? {
                None => return Ok(None),
                Some((length, taken)) => {
                    let start = start + taken;
                    (Some(start), start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)))
                }
            },
            other => return Err(WireError::WireType(other)),
        };
        if end > left {
            return Err(WireError::Overrun { needed: end, left });
        }
        Ok(Some(Self { number: key >> 3, payload, end }))
    }

    fn payload(self, bytes: &[u8]) -> Option<&[u8]> {
        self.payload.map(|start| &bytes[start..self.end])
    }
}

/// The number at the start of `bytes` and its length, `None` if it is not complete.
fn varint(bytes: &[u8]) -> Result<Option<(u64, usize)>, WireError> {
    let mut value = 0_u64;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i).min(63);
        if byte & 0x80 == 0 {
            return Ok(Some((value, i + 1)));
        }
    }
    if bytes.len() < 10 { Ok(None) } else { Err(WireError::Varint) }
}

/// Calls `look` with the fields of a complete message that have a length, until it breaks.
pub(super) fn fields<'a, B>(
    mut bytes: &'a [u8],
    mut look: impl FnMut(u64, &'a [u8]) -> ControlFlow<B>,
) -> Result<Option<B>, WireError> {
    while !bytes.is_empty() {
        let Some(field) = Field::read(bytes, bytes.len())? else {
            // Cut off within the head of a field.
            return Err(WireError::Overrun { needed: bytes.len() + 1, left: bytes.len() });
        };
        if let Some(payload) = field.payload(bytes)
            && let ControlFlow::Break(found) = look(field.number, payload)
        {
            return Ok(Some(found));
        }
        bytes = &bytes[field.end..];
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
