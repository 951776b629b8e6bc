//! The messages of one stream's request side, as gRPC frames them: a flag, four bytes of length, the message.
//!
//! tonic's `Streaming` keeps the buffer of the largest message that it has read for the life of the stream. Envoy's
//! first request lists all its extensions in 61 kB, and later ones have a few hundred bytes; here a buffer is freed
//! with the message that was in it.

use std::{future::poll_fn, marker::PhantomData, pin::Pin};

use bytes::{Buf, BytesMut};
use http_body::Body as _;
use tonic::{Code, Status, body::Body};

use super::sieve::{Sieve, Sieved};

/// Size of the header of each message: a compression flag, and the length.
const HEADER: usize = 5;

/// The requests of a stream, in their order.
pub(super) struct Requests<M> {
    body: Body,
    /// The bytes read of the messages to come.
    buffer: BytesMut,
    limit: usize,
    sieve: Sieve,
    /// The size of the last message.
    last: usize,
    message: PhantomData<fn() -> M>,
}

impl<M: Sieved> Requests<M> {
    /// The messages in `body`, of at most `limit` bytes each.
    pub(super) fn new(body: Body, limit: usize, sieve: Sieve) -> Self {
        Self { body, buffer: BytesMut::new(), limit, sieve, last: 0, message: PhantomData }
    }

    /// The size of the last message.
    pub(super) fn last_bytes(&self) -> usize {
        self.last
    }

    /// The next message; `None` once the client has closed its side. This is cancel safe.
    pub(super) async fn message(&mut self) -> Result<Option<M>, Status> {
        loop {
            if let Some(message) = self.decode()? {
                return Ok(Some(message));
            }
            match poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(status)) if status.code() == Code::Cancelled => return Ok(None),
                Some(Err(status)) => return Err(status),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Status::internal("the stream ended within a message")),
            }
        }
    }

    fn decode(&mut self) -> Result<Option<M>, Status> {
        let Some((&[flag, a, b, c, d], _)) = self.buffer.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        match flag {
            0 => {}
            1 => return Err(Status::internal("a message is compressed, and no grpc-encoding was named")),
            other => {
                return Err(Status::internal(format!("a message begins with {other} in place of 0 or 1")));
            }
        }
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > self.limit {
            let text =
                format!("a request of {length} bytes is larger than the limit of {} bytes", self.limit);
            return Err(Status::resource_exhausted(text));
        }
        if self.buffer.len() - HEADER < length {
            return Ok(None);
        }
        self.buffer.advance(HEADER);
        let kept = self.sieve.pass::<M>(&self.buffer[..length]);
        self.buffer.advance(length);
        self.last = length;
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        M::decode(&*kept?).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
