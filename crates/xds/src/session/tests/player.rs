//! Plays scripts with a session, without a wire.

use std::{collections::VecDeque, sync::Arc};

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryResponse};
use fairlead_resource::{ResourceSet, TypeUrl};
use futures_util::FutureExt as _;
use prost::Message;

use super::script::{Ask, Client, Driver, Line, Received, Request, lines, run, sets, short_name, version};
use crate::{
    Action, ElementTypes, Note, Overlay, Protocol, Publication, Response, Session, SessionOptions,
    nack::Rejected,
};

/// A delta script.
pub(super) fn check(script: &str) {
    play(Protocol::Delta, ElementTypes::default(), script);
}

/// A state-of-the-world script.
pub(super) fn check_sotw(script: &str) {
    play(Protocol::StateOfTheWorld, ElementTypes::default(), script);
}

/// A delta script of a client that takes virtual hosts as resources.
pub(super) fn check_vhds(script: &str) {
    play(Protocol::Delta, ElementTypes::from([TypeUrl::VIRTUAL_HOST]), script);
}

/// A delta script of a client that takes filter chains as resources.
pub(super) fn check_fcds(script: &str) {
    play(Protocol::Delta, ElementTypes::from([TypeUrl::FILTER_CHAIN]), script);
}

/// A delta script of a client that takes endpoints as resources. It asks for clusters first, as Envoy does.
pub(super) fn check_leds(script: &str) {
    let clusters = if script.contains("> CDS") { "" } else { "> CDS\n < CDS\n > CDS ack\n" };
    let script = &format!("{clusters}{script}");
    play(Protocol::Delta, ElementTypes::from([TypeUrl::LB_ENDPOINT]), script);
}

/// A delta script of a client that has rejected the content `bad` of cluster `b` before.
pub(super) fn check_known_bad(script: &str) {
    let mut player = Player::new(Protocol::Delta, ElementTypes::default());
    player.session.state_mut(TypeUrl::CLUSTER).remember_rejected(&"b".into(), version("b=bad"));
    player.check(script);
}

fn play(protocol: Protocol, elements: ElementTypes, script: &str) {
    Player::new(protocol, elements.clone()).check(script);
    if script.contains("SDS") && !script.contains("own ") {
        // Secrets are served alike whether they belong to the view or to the connection.
        Player { owns_secrets: true, ..Player::new(protocol, elements) }.check(script);
    }
}

/// A session and its client.
pub(super) struct Player {
    pub(super) session: Session,
    client: Client,
    revision: u64,
    /// What belongs to the connection.
    overlay: Arc<Overlay>,
    /// The secrets of publications are those of the connection instead.
    owns_secrets: bool,
    /// What has come out and was not expected yet.
    came: VecDeque<String>,
}

impl Driver for Player {
    async fn play(&mut self, line: &Line<'_>) -> Result<(), String> {
        assert_eq!(line.client, "a", "a session has one client");
        if let Some(actions) = self.feed(line) {
            self.is_quiet()?;
            self.came.extend(actions);
            return Ok(());
        }
        let (expected, came) = (line.expected(), self.came.pop_front());
        if came.as_ref() == Some(&expected) { Ok(()) } else { Err(format!("{expected}, not {came:?}")) }
    }
}

impl Player {
    pub(super) fn new(protocol: Protocol, elements: ElementTypes) -> Self {
        let options =
            SessionOptions { elements, max_names: 5, delta_bytes: 600, ..SessionOptions::default() };
        Self {
            session: Session::new(protocol, options, Arc::new(Publication::new(0))),
            client: Client::new(protocol, None),
            revision: 0,
            overlay: Arc::default(),
            owns_secrets: false,
            came: VecDeque::new(),
        }
    }

    fn check(mut self, script: &str) {
        let protocol = self.session.ledger.protocol;
        let played = run(protocol, script, &mut self).now_or_never().expect("a session waits for nothing");
        played.and_then(|()| self.is_quiet()).unwrap_or_else(|failure| panic!("{failure}\nin\n{script}"));
    }

    /// Plays lines that go in, whatever comes out.
    pub(super) fn say(&mut self, text: &str) {
        for line in lines(text) {
            let line = Line::read(self.session.ledger.protocol, line).expect("it is for all variants");
            self.feed(&line).expect("the line goes in");
        }
    }

    fn is_quiet(&self) -> Result<(), String> {
        if self.came.is_empty() { Ok(()) } else { Err(format!("nothing more, not {:?}", self.came)) }
    }

    /// Plays a line that goes in; says what comes out.
    fn feed(&mut self, line: &Line<'_>) -> Option<Vec<String>> {
        let actions = match line.verb {
            "publish" => {
                self.revision += 1;
                let mut publication = publication(self.revision, line.rest);
                if self.owns_secrets {
                    self.overlay = Arc::new(overlay(&publication, &[TypeUrl::SECRET]));
                    publication = publication.with(TypeUrl::SECRET, ResourceSet::new());
                    self.session.ledger.lay_over(self.overlay.clone());
                }
                self.session.on_publication(Arc::new(publication))
            }
            "own" => {
                self.overlay = Arc::new(overlay(&publication(0, line.rest), &TypeUrl::ENVOY));
                self.session.on_overlay(self.overlay.clone())
            }
            "again" => self.session.try_again(),
            "cut" => {
                self.cut();
                Vec::new()
            }
            ">" => {
                let request = self.request(line.rest);
                on(&mut self.session, &request)
            }
            _ => return None,
        };
        Some(actions.into_iter().filter_map(|action| self.print(action)).collect())
    }

    pub(super) fn request(&mut self, text: &str) -> Request {
        self.client.request(Ask::read(text))
    }

    /// The client goes on with another stream.
    fn cut(&mut self) {
        let departed = self.session.depart();
        let ledger = &self.session.ledger;
        let (options, publication) = (ledger.options.clone(), ledger.publication.clone());
        self.session = Session::new(ledger.protocol, options, publication);
        self.session.on_overlay(self.overlay.clone());
        if let Some(departed) = departed {
            self.session.go_on_from(departed);
        }
        self.client.cut(None);
    }

    fn print(&mut self, action: Action) -> Option<String> {
        let names = |resources: &[Rejected]| -> String {
            resources.iter().flat_map(|r| [" ", short_name(&r.name)]).collect()
        };
        match action {
            Action::Send(response) => {
                let received = read(&response, self.session.ledger.protocol);
                self.client.receive(&received);
                Some(received.line())
            }
            Action::Acked { .. } | Action::Note(Note::Nack(_)) => None,
            Action::Reject(report) => Some(format!("! {}{}", report.type_url, names(&report.resources))),
            Action::Healed { type_url, resources } => Some(format!("+ {type_url}{}", names(&resources))),
            Action::Note(note) => Some(format!("? {note:?}")),
            Action::Close(reason) => Some(format!("x {reason}")),
        }
    }
}

/// Hands a request of either variant to a session.
pub(super) fn on(session: &mut Session, request: &Request) -> Vec<Action> {
    match request {
        Request::Delta(request) => session.on_delta(request),
        Request::StateOfTheWorld(request) => session.on_sotw(request),
    }
}

/// Reads a response as a client does.
pub(super) fn read(response: &Response, protocol: Protocol) -> Received {
    let bytes = response.to_vec();
    assert_eq!(bytes.len(), response.encoded_len());
    let received = match protocol {
        Protocol::Delta => Received::delta(DeltaDiscoveryResponse::decode(&bytes[..]).unwrap()),
        Protocol::StateOfTheWorld => Received::whole(DiscoveryResponse::decode(&bytes[..]).unwrap()),
    };
    assert_eq!(received.type_url, response.type_url().as_str());
    assert_eq!(received.nonce, response.nonce().to_string());
    received
}

pub(super) fn publication(revision: u64, text: &str) -> Publication {
    sets(text).into_iter().fold(Publication::new(revision), |p, (t, set)| p.with(t, set))
}

/// What is published of these types, for one connection.
fn overlay(publication: &Publication, types: &[TypeUrl]) -> Overlay {
    let of = |type_url: &TypeUrl| {
        let set = publication.set(*type_url).values();
        set.map(|own| (*type_url, own.name.clone(), own.to_vec())).collect::<Vec<_>>()
    };
    let all = types.iter().flat_map(of);
    all.fold(Overlay::new(), |overlay, (type_url, name, message)| overlay.with(type_url, name, message))
}
