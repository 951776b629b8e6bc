//! What a client may do to take the server's memory, time or places. On loopback, bounded in time and count.

use std::time::{Duration, Instant};

use envoy_types::pb::{
    envoy::service::discovery::v3::DeltaDiscoveryRequest,
    google::protobuf::{Struct, Value, value::Kind},
};
use fairlead_resource::TypeUrl;
use fairlead_xds::server::ServerOptions;
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use tonic::Code;

use crate::world::{PATIENCE, Running, clusters, node, start, url};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.address).await.unwrap()
}

/// Reads until the server closes the connection.
async fn closed(mut connection: TcpStream) {
    let mut bytes = [0; 1024];
    let end = async { while matches!(connection.read(&mut bytes).await, Ok(read) if read > 0) {} };
    tokio::time::timeout(PATIENCE, end).await.expect("the connection is closed");
}

fn impatient() -> ServerOptions {
    ServerOptions {
        greeting_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(300),
        ..ServerOptions::default()
    }
}

#[tokio::test]
async fn connections_that_never_speak_are_closed() {
    let running = start(clusters(1, 1, 10, b'a'), impatient()).await;
    let (silent, mut greeted) = (connect(&running).await, connect(&running).await);
    greeted.write_all(PREFACE).await.unwrap();
    running.until("both are there", |r| r.server.sessions().connections() == 2).await;
    closed(silent).await;
    closed(greeted).await;
    running.until("their places are free", |r| r.server.sessions().connections() == 0).await;
}

#[tokio::test]
async fn a_connection_whose_streams_never_send_is_closed_and_one_that_is_served_stays() {
    let running = start(clusters(1, 1, 10, b'a'), impatient()).await;
    let mut served = running.delta().await;
    served.begin(TypeUrl::CLUSTER);
    let response = served.next().await.unwrap();
    served.ack(&response);
    let mut silent = running.delta().await;
    assert_eq!(silent.next().await.unwrap_err().code(), Code::DeadlineExceeded);
    running.until("one is closed", |r| r.server.sessions().connections() == 1).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    running.world.view.publish(clusters(2, 2, 10, b'a'));
    assert_eq!(served.next().await.unwrap().resources.len(), 1);
}

#[tokio::test]
async fn a_message_that_is_never_finished_ends_its_stream() {
    let options = ServerOptions { request_timeout: Duration::from_millis(200), ..impatient() };
    let running = start(clusters(1, 1, 10, b'a'), options).await;
    let mut channel = running.client().await;
    // The codec of a client writes whole messages, so the unfinished one is the connection's end of a raw stream.
    drop(channel.delta_aggregated_resources(tokio_stream::pending()).await.unwrap());
    let mut raw = connect(&running).await;
    raw.write_all(PREFACE).await.unwrap();
    raw.write_all(&headers_frame()).await.unwrap();
    // 10 MB are announced, and 100 bytes come.
    let mut begun = vec![0];
    begun.extend_from_slice(&10_000_000_u32.to_be_bytes());
    begun.extend_from_slice(&[0x1a; 100]);
    raw.write_all(&data_frame(&begun)).await.unwrap();
    running.until("it is held", |r| r.server.sessions().held_bytes() >= 10_000_000).await;
    closed(raw).await;
    assert_eq!(running.server.sessions().held_bytes(), 0);
}

/// `POST` of the delta stream, in HPACK without a table.
fn headers_frame() -> Vec<u8> {
    let path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "x"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    // END_HEADERS
    frame(1, 4, &block)
}

fn data_frame(data: &[u8]) -> Vec<u8> {
    frame(0, 0, data)
}

/// A frame of stream 1.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

#[tokio::test]
async fn a_node_keeps_what_is_read_of_it_and_is_bounded() {
    let options = ServerOptions { metadata: &["NAMESPACE"], ..ServerOptions::default() };
    let running = start(clusters(1, 1, 10, b'a'), options).await;
    let text = |text: String| Value { kind: Some(Kind::StringValue(text)) };
    let begin = |key: &str, bytes: usize| {
        let mut node = node("a");
        let fields = [(key.to_owned(), text("x".repeat(bytes)))].into();
        node.metadata = Some(Struct { fields });
        DeltaDiscoveryRequest { node: Some(node), type_url: url(TypeUrl::CLUSTER), ..Default::default() }
    };
    let mut large = running.delta().await;
    large.requests.send(begin("ANYTHING", 8 << 20)).unwrap();
    large.next().await.unwrap();
    let status = running.server.sessions().snapshot();
    assert!(status[0].node.metadata.fields.is_empty());
    assert!(running.server.sessions().held_bytes() < 1000);
    let mut refused = running.delta().await;
    let request = begin("NAMESPACE", 65 << 10);
    assert!(request.encoded_len() > 64 << 10);
    refused.requests.send(request).unwrap();
    assert_eq!(refused.next().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn names_that_nothing_has_are_bounded_for_an_address() {
    let options =
        ServerOptions { client_bytes: 1 << 20, max_request_bytes: 1 << 20, ..ServerOptions::default() };
    let running = start(clusters(1, 1, 10, b'a'), options).await;
    let mut client = running.delta().await;
    client.begin(TypeUrl::CLUSTER);
    client.next().await.unwrap();
    let ended = async {
        for part in 0.. {
            let request = DeltaDiscoveryRequest {
                type_url: url(TypeUrl::CLUSTER_LOAD_ASSIGNMENT),
                resource_names_subscribe: (0..1000).map(|i| format!("{part}-{i:0100}")).collect(),
                ..Default::default()
            };
            client.requests.send(request).ok();
            match client.next().await {
                Ok(missing) => {
                    let answered = DeltaDiscoveryRequest {
                        type_url: missing.type_url,
                        response_nonce: missing.nonce,
                        ..Default::default()
                    };
                    client.requests.send(answered).ok();
                }
                Err(ended) => return (part, ended),
            }
        }
        unreachable!()
    };
    let (parts, ended) = tokio::time::timeout(PATIENCE, ended).await.unwrap();
    assert_eq!(ended.code(), Code::ResourceExhausted);
    assert!(parts < 12, "{parts} times 230 kB");
}

#[tokio::test]
async fn one_address_leaves_places_to_others_and_they_are_not_kept() {
    let options = ServerOptions { max_connections: 8, ..ServerOptions::default() };
    let running = start(clusters(1, 1, 10, b'a'), options).await;
    let mut own = Vec::new();
    for _ in 0..6 {
        own.push(connect(&running).await);
    }
    running.until("six are there", |r| r.server.sessions().connections() == 6).await;
    closed(connect(&running).await).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
    let other = socket.connect(running.address).await.unwrap();
    running.until("another is there", |r| r.server.sessions().connections() == 7).await;
    drop((own, other));
    running.until("all have gone", |r| r.server.sessions().connections() == 0).await;
}

#[tokio::test]
async fn connections_that_were_closed_do_not_stand_in_the_queue() {
    let options = ServerOptions {
        backlog_limit: 1 << 20,
        stall_timeout: Duration::from_secs(60),
        admission_timeout: Duration::from_secs(60),
        ..ServerOptions::default()
    };
    let running = start(clusters(1, 100, 100_000, b'a'), options).await;
    let mut greedy = running.delta().await;
    greedy.begin(TypeUrl::CLUSTER);
    running.until("the backlog", |r| r.server.sessions().backlog_bytes() > 1 << 20).await;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        let mut connection = connect(&running).await;
        connection.write_all(PREFACE).await.unwrap();
        crowd.push(connection);
    }
    running.until("they wait", |r| r.server.sessions().waiting() == 300).await;
    drop(crowd);
    running.until("they have gone", |r| r.server.sessions().waiting() == 0).await;
    assert_eq!(running.server.sessions().connections(), 1);
    let mut names = 0;
    while names < 100 {
        let response = greedy.next().await.unwrap();
        names += response.resources.len();
        greedy.ack(&response);
    }
    let began = Instant::now();
    let mut honest = running.delta().await;
    honest.begin(TypeUrl::CLUSTER);
    assert!(!honest.next().await.unwrap().resources.is_empty());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
