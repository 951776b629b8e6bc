//! Below gRPC: compression, broken messages, floods, and clients that take nothing.

use std::io;

use envoy_types::pb::envoy::{config::core::v3::Node, service::discovery::v3::DiscoveryRequest};
use fairlead_resource::TypeUrl;
use prost::Message;

use crate::{
    child::{Child, MAX_REQUEST_BYTES},
    raw::{
        ACK, CONTINUATION, END_HEADERS, HEADERS, INITIAL_WINDOW_SIZE, PING, REFUSED_STREAM, RST_STREAM, Raw,
        SETTINGS, ads_headers, frame, header,
    },
    row::{Body, Row},
    transport::{Answer, call},
};

const GRPC: &str = "gRPC over HTTP/2";
const COMPRESSION: &str = "gRPC compression";
const HTTP2: &str = "RFC 9113, section 10.5";

const STREAM: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const DELTA: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// Codes as they stand in `grpc-status`.
const RESOURCE_EXHAUSTED: &str = "8";
const UNIMPLEMENTED: &str = "12";
const INTERNAL: &str = "13";

/// How much a flood sends, in frames.
const FLOOD: usize = 100_000;

pub(crate) const ROWS: &[Row] = &[
    row(
        "TRA-01",
        "A request says `grpc-encoding: gzip`.",
        "The stream ends with `Unimplemented`, and `grpc-accept-encoding` says what is understood: `identity`.",
        COMPRESSION,
        |child| {
            for method in [STREAM, DELTA] {
                let answer = call(child, method, &[("grpc-encoding", "gzip")], &message(1, b"\x1f\x8b"))?;
                status(&answer, UNIMPLEMENTED)?;
                let accepted = answer.headers.get("grpc-accept-encoding").ok_or("nothing is accepted")?;
                ensure(accepted == "identity", || format!("{accepted:?} is accepted"))?;
            }
            Ok(())
        },
    ),
    row(
        "TRA-02",
        "A message is flagged as compressed and no encoding is named.",
        "The stream ends with `Internal`.",
        COMPRESSION,
        |child| each_method(child, &message(1, b"\x1f\x8b"), INTERNAL),
    ),
    row(
        "TRA-03",
        "A client accepts gzip.",
        "Responses are not compressed: all clients share their bytes.",
        COMPRESSION,
        |child| {
            let accepts = [("grpc-accept-encoding", "gzip,identity")];
            let answer = call(child, STREAM, &accepts, &message(0, &request(TypeUrl::LISTENER)))?;
            status(&answer, "0")?;
            ensure(!answer.headers.contains_key("grpc-encoding"), || "an encoding is named".into())?;
            ensure(answer.body.first() == Some(&0), || {
                format!("{:?} is no plain message", answer.body.first())
            })
        },
    ),
    row(
        "TRA-04",
        "A message with a declared size of 4 GiB.",
        "The stream ends with `ResourceExhausted`, before the message is read.",
        GRPC,
        |child| each_method(child, &[0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3], RESOURCE_EXHAUSTED),
    ),
    row(
        "TRA-05",
        "A message a little above the limit (16 MiB; less here), sent in full.",
        "The stream ends with `ResourceExhausted`.",
        GRPC,
        |child| each_method(child, &message(0, &vec![0; MAX_REQUEST_BYTES + 1]), RESOURCE_EXHAUSTED),
    ),
    row(
        "TRA-06",
        "A message that is no protobuf, and one that is cut off.",
        "The stream ends with `Internal`.",
        GRPC,
        |child| {
            each_method(child, &message(0, &[0xff; 40]), INTERNAL)?;
            each_method(child, &[0, 0, 0, 0, 9, 1], INTERNAL)
        },
    ),
    row("TRA-07", "A method or a service that does not exist.", "`Unimplemented`.", GRPC, |child| {
        let ads = STREAM.replace("StreamAggregatedResources", "Nothing");
        for method in [&*ads, "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters"] {
            status(&call(child, method, &[], &message(0, &request(TypeUrl::CLUSTER)))?, UNIMPLEMENTED)?;
        }
        Ok(())
    }),
    row(
        "TRA-08",
        "Two hundred connections with a window of zero ask for all clusters and never read.",
        "Each costs its connection and one chunk; others are served meanwhile.",
        HTTP2,
        |child| {
            let mut idle = Vec::new();
            for _ in 0..200 {
                let mut raw = Raw::open(child.address, &[(INITIAL_WINDOW_SIZE, 0)]);
                raw.ads(1).and_then(|()| raw.ask(1, TypeUrl::CLUSTER)).map_err(|error| error.to_string())?;
                idle.push(raw);
            }
            // While they wait somebody else is served.
            let mut other = Raw::open(child.address, &[]);
            other.ads(1).and_then(|()| other.ask(1, TypeUrl::CLUSTER)).map_err(|error| error.to_string())?;
            other.response().map(drop).map_err(|error| format!("another client is not served: {error}"))
        },
    ),
    row(
        "TRA-09",
        "A flood of PINGs whose answers are not read.",
        "The connection is ended or read no more; memory does not grow.",
        "CVE-2019-9512",
        |child| flood(child, &frame(PING, 0, 0, &[0; 8]), FLOOD),
    ),
    row(
        "TRA-10",
        "A flood of SETTINGS whose acknowledgements are not read.",
        "The connection is ended or read no more; memory does not grow.",
        "CVE-2019-9515",
        |child| flood(child, &frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]), FLOOD),
    ),
    row(
        "TRA-11",
        "A header list of 1 MiB.",
        "The stream or the connection ends; memory does not grow.",
        HTTP2,
        |child| {
            let mut raw = Raw::open(child.address, &[]);
            let mut block = ads_headers();
            for i in 0..64 {
                block.extend(header(&format!("x-{i}"), &"v".repeat(16 << 10)));
            }
            let mut pieces = block.chunks(16 << 10).peekable();
            let mut kind = HEADERS;
            while let Some(piece) = pieces.next() {
                let last = if pieces.peek().is_none() { END_HEADERS } else { 0 };
                if raw.frame(kind, last, 1, piece).is_err() {
                    break;
                }
                kind = CONTINUATION;
            }
            ends(&mut raw, 1)
        },
    ),
    row(
        "TRA-12",
        "CONTINUATION frames without end.",
        "The connection is ended; memory does not grow.",
        "CVE-2024-27316",
        |child| {
            let mut raw = Raw::open(child.address, &[]);
            raw.frame(HEADERS, 0, 1, &ads_headers()).map_err(|error| error.to_string())?;
            let piece = frame(CONTINUATION, 0, 1, &header("x", &"v".repeat(1 << 10)));
            let broken = (0..FLOOD).any(|_| raw.write(&piece).is_err());
            ensure(broken, || "100 MB of headers are read".into())
        },
    ),
    row(
        "TRA-13",
        "Streams that are opened and reset at once, without end.",
        "The connection is ended; memory does not grow.",
        "CVE-2023-44487",
        |child| {
            let mut raw = Raw::open(child.address, &[]);
            let headers = ads_headers();
            let broken = (0..FLOOD).any(|i| {
                let stream = u32::try_from(2 * i + 1).unwrap();
                let mut both = frame(HEADERS, END_HEADERS, stream, &headers);
                both.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
                raw.write(&both).is_err()
            });
            ensure(broken, || "100,000 resets are taken".into())
        },
    ),
    row(
        "TRA-14",
        "Ten thousand streams on one connection.",
        "A hundred are accepted; the others are refused (`REFUSED_STREAM`) or the connection is ended.",
        HTTP2,
        |child| {
            let mut raw = Raw::open(child.address, &[]);
            for i in 0..10_000 {
                if raw.ads(2 * i + 1).is_err() {
                    return Ok(());
                }
            }
            let mut refused = 0;
            loop {
                match raw.next() {
                    Ok(None) => return Ok(()),
                    Ok(Some(frame))
                        if frame.kind == RST_STREAM && frame.payload == REFUSED_STREAM.to_be_bytes() =>
                    {
                        refused += 1;
                        if refused == 9_900 {
                            return Ok(());
                        }
                    }
                    Ok(Some(_)) => {}
                    Err(error) => return Err(format!("{refused} streams are refused: {error}")),
                }
            }
        },
    ),
    row("TRA-15", "Bytes that are no HTTP.", "The connection is ended.", "RFC 9113, section 3.4", |child| {
        let mut raw = Raw::silent(child.address);
        let _broken = raw.write(&[0xa5; 4096]);
        raw.ended()
    }),
    row("TRA-16", "HTTP/1.1.", "The connection is ended.", "RFC 9113, section 3.4", |child| {
        let mut raw = Raw::silent(child.address);
        let _broken = raw.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        raw.ended()
    }),
    row(
        "TRA-17",
        "A frame that is too long, one on an invalid stream, and a SETTINGS acknowledgement with a payload.",
        "The connection is ended.",
        "RFC 9113, section 5.4",
        |child| {
            let long = frame(HEADERS, 0, 1, &vec![0; 1 << 20]);
            let wrong =
                [long, frame(HEADERS, END_HEADERS, 2, &ads_headers()), frame(SETTINGS, ACK, 0, &[0; 6])];
            wrong.iter().try_for_each(|bytes| {
                let mut raw = Raw::open(child.address, &[]);
                let _broken = raw.write(bytes);
                raw.ended()
            })
        },
    ),
];

const fn row(
    id: &'static str,
    situation: &'static str,
    answer: &'static str,
    source: &'static str,
    proof: fn(&Child) -> Result<(), String>,
) -> Row {
    Row { id, situation, answer, source, body: Body::Transport(proof) }
}

/// Sends the same frame again and again and reads nothing.
fn flood(child: &Child, frame: &[u8], frames: usize) -> Result<(), String> {
    let mut raw = Raw::open(child.address, &[]);
    let many = frame.repeat(1000);
    for _ in 0..frames / 1000 {
        match raw.write(&many) {
            Ok(()) => {}
            // It is read no more, or was ended.
            Err(error) if error.kind() == io::ErrorKind::Other => return Err(error.to_string()),
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Waits until a stream or its connection ends.
fn ends(raw: &mut Raw, stream: u32) -> Result<(), String> {
    loop {
        match raw.next() {
            Ok(None) => return Ok(()),
            // An answer in headers alone ends the stream too.
            Ok(Some(frame)) if frame.stream == stream && matches!(frame.kind, RST_STREAM | HEADERS) => {
                return Ok(());
            }
            Ok(Some(_)) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn each_method(child: &Child, body: &[u8], expected: &str) -> Result<(), String> {
    [STREAM, DELTA].into_iter().try_for_each(|method| status(&call(child, method, &[], body)?, expected))
}

fn status(answer: &Answer, expected: &str) -> Result<(), String> {
    ensure(answer.status() == Some(expected), || format!("status {expected}, not {answer:?}"))
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// A message with its five bytes of head.
fn message(flag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut message = vec![flag];
    message.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    message.extend(bytes);
    message
}

fn request(type_url: TypeUrl) -> Vec<u8> {
    let node = Some(Node { id: "raw".into(), ..Node::default() });
    DiscoveryRequest { node, type_url: type_url.as_str().into(), ..DiscoveryRequest::default() }
        .encode_to_vec()
}
