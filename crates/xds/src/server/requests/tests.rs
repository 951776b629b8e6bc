use bytes::Bytes;
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use http_body_util::StreamBody;
use prost::Message as _;

use super::*;

/// Requests whose bytes come in pieces of `size`.
fn requests(bytes: &[u8], size: usize) -> Requests<DeltaDiscoveryRequest> {
    let pieces: Vec<_> = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
    let frames = pieces.into_iter().map(|piece| Ok::<_, Status>(http_body::Frame::data(piece)));
    let sieve = Sieve { metadata: &[], node_bytes: 100 };
    Requests::new(Body::new(StreamBody::new(tokio_stream::iter(frames))), 1000, sieve)
}

fn request(nonce: &str) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest { response_nonce: nonce.to_owned(), ..DeltaDiscoveryRequest::default() }
}

fn framed(message: &DeltaDiscoveryRequest) -> Vec<u8> {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &body].concat()
}

#[tokio::test]
async fn messages_come_whole_however_they_are_cut() {
    let bytes: Vec<u8> = ["one", "", "three"].iter().flat_map(|nonce| framed(&request(nonce))).collect();
    for size in 1..=bytes.len() {
        let mut requests = requests(&bytes, size);
        for nonce in ["one", "", "three"] {
            assert_eq!(requests.message().await.unwrap(), Some(request(nonce)), "pieces of {size}");
        }
        assert_eq!(requests.message().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_buffer_goes_with_its_message() {
    let bytes = framed(&request(&"n".repeat(900)));
    let mut requests = requests(&bytes, 16);
    requests.message().await.unwrap().unwrap();
    assert_eq!(requests.buffer.capacity(), 0);
}

#[tokio::test]
async fn what_is_no_message_ends_the_stream() {
    let cases: [(&[u8], Code); 5] = [
        (&[1, 0, 0, 0, 0], Code::Internal),
        (&[7, 0, 0, 0, 0], Code::Internal),
        (&[0, 0, 0, 3, 233], Code::ResourceExhausted),
        (&[0, 0, 0, 0, 2, 8], Code::Internal),
        (&[0, 0, 0, 0, 2, 255, 255], Code::Internal),
    ];
    for (bytes, code) in cases {
        assert_eq!(requests(bytes, 64).message().await.unwrap_err().code(), code, "{bytes:?}");
    }
}
