use std::time::{Duration, Instant};

use fairlead_lab::{
    client::{Client, ClientTls, Failure, Request},
    load::{Load, within},
};
use http::{Method, StatusCode};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::*;
use crate::certs::Ca;

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn reviews() -> App {
    App::http("reviews", "v1", anywhere()).await.unwrap()
}

#[tokio::test]
async fn an_answer_says_who_gave_it_and_what_was_asked() {
    let app = reviews().await;
    let request = Request::new(Method::POST, "/a?b=c")
        .host("reviews:9080")
        .header("X-Tag", "one")
        .header("x-tag", "two");
    let answer = Client::new(app.address()).send(&request.body("hello")).await.unwrap();
    let echo = answer.json::<Echo>().unwrap();
    assert_eq!((answer.service(), answer.version()), (Some("reviews"), Some("v1")));
    assert_eq!((echo.method.as_str(), echo.path.as_str()), ("POST", "/a?b=c"));
    assert_eq!((echo.authority.as_str(), echo.protocol.as_str()), ("reviews:9080", "HTTP/1.1"));
    assert_eq!(echo.headers["x-tag"], "one, two");
    assert_eq!(app.requests()[0].body, "hello");
    assert_eq!(app.count("/a"), 1);
}

#[tokio::test]
async fn both_http_versions_are_spoken_in_clear() {
    let app = reviews().await;
    let answer = Client::new(app.address()).http2().send(&Request::get("/").host("reviews")).await.unwrap();
    let echo = answer.json::<Echo>().unwrap();
    assert_eq!((echo.protocol.as_str(), echo.authority.as_str()), ("HTTP/2.0", "reviews"));
}

#[tokio::test]
async fn the_longest_scripted_prefix_decides() {
    let app = reviews().await;
    app.script("/", Script::echo().status(StatusCode::IM_A_TEAPOT));
    app.script("/slow", Script::echo().delay(Duration::from_millis(30)).body("late").header("x-late", "yes"));
    let client = Client::new(app.address());
    assert_eq!(client.send(&Request::get("/other")).await.unwrap().status, StatusCode::IM_A_TEAPOT);
    let begin = Instant::now();
    let answer = client.send(&Request::get("/slow/1")).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(30));
    assert_eq!((answer.text().as_str(), answer.header("x-late")), ("late", Some("yes")));
}

#[tokio::test]
async fn failures_come_first_and_then_success() {
    let app = reviews().await;
    app.script("/", Script::echo().fail_first(2, StatusCode::SERVICE_UNAVAILABLE));
    let client = Client::new(app.address());
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(client.send(&Request::get("/")).await.unwrap().status.as_u16());
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
}

#[tokio::test]
async fn a_dropped_connection_is_no_answer() {
    let app = reviews().await;
    app.script("/", Script::echo().drop_connection());
    let failure = Client::new(app.address()).send(&Request::get("/")).await.unwrap_err();
    assert_eq!(failure.reason(), "exchange");
    assert_eq!(app.count("/"), 1);
}

#[tokio::test]
async fn a_slow_server_is_given_up_on() {
    let app = reviews().await;
    app.script("/", Script::echo().delay(Duration::from_secs(60)));
    let client = Client::new(app.address()).answer_within(Duration::from_millis(50));
    assert!(matches!(client.send(&Request::get("/")).await, Err(Failure::Silent(_))));
}

#[tokio::test]
async fn a_kept_connection_serves_all_requests_and_fresh_ones_one_each() {
    let app = reviews().await;
    let kept = Client::new(app.address()).keep_alive();
    for _ in 0..3 {
        kept.send(&Request::get("/")).await.unwrap();
    }
    assert_eq!(app.connections(), 1);
    let fresh = Client::new(app.address());
    for _ in 0..3 {
        fresh.send(&Request::get("/")).await.unwrap();
    }
    assert_eq!(app.connections(), 4);
}

#[tokio::test]
async fn a_server_that_is_gone_refuses() {
    let app = reviews().await;
    let address = app.address();
    let kept = Client::new(address).keep_alive();
    kept.send(&Request::get("/")).await.unwrap();
    drop(app);
    fairlead_lab::deadline::eventually("port closed", Duration::from_secs(5), || async {
        match kept.send(&Request::get("/")).await {
            Err(Failure::Connect(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_upgrade_switches_to_an_echo_of_bytes() {
    let app = reviews().await;
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nping")
        .await
        .unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\nping") {
        let mut chunk = [0; 1024];
        let n = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut chunk)).await.unwrap().unwrap();
        assert!(n > 0, "closed after {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&chunk[..n]);
    }
    assert!(seen.starts_with(b"HTTP/1.1 101 "));
}

#[tokio::test]
async fn a_grpc_call_gets_its_frames_and_a_status_back() {
    let app = reviews().await;
    app.script("/down", Script::echo().status(StatusCode::SERVICE_UNAVAILABLE));
    let client = Client::new(app.address()).http2();
    let call = |path: &str| {
        Request::new(Method::POST, path).header("content-type", "application/grpc").body("\0\0\0\0\u{1}x")
    };
    let answer = client.send(&call("/echo.Echo/Call")).await.unwrap();
    assert_eq!(
        (answer.body.as_ref(), &answer.trailers["grpc-status"]),
        (b"\0\0\0\0\x01x".as_ref(), &http::HeaderValue::from_static("0"))
    );
    let answer = client.send(&call("/down")).await.unwrap();
    assert_eq!(answer.trailers["grpc-status"], "14");
}

#[tokio::test]
async fn a_tls_server_knows_the_name_asked_for_and_the_client() {
    let ca = Ca::new("test").unwrap();
    let tls = ServerTls::mutual(ca.server(&["reviews.example.com"]).unwrap(), ca.certificate());
    let app = App::https("reviews", "v1", anywhere(), &tls).await.unwrap();
    let asks = ClientTls::new("reviews.example.com", ca.certificate());
    let named = asks.clone().identity(ca.client(&["spiffe://cluster.local/ns/default/sa/web"]).unwrap());
    Client::new(app.address())
        .http2()
        .tls(named)
        .send(&Request::get("/").host("reviews.example.com"))
        .await
        .unwrap();
    let session = app.requests()[0].session.clone().unwrap();
    assert_eq!((session.sni.as_deref(), session.alpn.as_deref()), (Some("reviews.example.com"), Some("h2")));
    assert!(session.client_is("spiffe://cluster.local/ns/default/sa/web"));
    assert!(!session.client_is("spiffe://cluster.local/ns/default/sa/other"));

    Client::new(app.address()).tls(asks).send(&Request::get("/")).await.unwrap_err();
    assert_eq!(app.requests().len(), 1);
    fairlead_lab::deadline::eventually("refusal noted", Duration::from_secs(5), || async {
        if app.failed_handshakes().len() == 1 {
            Ok(())
        } else {
            Err(format!("{:?}", app.failed_handshakes()))
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_client_refuses_a_server_of_another_authority() {
    let ca = Ca::new("test").unwrap();
    let app = App::https("reviews", "v1", anywhere(), &ServerTls::simple(ca.server(&["a.example"]).unwrap()))
        .await
        .unwrap();
    let other = ClientTls::new("a.example", Ca::new("test").unwrap().certificate());
    let failure = Client::new(app.address()).tls(other).send(&Request::get("/")).await.unwrap_err();
    assert_eq!(failure.reason(), "tls");
}

#[tokio::test]
async fn a_tcp_server_prefixes_each_line_with_its_name() {
    let server = TcpEcho::speaking_first("db", anywhere()).await.unwrap();
    let mut stream = BufReader::new(TcpStream::connect(server.address()).await.unwrap());
    let mut lines = String::new();
    stream.read_line(&mut lines).await.unwrap();
    stream.get_mut().write_all(b"one\ntwo\n").await.unwrap();
    stream.read_line(&mut lines).await.unwrap();
    stream.read_line(&mut lines).await.unwrap();
    assert_eq!(lines, "db\ndb: one\ndb: two\n");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn load_counts_statuses_answerers_and_failures() {
    let app = reviews().await;
    app.script("/bad", Script::echo().status(StatusCode::BAD_GATEWAY));
    app.script("/gone", Script::echo().drop_connection());
    let address = app.address();
    let paths = ["/", "/bad", "/gone", "/"];
    let report = Load::count(40)
        .run(
            || Client::new(address).keep_alive(),
            move |n| Request::get(paths[usize::try_from(n % 4).unwrap()]),
        )
        .await;
    assert_eq!((report.requests(), report.answers(), report.failures()), (40, 30, 10));
    assert_eq!((report.status(StatusCode::OK), report.status(StatusCode::BAD_GATEWAY)), (20, 10));
    assert_eq!((report.by_service("reviews"), report.by_version("v1"), report.by_version("v2")), (30, 30, 0));
    assert_eq!(report.failures_by_reason()["exchange"], 10);
    report.all_ok().unwrap_err();
    within(0.5, report.requests(), report.status(StatusCode::OK), 4.0).unwrap();
}

#[tokio::test]
async fn load_by_rate_takes_its_time() {
    let app = reviews().await;
    let address = app.address();
    let load = Load::per_second(100, Duration::from_millis(300)).workers(4);
    let report = load.run(|| Client::new(address).keep_alive(), |_| Request::get("/")).await;
    report.all_ok().unwrap();
    assert_eq!(report.requests(), 30);
    assert!(report.took() >= Duration::from_millis(290));
}
