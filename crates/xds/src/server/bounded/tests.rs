use std::collections::VecDeque;

use http_body::Body as _;

use super::*;
use crate::server::{ServerOptions, clients::client_of, io::Activity};

const TIMEOUT: Duration = Duration::from_secs(30);
const LARGE: usize = 1 << 20;

fn options() -> ServerOptions {
    ServerOptions {
        max_request_bytes: LARGE,
        client_bytes: LARGE,
        clients_bytes: 2 * LARGE,
        ..ServerOptions::default()
    }
}

fn body(client: &Arc<Client>, pieces: impl IntoIterator<Item = Vec<u8>>) -> BoundedBody {
    let pieces: VecDeque<_> = pieces.into_iter().map(Bytes::from).collect();
    let stream = OpenStream { open: client.open().unwrap(), _active: Arc::<Activity>::default().enter() };
    let bounds = Bounds { timeout: TIMEOUT, largest: LARGE };
    BoundedBody::new(Body::new(Pieces(pieces)), Arc::new(stream), bounds)
}

/// Pieces, and then nothing more, without an end.
struct Pieces(VecDeque<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.0.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => Poll::Pending,
        }
    }
}

fn message(length: usize) -> Vec<u8> {
    let prefix = u32::try_from(length).unwrap().to_be_bytes();
    [&[0], &prefix[..], &vec![7; length]].concat()
}

async fn next(body: &mut BoundedBody) -> Result<Bytes, Status> {
    let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
    frame.expect("the body has no end").map(|frame| frame.into_data().expect("it is data"))
}

#[tokio::test(start_paused = true)]
async fn bytes_come_through_as_they_are_and_are_given_back_when_more_is_asked_for() {
    let client = client_of("10.0.0.1", &options());
    let whole = [message(10), message(0), message(5000)].concat();
    for size in [1, 3, 7, 5000, whole.len()] {
        let mut body = body(&client, whole.chunks(size).map(<[u8]>::to_vec));
        let mut read = Vec::new();
        while read.len() < whole.len() {
            read.extend_from_slice(&next(&mut body).await.unwrap());
        }
        assert_eq!(read, whole, "pieces of {size}");
        assert!(client.held() > 0, "whoever reads has yet to do so");
        assert!(tokio::time::timeout(10 * TIMEOUT, next(&mut body)).await.is_err(), "silence is no fault");
        assert_eq!(client.held(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_message_ends_its_stream_and_costs_its_client_until_then() {
    let client = client_of("10.0.0.1", &options());
    for begun in [1, 5, 6, 1000] {
        let mut body = body(&client, [message(5000)[..begun].to_vec()]);
        next(&mut body).await.unwrap();
        assert_eq!(client.held(), if begun >= 5 { 5000 } else { 0 });
        let began = tokio::time::Instant::now();
        let late = next(&mut body).await.unwrap_err();
        assert_eq!((late.code(), began.elapsed()), (tonic::Code::DeadlineExceeded, TIMEOUT));
        drop(body);
        assert_eq!(client.held(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_message_waits_for_those_of_its_client_and_a_small_one_does_not() {
    let client = client_of("10.0.0.1", &options());
    let mut first = body(&client, [message(LARGE)[..100].to_vec()]);
    next(&mut first).await.unwrap();
    let mut second = body(&client, [message(LARGE / 2)]);
    assert!(tokio::time::timeout(TIMEOUT / 2, next(&mut second)).await.is_err());
    let mut small = body(&client, [message(60_000)]);
    next(&mut small).await.unwrap();
    let other = client_of("10.0.0.2", &options());
    next(&mut body(&other, [message(LARGE)])).await.unwrap();
    drop((first, small));
    assert_eq!(next(&mut second).await.unwrap().len(), LARGE / 2 + HEADER);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_too_long_is_late() {
    let client = client_of("10.0.0.1", &options());
    let _all = client.hold(LARGE).unwrap();
    let mut waits = body(&client, [message(LARGE / 2)]);
    assert_eq!(next(&mut waits).await.unwrap_err().code(), tonic::Code::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_every_limit_is_left_to_its_reader() {
    let client = client_of("10.0.0.1", &options());
    let mut body = body(&client, [vec![0, 255, 255, 255, 255, 1]]);
    assert_eq!(next(&mut body).await.unwrap().len(), 6);
    assert_eq!(client.held(), 0);
}
