use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use envoy_types::pb::{
    envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest},
    google::rpc::Status,
};
use fairlead_resource::{EncodedResource, ResourceSet, TypeUrl};

use super::Overlay;
use crate::{Action, Protocol, Publication, Session, SessionOptions};

/// Bytes that tell when nobody has them any more.
struct Watched(&'static [u8], Arc<AtomicBool>);

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.1.store(true, Ordering::Relaxed);
    }
}

fn watched(content: &'static [u8]) -> (Arc<Overlay>, impl Fn() -> bool) {
    let gone = Arc::new(AtomicBool::new(false));
    let message = Bytes::from_owner(Watched(content, gone.clone()));
    (Arc::new(Overlay::new().add(TypeUrl::SECRET, "own", message)), move || gone.load(Ordering::Relaxed))
}

fn session(protocol: Protocol) -> Session {
    Session::new(protocol, SessionOptions::default(), Arc::new(Publication::new(1)))
}

/// The first request of the secret.
fn request(session: &mut Session, protocol: Protocol) -> Vec<Action> {
    answer(session, protocol, "", None)
}

/// The acceptance or rejection of a response.
fn answer(session: &mut Session, protocol: Protocol, nonce: &str, error: Option<&str>) -> Vec<Action> {
    let type_url = TypeUrl::SECRET.as_str().to_owned();
    let error_detail = error.map(|error| Status { code: 13, message: error.into(), ..Status::default() });
    let response_nonce = nonce.to_owned();
    let names = vec!["own".to_owned()];
    match protocol {
        Protocol::Delta => session.on_delta(&DeltaDiscoveryRequest {
            type_url,
            error_detail,
            response_nonce,
            resource_names_subscribe: if nonce.is_empty() { names } else { Vec::new() },
            ..DeltaDiscoveryRequest::default()
        }),
        Protocol::StateOfTheWorld => session.on_sotw(&DiscoveryRequest {
            type_url,
            error_detail,
            response_nonce,
            resource_names: names,
            ..DiscoveryRequest::default()
        }),
    }
}

fn sent(actions: &[Action]) -> Vec<u8> {
    let responses = actions.iter().filter_map(|action| match action {
        Action::Send(response) => Some(response.to_vec()),
        _ => None,
    });
    responses.collect::<Vec<_>>().concat()
}

fn contains(bytes: &[u8], content: &[u8]) -> bool {
    bytes.windows(content.len()).any(|part| part == content)
}

#[test]
fn bytes_are_kept_no_longer_than_the_overlay_and_what_is_being_written() {
    for protocol in [Protocol::Delta, Protocol::StateOfTheWorld] {
        let mut session = session(protocol);
        let (first, first_is_gone) = watched(b"the first key");
        let (second, second_is_gone) = watched(b"the second key");
        session.on_overlay(first);
        let responses = request(&mut session, protocol);
        assert!(contains(&sent(&responses), b"the first key"));
        answer(&mut session, protocol, "1", None);
        // What the client had before is remembered until it has answered.
        let more = session.on_overlay(second);
        assert!(contains(&sent(&more), b"the second key"));
        assert!(!first_is_gone(), "it is being written");
        drop(responses);
        assert!(first_is_gone() && !second_is_gone());
        drop(more);
        answer(&mut session, protocol, "2", Some("it is bad"));
        session.on_overlay(Arc::new(Overlay::new()));
        assert!(second_is_gone(), "what was rejected is known by its digest");
    }
}

#[test]
fn a_stream_that_ends_leaves_no_byte_to_the_next() {
    let protocol = Protocol::StateOfTheWorld;
    let mut session = session(protocol);
    let (overlay, is_gone) = watched(b"a key");
    let (bad, bad_is_gone) = watched(b"a bad key");
    session.on_overlay(overlay);
    request(&mut session, protocol);
    answer(&mut session, protocol, "1", None);
    session.on_overlay(bad);
    answer(&mut session, protocol, "2", Some("it is bad"));
    let departed = session.depart().expect("something is held back");
    drop(session);
    assert!(is_gone() && bad_is_gone());
    drop(departed);
}

#[test]
fn contents_are_shown_nowhere() {
    const KEY: &[u8] = b"a-private-key";
    let overlay = Arc::new(Overlay::new().with(TypeUrl::SECRET, "own", KEY.to_vec()));
    assert_eq!(format!("{overlay:?}"), r#"{SDS: ["own"]}"#);
    for protocol in [Protocol::Delta, Protocol::StateOfTheWorld] {
        let mut session = session(protocol);
        session.on_overlay(overlay.clone());
        let actions = request(&mut session, protocol);
        assert!(contains(&sent(&actions), KEY));
        let rejected = answer(&mut session, protocol, "1", Some("it is bad"));
        let shown = format!("{actions:?} {actions:#?} {rejected:?} {:?}", session.status());
        assert!(shown.contains("own"), "{shown}");
        let as_numbers = format!("{KEY:?}");
        for form in [std::str::from_utf8(KEY).expect("it is text"), as_numbers.trim_matches(['[', ']'])] {
            assert!(!shown.contains(form), "{shown}");
        }
    }
}

#[test]
fn what_sessions_share_knows_nothing_of_what_belongs_to_one() {
    let shared = EncodedResource::whole("shared", "of the view");
    let set: ResourceSet = [(shared.name.clone(), shared)].into_iter().collect();
    let publication = Arc::new(Publication::new(1).with(TypeUrl::CLUSTER, set));
    let all = DeltaDiscoveryRequest { type_url: TypeUrl::CLUSTER.as_str().to_owned(), ..Default::default() };
    let begin = |overlay: Option<&[u8]>| {
        let mut session = Session::new(Protocol::Delta, SessionOptions::default(), publication.clone());
        if let Some(content) = overlay {
            session.on_overlay(Arc::new(Overlay::new().with(TypeUrl::CLUSTER, "own", content.to_vec())));
        }
        sent(&session.on_delta(&all))
    };
    let (one, other, none) = (begin(Some(b"of one")), begin(Some(b"of the other")), begin(None));
    assert!(contains(&one, b"of one") && !contains(&one, b"of the other"));
    assert!(contains(&other, b"of the other") && !contains(&other, b"of one"));
    assert!(!contains(&none, b"own"));
    assert!([one, other, none].iter().all(|response| contains(response, b"of the view")));
}
