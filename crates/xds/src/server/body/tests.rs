use std::task::{Context, Poll, Waker};

use fairlead_resource::{EncodedResource, TypeUrl};
use http_body::Body as _;

use super::*;
use crate::wire::{Nonce, whole_state};

fn response(nonce: u64, sizes: &[usize]) -> Response {
    let resources: Vec<_> =
        sizes.iter().enumerate().map(|(i, n)| EncodedResource::whole(format!("r{i}"), vec![7; *n])).collect();
    Response::new(TypeUrl::CLUSTER, Nonce(nonce), &whole_state(TypeUrl::CLUSTER, &resources))
}

fn frame(body: &mut PushBody) -> Poll<Option<Frame<Bytes>>> {
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(body).poll_frame(&mut cx).map(|frame| frame.map(Result::unwrap))
}

fn prefixed(responses: &[Response]) -> Vec<u8> {
    let mut all = Vec::new();
    for response in responses {
        all.push(0);
        all.extend(u32::try_from(response.encoded_len()).unwrap().to_be_bytes());
        all.extend(response.to_vec());
    }
    all
}

#[test]
fn chunks_carry_each_message_with_its_prefix() {
    let responses = [response(1, &[10, 0, 200_000, 3, 16_384]), response(2, &[]), response(3, &[70_000; 3])];
    let outbox = Arc::new(Outbox::new(Arc::default()));
    let mut body = PushBody::new(outbox.clone());
    assert!(frame(&mut body).is_pending());
    for response in &responses {
        outbox.push(response.clone());
    }
    let mut got = Vec::new();
    while let Poll::Ready(Some(frame)) = frame(&mut body) {
        let chunk = frame.into_data().unwrap();
        assert!(!chunk.is_empty() && chunk.len() <= CHUNK + SLICE_FROM);
        got.extend_from_slice(&chunk);
    }
    assert_eq!(got, prefixed(&responses));
    assert!(!outbox.is_pending());
}

#[test]
fn small_pieces_share_a_chunk() {
    let responses = [response(1, &[50; 200])];
    let outbox = Arc::new(Outbox::new(Arc::default()));
    let mut body = PushBody::new(outbox.clone());
    outbox.push(responses[0].clone());
    let Poll::Ready(Some(only)) = frame(&mut body) else { panic!("there is a chunk") };
    assert_eq!(only.into_data().unwrap(), prefixed(&responses));
    assert!(frame(&mut body).is_pending());
}

#[test]
fn the_end_comes_after_what_is_queued() {
    let outbox = Arc::new(Outbox::new(Arc::default()));
    let mut body = PushBody::new(outbox.clone());
    outbox.push(response(1, &[10]));
    outbox.finish(Status::unavailable("over"));
    outbox.finish(Status::internal("the first end counts"));
    assert!(matches!(frame(&mut body), Poll::Ready(Some(f)) if f.is_data()));
    let Poll::Ready(Some(trailers)) = frame(&mut body) else { panic!("there are trailers") };
    let trailers = trailers.into_trailers().unwrap();
    assert_eq!(
        (&trailers["grpc-status"], &trailers["grpc-message"]),
        (&"14".parse().unwrap(), &"over".parse().unwrap())
    );
    assert!(matches!(frame(&mut body), Poll::Ready(None)));
}

#[test]
fn a_response_in_the_middle_is_pending() {
    let outbox = Arc::new(Outbox::new(Arc::default()));
    let mut body = PushBody::new(outbox.clone());
    outbox.push(response(1, &[200_000]));
    assert!(outbox.is_pending());
    assert!(frame(&mut body).is_ready());
    assert!(outbox.is_pending());
    drop(body);
    assert!(!outbox.is_pending(), "nobody reads it any more");
}

#[test]
fn what_is_owed_counts_until_it_has_left() {
    let backlog = Arc::new(Backlog::default());
    let outbox = Arc::new(Outbox::new(backlog.clone()));
    let mut body = PushBody::new(outbox.clone());
    let responses = [response(1, &[200_000]), response(2, &[10])];
    for response in &responses {
        outbox.push(response.clone());
    }
    assert_eq!(backlog.bytes(), prefixed(&responses).len());
    while frame(&mut body).is_ready() {}
    assert_eq!(backlog.bytes(), 0);

    outbox.push(responses[0].clone());
    outbox.push(responses[1].clone());
    assert!(frame(&mut body).is_ready());
    outbox.clear();
    drop(body);
    assert_eq!(backlog.bytes(), 0, "nobody is owed what nobody reads");
    outbox.push(responses[0].clone());
    assert_eq!(backlog.bytes(), 0, "the client has gone");
}

#[test]
fn a_client_that_takes_nothing_is_not_waited_for() {
    let backlog = Arc::new(Backlog::default());
    let outbox = Arc::new(Outbox::new(backlog.clone()));
    let mut body = PushBody::new(outbox.clone());
    outbox.push(response(1, &[200_000]));
    assert!(frame(&mut body).is_ready());
    let owed = backlog.bytes();
    assert!(owed > 100_000);

    outbox.lock().taken_at = Instant::now().checked_sub(IDLE_AFTER);
    assert!(!outbox.is_stalled(Duration::from_secs(60)));
    assert_eq!(backlog.bytes(), 0);
    outbox.push(response(2, &[10]));
    assert_eq!(backlog.bytes(), 0);

    while frame(&mut body).is_ready() {}
    assert_eq!(backlog.bytes(), 0);
    outbox.push(response(3, &[10]));
    assert_eq!(backlog.bytes(), framed_len(&response(3, &[10])), "it reads again");
}

#[test]
fn a_response_must_be_read_in_time_however_often_something_of_it_is() {
    let outbox = Arc::new(Outbox::new(Arc::default()));
    let mut body = PushBody::new(outbox.clone());
    let limit = Duration::from_secs(60);
    outbox.push(response(1, &[200_000]));
    outbox.push(response(2, &[200_000]));
    outbox.lock().head_since = Instant::now().checked_sub(limit);
    assert!(frame(&mut body).is_ready());
    assert!(outbox.is_stalled(limit));
    for _ in 0..4 {
        assert!(frame(&mut body).is_ready());
    }
    assert!(!outbox.is_stalled(limit), "the second response has just begun");
}
