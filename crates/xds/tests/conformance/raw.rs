//! HTTP/2 frame by frame: what no client library would send.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use envoy_types::pb::envoy::{
    config::core::v3::Node,
    service::discovery::v3::{DiscoveryRequest, DiscoveryResponse},
};
use fairlead_resource::TypeUrl;
use prost::Message;

use crate::world::PATIENCE;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113, section 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `REFUSED_STREAM` among the error codes.
pub(crate) const REFUSED_STREAM: u32 = 7;

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;

/// One frame.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// A connection.
pub(crate) struct Raw {
    socket: TcpStream,
    /// Bytes of messages that have been read, without the frames' heads.
    data: Vec<u8>,
}

impl Raw {
    /// A connection on which nothing has been sent.
    pub(crate) fn silent(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        Self { socket, data: Vec::new() }
    }

    /// A connection that has begun, with these settings.
    pub(crate) fn open(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut raw = Self::silent(address);
        raw.write(PREFACE).unwrap();
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| id.to_be_bytes().into_iter().chain(value.to_be_bytes()))
            .collect();
        raw.frame(SETTINGS, 0, 0, &payload).unwrap();
        raw
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    pub(crate) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.write(&frame(kind, flags, stream, payload))
    }

    /// Opens a state-of-the-world stream.
    pub(crate) fn ads(&mut self, stream: u32) -> io::Result<()> {
        self.frame(HEADERS, END_HEADERS, stream, &ads_headers())
    }

    /// Asks for a type on a stream.
    pub(crate) fn ask(&mut self, stream: u32, type_url: TypeUrl) -> io::Result<()> {
        let request = DiscoveryRequest {
            node: Some(Node { id: "raw".into(), ..Node::default() }),
            type_url: type_url.as_str().into(),
            ..DiscoveryRequest::default()
        };
        let message = request.encode_to_vec();
        let mut payload = vec![0];
        payload.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        payload.extend(message);
        self.frame(DATA, 0, stream, &payload)
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut head = [0; 9];
        match self.socket.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if is_end(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        let mut payload = vec![0; length];
        match self.socket.read_exact(&mut payload) {
            Ok(()) => Ok(Some(Frame { kind: head[3], flags: head[4], stream, payload })),
            Err(error) if is_end(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next response; settings and pings are answered, and the window is kept open.
    pub(crate) fn response(&mut self) -> io::Result<DiscoveryResponse> {
        loop {
            if let Some(head) = self.data.first_chunk::<5>() {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
                if self.data.len() >= 5 + length {
                    assert_eq!(head[0], 0, "responses are not compressed");
                    let response = DiscoveryResponse::decode(&self.data[5..5 + length]).unwrap();
                    self.data.drain(..5 + length);
                    return Ok(response);
                }
            }
            let frame = self.next()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            match frame.kind {
                DATA => {
                    let taken = u32::try_from(frame.payload.len()).unwrap().to_be_bytes();
                    self.data.extend(frame.payload);
                    if taken != [0; 4] {
                        self.frame(WINDOW_UPDATE, 0, 0, &taken)?;
                        self.frame(WINDOW_UPDATE, 0, frame.stream, &taken)?;
                    }
                }
                SETTINGS if frame.flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[])?,
                PING if frame.flags & ACK == 0 => self.frame(PING, ACK, 0, &frame.payload)?,
                RST_STREAM | GOAWAY => return Err(io::Error::other(format!("{frame:?}"))),
                _ => {}
            }
        }
    }

    /// Waits until the server ends the connection, with GOAWAY or without.
    pub(crate) fn ended(&mut self) -> Result<(), String> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            match self.next() {
                Ok(None) => return Ok(()),
                Ok(Some(_)) => {}
                Err(error) => return Err(format!("the connection stays open: {error}")),
            }
        }
        Err("the connection stays open".to_owned())
    }
}

/// One frame as bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The header block of a state-of-the-world stream.
pub(crate) fn ads_headers() -> Vec<u8> {
    let path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
    [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    .into_iter()
    .flat_map(|(name, value)| header(name, value))
    .collect()
}

/// A header in HPACK: a literal that is not indexed, without Huffman coding (RFC 7541, section 6.2.2).
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        let mut length = text.len();
        if length < 127 {
            bytes.push(u8::try_from(length).unwrap());
        } else {
            bytes.push(127);
            length -= 127;
            while length >= 128 {
                bytes.push(u8::try_from(length % 128 + 128).unwrap());
                length /= 128;
            }
            bytes.push(u8::try_from(length).unwrap());
        }
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}
