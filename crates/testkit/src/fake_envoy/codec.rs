//! A gRPC codec that tells the size of each message as it came over the wire.

use std::marker::PhantomData;

use bytes::Buf;
use prost::Message;
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder},
};
use tonic_prost::ProstEncoder;

/// The compressed flag and the length before each gRPC message.
const PREFIX_BYTES: usize = 5;

/// Encodes `Q` and decodes `A` together with its size.
#[derive(Debug)]
pub(super) struct SizedCodec<Q, A>(PhantomData<(Q, A)>);

/// Decodes `A` together with its size.
#[derive(Debug)]
pub(super) struct SizedDecoder<A>(PhantomData<A>);

impl<Q, A> Default for SizedCodec<Q, A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Q, A> Codec for SizedCodec<Q, A>
where
    Q: Message + Send + 'static,
    A: Message + Default + Send + 'static,
{
    type Encode = Q;
    type Decode = (usize, A);
    type Encoder = ProstEncoder<Q>;
    type Decoder = SizedDecoder<A>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        SizedDecoder(PhantomData)
    }
}

impl<A: Message + Default> Decoder for SizedDecoder<A> {
    type Item = (usize, A);
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let bytes = buffer.remaining() + PREFIX_BYTES;
        A::decode(buffer)
            .map(|message| Some((bytes, message)))
            .map_err(|error| Status::internal(error.to_string()))
    }
}
