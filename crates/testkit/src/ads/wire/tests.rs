use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryResponse, Resource};
use prost::Message;

use super::*;

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    fields: Vec<(u64, Vec<u8>)>,
    ends: Vec<(usize, usize)>,
}

impl Sink for Seen {
    fn field(&mut self, number: u64, payload: &[u8]) {
        self.fields.push((number, payload.to_vec()));
    }
    fn end(&mut self, bytes: usize) {
        self.ends.push((self.fields.len(), bytes));
    }
}

fn framed(message: &impl Message) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    bytes.extend(message.encode_to_vec());
    bytes
}

fn response(nonce: &str, size: usize) -> DeltaDiscoveryResponse {
    let resource = Resource { name: "a".to_owned(), version: "v".repeat(size), ..Resource::default() };
    DeltaDiscoveryResponse {
        type_url: "t".to_owned(),
        nonce: nonce.to_owned(),
        resources: vec![resource.clone(), resource],
        removed_resources: vec!["gone".to_owned()],
        ..DeltaDiscoveryResponse::default()
    }
}

#[test]
fn a_stream_means_the_same_in_pieces_of_any_size() {
    let messages =
        [response("1", 3), response("2", 40_000), DeltaDiscoveryResponse::default(), response("4", 0)];
    let stream: Vec<u8> = messages.iter().flat_map(framed).collect();
    let mut whole = Seen::default();
    Scanner::default().push(&stream, &mut whole).unwrap();
    let sizes: Vec<_> = whole.ends.iter().map(|(_, bytes)| *bytes).collect();
    assert_eq!(sizes, messages.each_ref().map(|m| m.encoded_len() + PREFIX_BYTES));
    let nonces: Vec<_> = whole.fields.iter().filter(|(n, _)| *n == 5).map(|(_, v)| v.as_slice()).collect();
    assert_eq!(nonces, [b"1", b"2", b"4"]);
    for size in [1, 2, 7, 16 << 10] {
        let mut seen = Seen::default();
        let mut scanner = Scanner::default();
        for piece in stream.chunks(size) {
            scanner.push(piece, &mut seen).unwrap();
        }
        assert_eq!(seen, whole, "pieces of {size} bytes");
    }
}

#[test]
fn what_is_no_message_is_an_error() {
    let error = |bytes: &[u8]| Scanner::default().push(bytes, &mut Seen::default()).unwrap_err();
    assert_eq!(error(&[1, 0, 0, 0, 0]), WireError::Compressed);
    assert_eq!(error(&[0, 0, 0, 0, 2, 0x0a, 5]), WireError::Overrun { needed: 7, left: 2 });
    assert_eq!(error(&[0, 0, 0, 0, 2, 0x0b, 0]), WireError::WireType(3));
    assert_eq!(error(&[&[0, 0, 0, 0, 99][..], &[0xff; 10]].concat()), WireError::Varint);
    assert_eq!(
        fields(&[0x0a, 3, 0], |_, _| ControlFlow::<()>::Continue(())),
        Err(WireError::Overrun { needed: 5, left: 3 })
    );
}

#[test]
fn the_fields_of_a_message_are_seen_until_the_one_that_was_looked_for() {
    let bytes = response("n", 1).encode_to_vec();
    let mut numbers = Vec::new();
    let found = fields(&bytes, |number, payload| {
        numbers.push(number);
        if number == 4 { ControlFlow::Break(payload) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(found, Ok(Some(&b"t"[..])));
    assert_eq!(numbers, [2, 2, 4]);
}
