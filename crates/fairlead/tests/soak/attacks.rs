//! What clients and authors may do to take the server's memory, time or places, and what the others see of it.
//!
//! All of it comes from this machine, and ends by itself.

use std::time::{Duration, Instant};

use envoy_types::pb::envoy::config::core::v3::Locality;
use fairlead_lab::deadline::eventually;
use fairlead_testkit::{ads::Protocol, crowd::Profile, meshgen::MeshSpec};
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    crowds::{Memory, WITHIN, crowd_of, server_of, settled, sized},
    harness::server::Server,
    report::Report,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PATH: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// A frame of stream 1.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// The beginning of a delta stream.
fn opening() -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", PATH),
        (":authority", "x"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for text in fields.iter().flat_map(|(name, value)| [None, Some(*name), Some(*value)]) {
        match text {
            None => block.push(0),
            Some(text) => {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend_from_slice(text.as_bytes());
            }
        }
    }
    [PREFACE, &frame(1, 4, &block)].concat()
}

/// What a client may send on a connection and on its stream 1, as the server says.
struct Windows {
    connection: i64,
    stream: i64,
}

impl Windows {
    /// Takes the next frame of the server in.
    async fn update(&mut self, socket: &mut TcpStream) -> std::io::Result<()> {
        const SETTINGS: u8 = 4;
        const WINDOW_UPDATE: u8 = 8;
        let mut head = [0; 9];
        socket.read_exact(&mut head).await?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        socket.read_exact(&mut payload).await?;
        let number = |bytes: &[u8]| i64::from(u32::from_be_bytes(bytes.try_into().unwrap()));
        match head[3] {
            WINDOW_UPDATE if head[8] == 0 => self.connection += number(&payload),
            WINDOW_UPDATE => self.stream += number(&payload),
            SETTINGS if head[4] == 0 => {
                // They hold once they are acknowledged.
                socket.write_all(&[0, 0, 0, SETTINGS, 1, 0, 0, 0, 0]).await?;
                for setting in payload.chunks(6).filter(|setting| setting[..2] == [0, 4]) {
                    self.stream += number(&setting[2..]) - i64::from(u16::MAX);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Sends as much as the server takes of a message that is announced, but for its end, for a while.
async fn unfinished(server: &Server, announced: u32, wait: Duration) -> usize {
    const PIECE: u16 = 16 << 10;
    let mut socket = TcpStream::connect(server.xds()).await.unwrap();
    socket.write_all(&opening()).await.unwrap();
    socket.write_all(&frame(0, 0, &[&[0][..], &announced.to_be_bytes()].concat())).await.unwrap();
    let (piece, mut sent) = (frame(0, 0, &[0x1a; PIECE as usize]), 0);
    let default = i64::from(u16::MAX) - 5;
    let mut windows = Windows { connection: default, stream: default };
    let sending = async {
        while sent + usize::from(PIECE) < announced as usize {
            if windows.connection.min(windows.stream) < i64::from(PIECE) {
                windows.update(&mut socket).await?;
                continue;
            }
            socket.write_all(&piece).await?;
            windows.connection -= i64::from(PIECE);
            windows.stream -= i64::from(PIECE);
            sent += usize::from(PIECE);
        }
        std::future::pending::<std::io::Result<()>>().await
    };
    let _ = tokio::time::timeout(wait, sending).await;
    sent
}

async fn healthy(server: &Server) {
    let began = Instant::now();
    let (status, _) = server.get("/healthz").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

fn small_mesh() -> MeshSpec {
    MeshSpec { namespaces: 2, services: 20, endpoints_per_service: 2, ..MeshSpec::EMPTY }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_requests_cost_no_more_than_their_budget() {
    let mut report = Report::of("attack-unfinished");
    let server = server_of(&small_mesh()).launched().await;
    let memory = Memory::of(&server);
    let before = memory.now();
    memory.reset_peak();
    let mut attack = JoinSet::new();
    let connections = sized(10, 100_u32);
    let server = std::sync::Arc::new(server);
    for _ in 0..connections {
        let server = server.clone();
        attack.spawn(async move { unfinished(&server, 15_000_000, Duration::from_secs(5)).await });
    }
    healthy(&server).await;
    let mut crowd = crowd_of(&server);
    crowd.join_all((0..5).map(|i| Profile::sidecar(i, "ns-0", Protocol::Delta)));
    settled(&crowd).await;
    let mut sent = 0;
    while let Some(one) = attack.join_next().await {
        sent += one.unwrap();
    }
    report.count("connections", connections);
    report.count("sent_bytes", sent);
    assert!(sent > sized(100_usize, 110) << 20, "{sent} bytes were taken of what is unfinished");
    report.add("rss_before_mb", before);
    report.add("peak_rss_mb", memory.peak());
    // 128 MiB for one address, in buffers that may have grown to twice that, and what connections hold that are not read.
    let most = before + 2.0 * 134.0 + 1.1 * f64::from(connections);
    assert!(memory.peak() < most, "{} MB, {before} MB before", memory.peak());
    report.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_opened_and_closed_keep_nobody_waiting() {
    let mut report = Report::of("attack-connects");
    let server = std::sync::Arc::new(server_of(&small_mesh()).launched().await);
    let seconds = sized(2, 10);
    let mut attack = JoinSet::new();
    for worker in 0..8 {
        let server = server.clone();
        attack.spawn(async move {
            let end = Instant::now() + Duration::from_secs(seconds);
            let mut opened = 0_u64;
            while Instant::now() < end {
                if let Ok(mut socket) = TcpStream::connect(server.xds()).await {
                    opened += 1;
                    if worker % 2 == 0 {
                        let _ = socket.write_all(PREFACE).await;
                    }
                }
            }
            opened
        });
    }
    tokio::time::sleep(Duration::from_secs(seconds) / 2).await;
    healthy(&server).await;
    let began = Instant::now();
    let mut crowd = crowd_of(&server);
    crowd.join_all((0..5).map(|i| Profile::sidecar(i, "ns-0", Protocol::Delta)));
    settled(&crowd).await;
    let honest = began.elapsed();
    let mut opened = 0;
    while let Some(done) = attack.join_next().await {
        opened += done.unwrap();
    }
    report.count("connections", opened);
    report.add("honest_clients_in_sync_s", honest.as_secs_f64());
    assert!(honest < Duration::from_secs(15), "honest clients waited {honest:?}");
    eventually("no connection is left", WITHIN, || async {
        let left = server.metric("fairlead_xds_connections").await;
        if left <= 5.0 { Ok(()) } else { Err(format!("{left} connections")) }
    })
    .await
    .unwrap();
    report.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_open_files_starve_neither_the_directory_nor_the_health_endpoint() {
    let server = server_of(&small_mesh()).wrapped(["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"]);
    let server = server.levels("info").launched().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(server.xds()).await.unwrap());
    }
    healthy(&server).await;
    let broken = "kind: VirtualService\n";
    server.write("broken.yaml", broken);
    server.finding("the file that is new", |finding| finding.to_string().contains("broken.yaml")).await;
    assert!(!server.log().contains("Too many open files"), "{}", server.log());
    // Those who say nothing give way to one that does.
    let mut crowd = crowd_of(&server);
    crowd.join_all([Profile::sidecar(0, "ns-0", Protocol::Delta)]);
    settled(&crowd).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_that_have_no_client_are_given_back() {
    let mut report = Report::of("attack-views");
    let (clients, services) = (sized(40, 300), sized(100, 2_000));
    let spec = MeshSpec { namespaces: 10, services, endpoints_per_service: 2, ..MeshSpec::EMPTY };
    let server = server_of(&spec).settings("xds: {viewGrace: 1s}").launched().await;
    let memory = Memory::of(&server);
    let mut crowd = crowd_of(&server);
    // One is there before and after, so that what all views share is.
    crowd.join_all([Profile::sidecar(0, "ns-0", Protocol::Delta)]);
    settled(&crowd).await;
    let (before, nodes) = (memory.now(), server.metric("fairlead_engine_nodes").await);
    let mut attack = crowd_of(&server);
    let stranger = |i: usize| {
        let mut profile = Profile::sidecar(i, &format!("elsewhere-{i}"), Protocol::Delta);
        profile.node.locality = Some(Locality { region: format!("r{i}"), ..Locality::default() });
        profile
    };
    attack.join_all((1..=clients).map(stranger));
    settled(&attack).await;
    report.count("views", server.metric("fairlead_views").await as u64);
    report.add("rss_before_mb", before);
    report.add("rss_with_them_mb", memory.now());
    // Nobody knows their namespaces and no Service asks for their places, so what they see is there once.
    let most = 0.2 * f64::from(u32::try_from(clients).unwrap());
    assert!(memory.now() < before + 60.0 + most, "{} MB, {before} MB before", memory.now());
    drop(attack);
    eventually("all values are given back", WITHIN, || async {
        let now = server.metric("fairlead_engine_nodes").await;
        if now <= nodes { Ok(()) } else { Err(format!("{now} values, {nodes} before")) }
    })
    .await
    .unwrap();
    let most = before * 1.25 + 30.0;
    let after = eventually("memory is given back", Duration::from_secs(60), || async {
        let now = memory.now();
        if now <= most { Ok(now) } else { Err(format!("{now} MB, {before} MB before")) }
    });
    report.add("rss_after_mb", after.await.unwrap());
    report.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_of_aliases_is_a_finding_and_no_end() {
    let server = server_of(&small_mesh()).launched().await;
    let memory = Memory::of(&server);
    memory.reset_peak();
    let before = memory.now();
    let bomb = format!("a: &a {}\nb: [{}]\n", "x".repeat(9000), "*a, ".repeat(49_000));
    server.write("bomb.yaml", &bomb);
    server.finding("the bomb", |finding| finding["code"] == "FL0009").await;
    assert!(memory.peak() < before + 40.0, "{} MB, {before} MB before", memory.peak());
    healthy(&server).await;
}
