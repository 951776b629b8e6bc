//! Runs the scripts.

use std::{collections::BTreeMap, sync::Arc};

use envoy_types::pb::{
    envoy::service::discovery::v3::{
        DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
    },
    google::{protobuf::Any, rpc::Status},
};
use fairlead_resource::{
    Digest, Elements, EncodedResource, ResourceSet, TypeUrl, Types,
    collection::{Collection, Epoch},
};
use prost::Message;

use crate::{Action, ElementTypes, Note, Overlay, Protocol, Publication, Response, Session, SessionOptions};

/// A delta script.
pub(super) fn check(script: &str) {
    run(Protocol::Delta, ElementTypes::default(), script);
}

/// A state-of-the-world script.
pub(super) fn check_sotw(script: &str) {
    run(Protocol::StateOfTheWorld, ElementTypes::default(), script);
}

/// A delta script of a client that takes virtual hosts as resources.
pub(super) fn check_vhds(script: &str) {
    run(Protocol::Delta, ElementTypes::from([TypeUrl::VIRTUAL_HOST]), script);
}

/// A delta script of a client that takes filter chains as resources.
pub(super) fn check_fcds(script: &str) {
    run(Protocol::Delta, ElementTypes::from([TypeUrl::FILTER_CHAIN]), script);
}

/// A delta script of a client that takes endpoints as resources. It asks for clusters first, as Envoy does.
pub(super) fn check_leds(script: &str) {
    let clusters = if script.contains("> CDS") { "" } else { "> CDS\n < CDS\n > CDS ack\n" };
    let script = &format!("{clusters}{script}");
    run(Protocol::Delta, ElementTypes::from([TypeUrl::LB_ENDPOINT]), script);
}

/// A delta script of a client that has rejected the content `bad` of cluster `b` before.
pub(super) fn check_known_bad(script: &str) {
    let mut player = Player::new(Protocol::Delta, ElementTypes::default());
    player.session.state_mut(TypeUrl::CLUSTER).remember_rejected(&"b".into(), Digest::of(b"bad"));
    play(player, script);
}

fn run(protocol: Protocol, elements: ElementTypes, script: &str) {
    play(Player::new(protocol, elements.clone()), script);
    if script.contains("SDS") && !script.contains("own ") {
        // Secrets are served alike whether they belong to the view or to the connection.
        play(Player { owns_secrets: true, ..Player::new(protocol, elements) }, script);
    }
}

fn play(mut player: Player, script: &str) {
    let mut actual = Vec::new();
    let mut expected = Vec::new();
    for line in script.lines().map(|l| l.split('#').next().unwrap_or_default().trim()) {
        if line.is_empty() {
            continue;
        }
        expected.push(line.to_owned());
        if line.starts_with("publish")
            || line.starts_with("own")
            || line.starts_with('>')
            || ["again", "reconnect", "restart"].contains(&line)
        {
            actual.push(line.to_owned());
            actual.extend(player.play(line));
        }
    }
    assert_eq!(actual.join("\n"), expected.join("\n"), "left is what happened, right is the script");
}

pub(super) struct Player {
    pub(super) session: Session,
    revision: u64,
    /// What belongs to the connection.
    overlay: Arc<Overlay>,
    /// The secrets of publications are those of the connection instead.
    owns_secrets: bool,
    /// Nonce and version of the responses per type, unanswered ones.
    open: BTreeMap<TypeUrl, Vec<(String, String)>>,
    last: BTreeMap<TypeUrl, (String, String)>,
    accepted: BTreeMap<TypeUrl, String>,
    names: BTreeMap<TypeUrl, Vec<String>>,
}

impl Player {
    pub(super) fn new(protocol: Protocol, elements: ElementTypes) -> Self {
        let options =
            SessionOptions { elements, max_names: 5, delta_bytes: 600, ..SessionOptions::default() };
        let session = Session::new(protocol, options, Arc::new(Publication::new(0)));
        Self {
            session,
            revision: 0,
            overlay: Arc::default(),
            owns_secrets: false,
            open: BTreeMap::new(),
            last: BTreeMap::new(),
            accepted: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    pub(super) fn play(&mut self, line: &str) -> Vec<String> {
        let actions = if let Some(resources) = line.strip_prefix("publish") {
            self.revision += 1;
            let mut publication = publication(self.revision, resources);
            if self.owns_secrets {
                self.overlay = Arc::new(overlay(&publication, &[TypeUrl::SECRET]));
                publication = publication.with(TypeUrl::SECRET, ResourceSet::new());
                self.session.ledger.lay_over(self.overlay.clone());
            }
            self.session.on_publication(Arc::new(publication))
        } else if let Some(resources) = line.strip_prefix("own") {
            self.overlay = Arc::new(overlay(&publication(0, resources), &TypeUrl::ENVOY));
            self.session.on_overlay(self.overlay.clone())
        } else if line == "again" {
            self.session.try_again()
        } else if line == "reconnect" || line == "restart" {
            if line == "restart" {
                self.accepted.clear();
            }
            self.reconnect();
            Vec::new()
        } else {
            let line = line.trim_start_matches('>').trim();
            let (type_url, rest) = line.split_once(' ').unwrap_or((line, ""));
            match self.session.ledger.protocol {
                Protocol::Delta => {
                    let request = self.delta(type_url, rest.trim());
                    self.session.on_delta(&request)
                }
                Protocol::StateOfTheWorld => {
                    let request = self.sotw(type_url, rest.trim());
                    self.session.on_sotw(&request)
                }
            }
        };
        actions.into_iter().filter_map(|action| self.print(action)).collect()
    }

    /// The client goes on with another stream. What it had it has still.
    fn reconnect(&mut self) {
        let departed = self.session.depart();
        let (options, publication) =
            (self.session.ledger.options.clone(), self.session.ledger.publication.clone());
        self.session = Session::new(self.session.ledger.protocol, options, publication);
        self.session.on_overlay(self.overlay.clone());
        if let Some(departed) = departed {
            self.session.go_on_from(departed);
        }
        self.open.clear();
        self.last.clear();
    }

    pub(super) fn delta(&mut self, type_url: &str, rest: &str) -> DeltaDiscoveryRequest {
        let long = |name: &str| if type_url == "LEDS" { format!("{COLLECTIONS}{name}") } else { name.into() };
        let mut request = DeltaDiscoveryRequest { type_url: url(type_url), ..Default::default() };
        let (word, argument) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "ack" | "nack" => {
                let open = self.open.entry(short(type_url)).or_default();
                request.response_nonce = if open.is_empty() { "ffff".into() } else { open.remove(0).0 };
                request.error_detail = error(word, argument);
            }
            // Out of turn: of the last response.
            "last-ack" => {
                let open = self.open.get_mut(&short(type_url)).expect("a response is open");
                request.response_nonce = open.pop().expect("a response is open").0;
            }
            "nonce" => request.response_nonce = argument.into(),
            "have" => {
                for word in argument.split_whitespace() {
                    if let Some(name) = word.strip_prefix('+') {
                        request.resource_names_subscribe.push(name.into());
                    } else {
                        let (name, content) = word.split_once('=').unwrap();
                        let content =
                            if content == "parent" { format!("parent of {name}") } else { content.into() };
                        let digest = version(&content);
                        request.initial_resource_versions.insert(name.into(), digest.to_string());
                    }
                }
            }
            _ => {
                for word in rest.split_whitespace() {
                    match (word.strip_prefix('+'), word.strip_prefix('-')) {
                        (Some(name), _) => request.resource_names_subscribe.push(long(name)),
                        (_, Some(name)) => request.resource_names_unsubscribe.push(long(name)),
                        _ => panic!("delta subscriptions are +name or -name: {word}"),
                    }
                }
            }
        }
        request
    }

    /// Requests repeat the names of the last one and its nonce, as Envoy does.
    fn sotw(&mut self, type_url: &str, rest: &str) -> DiscoveryRequest {
        let t = short(type_url);
        let mut request = DiscoveryRequest { type_url: url(type_url), ..Default::default() };
        let (nonce, version) = self.last.get(&t).cloned().unwrap_or_default();
        request.response_nonce = nonce;
        request.version_info = self.accepted.get(&t).cloned().unwrap_or_default();
        let (word, argument) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "ack" => {
                request.version_info.clone_from(&version);
                self.accepted.insert(t, version);
                self.open.remove(&t);
            }
            "nack" => {
                request.error_detail = error(word, argument);
                self.open.remove(&t);
            }
            // The answer to the oldest of several responses.
            "next-ack" | "next-nack" => {
                let (nonce, version) = self.open.get_mut(&t).expect("a response is open").remove(0);
                request.response_nonce = nonce;
                request.error_detail = error(word, argument);
                if word == "next-ack" {
                    request.version_info.clone_from(&version);
                    self.accepted.insert(t, version);
                }
            }
            // The error of an earlier response, with nonce and version of the last.
            "late-nack" => {
                request.version_info = version;
                request.error_detail = error(word, argument);
            }
            "nonce" => {
                let mut words = argument.split_whitespace().map(str::to_owned);
                request.response_nonce = words.next().unwrap();
                let names: Vec<_> = words.collect();
                if !names.is_empty() {
                    self.names.insert(t, names);
                }
            }
            "begin" => {
                request.response_nonce = String::new();
                self.names.insert(t, argument.split_whitespace().map(Into::into).collect());
            }
            "''" => drop(self.names.insert(t, vec![String::new()])),
            "none" => drop(self.names.insert(t, Vec::new())),
            "" => {}
            _ => drop(self.names.insert(t, rest.split_whitespace().map(Into::into).collect())),
        }
        request.resource_names = self.names.get(&t).cloned().unwrap_or_default();
        request
    }

    fn print(&mut self, action: Action) -> Option<String> {
        match action {
            Action::Send(response) => Some(self.response(&response)),
            Action::Acked { .. } | Action::Note(Note::Nack(_)) => None,
            Action::Reject(report) => {
                let names: Vec<&str> = report.resources.iter().map(|r| short_name(&r.name)).collect();
                Some(format!("! {} {}", report.type_url, names.join(" ")))
            }
            Action::Healed { type_url, resources } => {
                let names: Vec<&str> = resources.iter().map(|r| short_name(&r.name)).collect();
                Some(format!("+ {type_url} {}", names.join(" ")))
            }
            Action::Note(note) => Some(format!("? {note:?}")),
            Action::Close(reason) => Some(format!("x {reason}")),
        }
    }

    fn response(&mut self, response: &Response) -> String {
        let bytes = response.to_vec();
        assert_eq!(bytes.len(), response.encoded_len());
        let (nonce, version, words) = match self.session.ledger.protocol {
            Protocol::Delta => {
                let message = DeltaDiscoveryResponse::decode(&bytes[..]).unwrap();
                assert_eq!(message.type_url, response.type_url().as_str());
                let mut words = Vec::new();
                for resource in message.resources {
                    let content = content(resource.resource.unwrap(), response.type_url());
                    assert!(content == STAND_IN || resource.version == version(&content).to_string());
                    words.push(format!(" {}={content}", short_name(&resource.name)));
                }
                words.extend(message.removed_resources.iter().map(|name| format!(" -{}", short_name(name))));
                (message.nonce, message.system_version_info, words)
            }
            Protocol::StateOfTheWorld => {
                let message = DiscoveryResponse::decode(&bytes[..]).unwrap();
                assert_eq!(message.type_url, response.type_url().as_str());
                let contents = message.resources.into_iter().map(|any| content(any, response.type_url()));
                let words = contents.map(|content| format!(" {content}")).collect();
                (message.nonce, message.version_info, words)
            }
        };
        assert_eq!(nonce, response.nonce().to_string());
        self.open.entry(response.type_url()).or_default().push((nonce.clone(), version.clone()));
        self.last.insert(response.type_url(), (nonce, version));
        format!("< {}{}", response.type_url(), words.concat())
    }
}

fn content(any: Any, type_url: TypeUrl) -> String {
    assert_eq!(any.type_url, type_url.as_str());
    let content = String::from_utf8(any.value).unwrap();
    if content.contains("there is no such secret") { STAND_IN.into() } else { content }
}

/// A secret that is refused.
const STAND_IN: &str = "stand-in";

fn error(word: &str, message: &str) -> Option<Status> {
    word.ends_with("nack").then(|| Status { code: 13, message: message.into(), ..Default::default() })
}

fn short(name: &str) -> TypeUrl {
    TypeUrl::ENVOY.into_iter().find(|t| t.short() == name).unwrap_or(TypeUrl::SECRET)
}

fn url(name: &str) -> String {
    TypeUrl::ENVOY.into_iter().find(|t| t.short() == name).map_or_else(|| name.into(), |t| t.as_str().into())
}

const COLLECTIONS: &str = "xdstp:///envoy.config.endpoint.v3.LbEndpoint/";

fn short_name(name: &str) -> &str {
    name.strip_prefix(COLLECTIONS).unwrap_or(name)
}

/// The version of a content: that of an assignment with collections tells their epoch.
pub(super) fn version(content: &str) -> Digest {
    let digest = Digest::of(content.as_bytes());
    match content.split_once(':') {
        Some(("a", _)) => Digest(digest.0 & !1),
        Some(("b", _)) => Digest(digest.0 | 1),
        _ => digest,
    }
}

/// Reads `CDS a=1 b=2 RDS 80{x=1,y=2}`. State-of-the-world contents repeat the name, since nothing else on the
/// wire does: write `CDS a=a1`.
pub(super) fn publication(revision: u64, text: &str) -> Publication {
    let mut sets: BTreeMap<TypeUrl, ResourceSet> = BTreeMap::new();
    let mut type_url = TypeUrl::CLUSTER;
    for word in text.split_whitespace() {
        if let Some(t) = TypeUrl::ENVOY.into_iter().find(|t| t.short() == word) {
            type_url = t;
            continue;
        }
        let resource = if let Some((name, hosts)) = word.split_once('{') {
            let elements = hosts.trim_end_matches('}');
            match type_url {
                TypeUrl::CLUSTER_LOAD_ASSIGNMENT => assignment(name, elements),
                _ => with_elements(type_url, name, elements),
            }
        } else {
            let (name, content) = word.split_once('=').unwrap();
            EncodedResource::whole(name, content.to_owned())
        };
        sets.entry(type_url).or_default().insert(resource.name.clone(), resource);
    }
    sets.into_iter().fold(Publication::new(revision), |p, (t, set)| p.with(t, set))
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

/// A resource whose elements may come as resources of their own. The parent of filter chains names them.
fn with_elements(type_url: TypeUrl, name: &str, elements: &str) -> EncodedResource {
    let mut children = ResourceSet::new();
    let mut names = Vec::new();
    for element in elements.split(',').filter(|e| !e.is_empty()) {
        let (element, content) = element.split_once('=').unwrap();
        names.push(element);
        let name = format!("{name}/{element}");
        children.insert(name.as_str().into(), EncodedResource::whole(name, content.to_owned()));
    }
    let parent = match type_url {
        TypeUrl::LISTENER => format!("names:{}", names.join(",")),
        _ => format!("parent of {name}"),
    };
    let parent = EncodedResource::whole(name, parent);
    let element_type = Types::envoy().element(type_url).unwrap();
    let form = Elements { element_type, parent, children, in_second_epoch: None };
    EncodedResource::whole(name, format!("[{elements}]")).with_elements(form)
}

/// A load assignment whose endpoints may come as resources of their own, `c{0/x=1,1/y=1}`: the number is that of the
/// collection. The parent says its epoch and which collections there are: `a:0,1`.
fn assignment(cluster: &str, endpoints: &str) -> EncodedResource {
    let mut children = ResourceSet::new();
    let mut numbers = Vec::new();
    for endpoint in endpoints.split(',') {
        let (endpoint, content) = endpoint.split_once('=').unwrap();
        let (number, host) = endpoint.split_once('/').unwrap();
        numbers.push(number);
        let collection = Collection::new(Epoch::First, cluster, number.parse().unwrap());
        let name = format!("{}/{host}", collection.prefix());
        children.insert(name.as_str().into(), EncodedResource::whole(name, content.to_owned()));
    }
    numbers.dedup();
    let parents =
        ["a", "b"].map(|epoch| EncodedResource::whole(cluster, format!("{epoch}:{}", numbers.join(","))));
    let whole = EncodedResource::whole(cluster, format!("[{endpoints}]"));
    whole.with_elements(Elements::of_collections(parents, children))
}
