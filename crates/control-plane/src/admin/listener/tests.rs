use axum::{Router, routing::get};
use fairlead_api::ProtoDuration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

async fn start(settings: AdminSettings) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = Router::new().route("/healthz", get(|| async { "ok" }));
    let app = app.into_make_service_with_connect_info::<RemoteAddress>();
    tokio::spawn(async move { axum::serve(Bounded::new(listener, &settings), app).await });
    address
}

async fn ask(address: SocketAddr) -> String {
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    socket.write_all(request).await.expect("the request is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    answer
}

async fn is_closed(socket: &mut TcpStream) -> bool {
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read(&mut [0; 16])).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn connections_that_ask_nothing_do_not_keep_others_out() {
    let address = start(AdminSettings { max_connections: 4, ..AdminSettings::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(address).await.expect("a connection"));
    }
    assert!(ask(address).await.ends_with("ok"));
    assert!(is_closed(&mut silent[0]).await, "the oldest gave way");
}

#[tokio::test]
async fn a_connection_on_which_nothing_happens_is_closed() {
    let idle = ProtoDuration(Duration::from_millis(100));
    let address = start(AdminSettings { idle_timeout: idle, ..AdminSettings::default() }).await;
    let mut slow = TcpStream::connect(address).await.expect("a connection");
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: ").await.expect("half of a request");
    assert!(is_closed(&mut slow).await);
}
