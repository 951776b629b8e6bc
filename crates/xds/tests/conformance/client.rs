//! A client of either variant that sends what a script says and nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use envoy_types::pb::{
    envoy::{
        config::core::v3::Node as ProtoNode,
        service::discovery::v3::{
            DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
            ResourceLocator, aggregated_discovery_service_client::AggregatedDiscoveryServiceClient,
        },
    },
    google::rpc::Status as RpcStatus,
};
use fairlead_resource::Digest;
use fairlead_xds::Protocol;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Status, Streaming, transport::Endpoint};

use crate::world::{PATIENCE, PROBE, World};

/// A response, in the words of a script.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) type_url: String,
    nonce: String,
    version: String,
    /// `a=1` for a resource and `-a` for a name that is removed, in order.
    pub(crate) words: Vec<String>,
}

enum Wire {
    Delta(mpsc::UnboundedSender<DeltaDiscoveryRequest>, Streaming<DeltaDiscoveryResponse>),
    StateOfTheWorld(mpsc::UnboundedSender<DiscoveryRequest>, Streaming<DiscoveryResponse>),
    /// The client has closed its half.
    DeltaClosed(Streaming<DeltaDiscoveryResponse>),
    StateOfTheWorldClosed(Streaming<DiscoveryResponse>),
}

/// What the client knows of one type.
#[derive(Default)]
struct Subscription {
    names: Vec<String>,
    /// Nonce and version of the responses, oldest first.
    responses: Vec<(String, String)>,
    unanswered: VecDeque<(String, String)>,
    accepted: String,
    /// The contents that it holds, by name.
    held: BTreeMap<String, String>,
}

/// One stream.
pub(crate) struct Client {
    wire: Wire,
    node: Option<String>,
    types: BTreeMap<String, Subscription>,
    nonces: BTreeSet<String>,
    /// The revision that the probe has shown.
    shown: u64,
    probed: bool,
}

/// One request, as a script puts it.
#[derive(Default)]
pub(crate) struct Ask {
    pub(crate) type_url: String,
    pub(crate) add: Vec<String>,
    pub(crate) drop: Vec<String>,
    pub(crate) add_locators: Vec<String>,
    pub(crate) drop_locators: Vec<String>,
    pub(crate) answer: Option<Answer>,
    pub(crate) nonce: Option<Which>,
    pub(crate) have: Have,
    pub(crate) node: Option<String>,
    pub(crate) features: Vec<String>,
}

/// What the client says that it holds of an earlier stream.
#[derive(Default)]
pub(crate) enum Have {
    #[default]
    Nothing,
    /// What it does hold.
    Held,
    /// `name=content`.
    These(Vec<String>),
}

/// ACK or NACK.
pub(crate) enum Answer {
    Accept,
    Reject(String),
    /// Accepts the last response and says what was wrong with one before.
    RejectEarlier(String),
}

/// A nonce other than the usual one.
pub(crate) enum Which {
    None,
    /// The last but one of this type.
    Previous,
    /// The last of another type.
    LastOf(String),
    Literal(String),
}

impl Client {
    /// Opens a stream; its first request will carry the node, if there is one.
    pub(crate) async fn connect(world: &World, protocol: Protocol, node: Option<String>) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", world.address)).unwrap();
        let mut grpc = AggregatedDiscoveryServiceClient::new(endpoint.connect().await.unwrap())
            .max_decoding_message_size(usize::MAX);
        let wire = match protocol {
            Protocol::Delta => {
                let (sender, requests) = mpsc::unbounded_channel();
                let stream = grpc.delta_aggregated_resources(UnboundedReceiverStream::new(requests));
                Wire::Delta(sender, stream.await.unwrap().into_inner())
            }
            Protocol::StateOfTheWorld => {
                let (sender, requests) = mpsc::unbounded_channel();
                let stream = grpc.stream_aggregated_resources(UnboundedReceiverStream::new(requests));
                Wire::StateOfTheWorld(sender, stream.await.unwrap().into_inner())
            }
        };
        Self { wire, node, types: BTreeMap::new(), nonces: BTreeSet::new(), shown: 0, probed: false }
    }

    /// What it holds, by type: what a client of the next stream begins with.
    pub(crate) fn into_held(self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.types.into_iter().map(|(t, s)| (t, s.held)).collect()
    }

    /// Takes over what an earlier stream left.
    pub(crate) fn hold(&mut self, held: BTreeMap<String, BTreeMap<String, String>>) {
        for (type_url, held) in held {
            self.types.entry(type_url).or_default().held = held;
        }
    }

    pub(crate) fn half_close(self) -> Self {
        let wire = match self.wire {
            Wire::Delta(_, responses) => Wire::DeltaClosed(responses),
            Wire::StateOfTheWorld(_, responses) => Wire::StateOfTheWorldClosed(responses),
            closed => closed,
        };
        Self { wire, ..self }
    }

    /// Sends a request. Sends into a stream that the server has ended are lost, as they would be in a network.
    pub(crate) fn ask(&mut self, ask: Ask) {
        let node = ask.node.clone().or_else(|| self.node.take());
        let node = node.map(|id| ProtoNode { id, client_features: ask.features, ..Default::default() });
        let last_of = |types: &BTreeMap<String, Subscription>, type_url: &str| {
            types.get(type_url).and_then(|s| s.responses.last()).map(|(nonce, _)| nonce.clone())
        };
        let other = match &ask.nonce {
            Some(Which::LastOf(other)) => last_of(&self.types, other),
            _ => None,
        };
        let state = self.types.entry(ask.type_url.clone()).or_default();
        state.names.extend(ask.add.iter().cloned());
        state.names.retain(|name| !ask.drop.contains(name));
        for name in &ask.drop {
            state.held.remove(name);
        }
        let answered = match ask.answer {
            None => None,
            Some(Answer::RejectEarlier(_)) => state.unanswered.drain(..).next_back(),
            Some(_) => state.unanswered.pop_front(),
        };
        let usual = match self.wire {
            Wire::StateOfTheWorld(..) => state.responses.last().cloned(),
            _ => None,
        };
        let (nonce, version) = answered.clone().or(usual).unwrap_or_default();
        let nonce = match ask.nonce {
            None => nonce,
            Some(Which::None) => String::new(),
            Some(Which::Previous) => state.responses.iter().rev().nth(1).expect("two responses").0.clone(),
            Some(Which::LastOf(_)) => other.expect("a response of the other type"),
            Some(Which::Literal(text)) => text,
        };
        if let Some(Answer::Accept | Answer::RejectEarlier(_)) = ask.answer {
            state.accepted = version;
        }
        let error_detail = match ask.answer {
            Some(Answer::Reject(message) | Answer::RejectEarlier(message)) => {
                Some(RpcStatus { code: 13, message, ..Default::default() })
            }
            Some(Answer::Accept) | None => None,
        };
        let locator = |name: &String| ResourceLocator {
            name: name.clone(),
            dynamic_parameters: [("env".to_owned(), "prod".to_owned())].into(),
        };
        match &self.wire {
            Wire::Delta(sender, _) => {
                let held = match ask.have {
                    Have::Nothing => Vec::new(),
                    Have::Held => state.held.values().cloned().collect(),
                    Have::These(contents) => contents,
                };
                let versions = held.into_iter().map(|content| {
                    let name = content.split('=').next().unwrap_or_default().to_owned();
                    (name, Digest::of(content.as_bytes()).to_string())
                });
                drop(sender.send(DeltaDiscoveryRequest {
                    node,
                    type_url: ask.type_url,
                    resource_names_subscribe: ask.add,
                    resource_names_unsubscribe: ask.drop,
                    resource_locators_subscribe: ask.add_locators.iter().map(locator).collect(),
                    resource_locators_unsubscribe: ask.drop_locators.iter().map(locator).collect(),
                    initial_resource_versions: versions.collect(),
                    response_nonce: nonce,
                    error_detail,
                }));
            }
            Wire::StateOfTheWorld(sender, _) => {
                let version = match ask.have {
                    Have::Nothing if nonce.is_empty() => String::new(),
                    Have::Nothing => state.accepted.clone(),
                    Have::Held | Have::These(_) => "of-an-earlier-stream".to_owned(),
                };
                drop(sender.send(DiscoveryRequest {
                    node,
                    type_url: ask.type_url,
                    resource_names: state.names.clone(),
                    resource_locators: ask.add_locators.iter().map(locator).collect(),
                    version_info: version,
                    response_nonce: nonce,
                    error_detail,
                }));
            }
            Wire::DeltaClosed(_) | Wire::StateOfTheWorldClosed(_) => panic!("the client has closed its half"),
        }
    }

    /// The next response that is not of the probe; probes are acknowledged.
    pub(crate) async fn next(&mut self) -> Result<Received, Status> {
        loop {
            let received = self.receive().await?;
            if !self.is_probe(&received) {
                return Ok(received);
            }
        }
    }

    /// Proves that the server has nothing to say: it has seen all requests and the newest revision when a probe
    /// comes back, and responses come in the order in which they are decided.
    pub(crate) async fn quiet(&mut self, revision: u64) -> Result<(), String> {
        let mut round_trips = 0;
        let mut asked = false;
        while round_trips < 2 || self.shown < revision {
            if !asked {
                let add = if self.probed { Vec::new() } else { vec![PROBE.1.to_owned()] };
                self.probed = true;
                let mut ask =
                    Ask { type_url: PROBE.0.as_str().into(), nonce: Some(Which::None), ..Ask::default() };
                ask.add = match self.wire {
                    Wire::Delta(..) => vec![PROBE.1.to_owned()],
                    _ => add,
                };
                self.ask(ask);
            }
            let received = self.receive().await.map_err(|status| format!("silence, not {status:?}"))?;
            if !self.is_probe(&received) {
                return Err(format!("silence, not {received:?}"));
            }
            round_trips += 1;
            // An older revision is shown before its successor comes by itself.
            asked = self.shown < revision;
        }
        Ok(())
    }

    /// Waits for the end of the stream. Nothing else may come.
    pub(crate) async fn end(&mut self) -> Result<Code, String> {
        match self.next().await {
            Ok(received) => Err(format!("the end, not {received:?}")),
            Err(status) => Ok(status.code()),
        }
    }

    fn is_probe(&mut self, received: &Received) -> bool {
        let probe = received.type_url == PROBE.0.as_str();
        if probe {
            let shown = received.words.iter().find_map(|w| w.strip_prefix("probe="));
            self.shown = shown.map_or(self.shown, |revision| revision.parse().unwrap());
            let type_url = received.type_url.clone();
            self.ask(Ask { type_url, answer: Some(Answer::Accept), ..Ask::default() });
        }
        probe
    }

    async fn receive(&mut self) -> Result<Received, Status> {
        let ended = || Status::ok("the stream has ended");
        let late = |_| Status::deadline_exceeded("nothing came");
        let received = match &mut self.wire {
            Wire::Delta(_, responses) | Wire::DeltaClosed(responses) => {
                delta(timeout(PATIENCE, responses.message()).await.map_err(late)??.ok_or_else(ended)?)
            }
            Wire::StateOfTheWorld(_, responses) | Wire::StateOfTheWorldClosed(responses) => {
                whole(timeout(PATIENCE, responses.message()).await.map_err(late)??.ok_or_else(ended)?)
            }
        };
        assert!(!received.nonce.is_empty() && !received.version.is_empty(), "{received:?}");
        assert!(self.nonces.insert(received.nonce.clone()), "the nonce of {received:?} came before");
        let state = self.types.entry(received.type_url.clone()).or_default();
        let answer = (received.nonce.clone(), received.version.clone());
        state.responses.push(answer.clone());
        state.unanswered.push_back(answer);
        for word in &received.words {
            if let Some(name) = word.strip_prefix('-') {
                state.held.remove(name);
            } else {
                let name = word.split('=').next().unwrap_or_default();
                state.held.insert(name.to_owned(), word.clone());
            }
        }
        Ok(received)
    }
}

/// Checks what holds of every delta response.
fn delta(message: DeltaDiscoveryResponse) -> Received {
    let mut words = Vec::new();
    for resource in message.resources {
        let any = resource.resource.expect("no heartbeats are sent");
        assert_eq!(any.type_url, message.type_url);
        let content = String::from_utf8(any.value).unwrap();
        assert_eq!(content.split('=').next(), Some(&*resource.name));
        assert_eq!(resource.version, Digest::of(content.as_bytes()).to_string());
        assert!(resource.ttl.is_none() && resource.resource_name.is_none() && resource.aliases.is_empty());
        words.push(content);
    }
    assert!(message.removed_resource_names.is_empty());
    words.extend(message.removed_resources.iter().map(|name| format!("-{name}")));
    let names: BTreeSet<&str> =
        words.iter().map(|w| w.trim_start_matches('-').split('=').next().unwrap_or_default()).collect();
    assert_eq!(names.len(), words.len(), "a name came twice in one response: {words:?}");
    Received { type_url: message.type_url, nonce: message.nonce, version: message.system_version_info, words }
}

/// Checks what holds of every state-of-the-world response.
fn whole(message: DiscoveryResponse) -> Received {
    let contents = message.resources.into_iter().map(|any| {
        assert_eq!(any.type_url, message.type_url, "resources are not wrapped");
        String::from_utf8(any.value).unwrap()
    });
    Received {
        words: contents.collect(),
        type_url: message.type_url,
        nonce: message.nonce,
        version: message.version_info,
    }
}
