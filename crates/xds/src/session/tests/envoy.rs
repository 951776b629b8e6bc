//! An Envoy on a delta stream without a wire: the client of the test kit, which shares no code with the session, and
//! what must hold of every response that it takes.

use std::collections::{BTreeSet, VecDeque};

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use fairlead_resource::TypeUrl;
use fairlead_testkit::ads::{Client, Library, Outgoing, Protocol, References};
use prost::Message;

use super::{
    localities::{self, Localities},
    mesh::{Contents, is_bad, references},
};

/// One proxy. Its configuration outlives its streams.
pub(super) struct Envoy {
    client: Client,
    library: Library,
    /// The stream began while clusters warmed, and the client had nothing else to list: a server cannot tell
    /// it from one that has its clusters from elsewhere.
    untold: bool,
    /// Endpoints were rejected, so that clusters may warm on.
    rejected_endpoints: bool,
    /// The stream began while clusters warmed; a server waits for their request only so long.
    late: bool,
    nonces: BTreeSet<String>,
    /// Requests on their way.
    pub(super) requests: VecDeque<DeltaDiscoveryRequest>,
    /// The endpoints that come as resources of their own.
    pub(super) localities: Localities,
}

impl Envoy {
    pub(super) fn new() -> Self {
        Self {
            client: Client::new(Protocol::Delta, None),
            library: Library::keeping_bytes().read_by(read),
            untold: false,
            rejected_endpoints: false,
            late: false,
            nonces: BTreeSet::new(),
            requests: VecDeque::new(),
            localities: Localities::default(),
        }
    }

    /// What it holds of a type, endpoints in collections aside.
    pub(super) fn held(&self, type_url: TypeUrl) -> Contents {
        let held = self.client.all_held(type_url).map(|name| {
            let content = self.client.held(type_url, name).unwrap();
            (self.library.name(name).to_string(), String::from_utf8(content.message.to_vec()).unwrap())
        });
        held.collect()
    }

    /// The clusters that wait for endpoints; while there are any, responses with clusters are not answered.
    pub(super) fn warming(&self) -> BTreeSet<String> {
        self.client.warming().map(|name| self.library.name(name).to_string()).collect()
    }

    /// Opens a stream: asks for everything again, with what it has.
    pub(super) fn connect(&mut self) {
        self.requests.clear();
        self.nonces.clear();
        self.late = self.client.is_warming();
        let others = TypeUrl::ENVOY.into_iter().filter(|type_url| *type_url != TypeUrl::CLUSTER);
        self.untold =
            self.late && others.map(|type_url| self.client.all_held(type_url).len()).sum::<usize>() == 0;
        let first = self.client.on_stream();
        self.say(first);
    }

    fn say(&mut self, out: Vec<Outgoing>) {
        for outgoing in out {
            let frame = self.client.frame(outgoing, &self.library);
            self.requests.push_back(DeltaDiscoveryRequest::decode(&frame[5..]).unwrap());
        }
    }

    /// Takes a response; checks what must hold of every response.
    pub(super) fn receive(&mut self, message: &DeltaDiscoveryResponse, rejected_clusters: &BTreeSet<String>) {
        let type_url = TypeUrl::parse(&message.type_url).unwrap();
        assert!(self.nonces.insert(message.nonce.clone()), "nonce {} used twice", message.nonce);
        let contents: Contents = message
            .resources
            .iter()
            .map(|r| (r.name.clone(), String::from_utf8(r.resource.clone().unwrap().value).unwrap()))
            .collect();
        let removed = &message.removed_resources;
        let taken = !contents.values().any(|content| is_bad(content));
        if taken {
            self.check(type_url, &contents, removed, rejected_clusters);
        }
        let mut piece = vec![0];
        piece.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
        message.encode(&mut piece).unwrap();
        for response in self.client.read(&piece, &mut self.library).unwrap() {
            let out = self.client.take(response, None, &mut self.library, &mut |_, _, _| {});
            let refusal = |outgoing: &Outgoing| matches!(outgoing, Outgoing::Nack { nonce, .. } if *nonce == message.nonce);
            assert!(type_url == TypeUrl::CLUSTER || taken != out.iter().any(refusal), "{out:?}");
            self.say(out);
        }
        self.follow(type_url, taken, &contents, removed);
        let wanted = self.client.wanted(TypeUrl::LB_ENDPOINT).map(|name| self.library.name(name).to_string());
        assert_eq!(wanted.collect::<BTreeSet<_>>(), self.localities.globs());
    }

    /// Nothing is used without what it refers to.
    fn check(
        &self,
        type_url: TypeUrl,
        contents: &Contents,
        removed: &[String],
        rejected_clusters: &BTreeSet<String>,
    ) {
        let users = [TypeUrl::ROUTE_CONFIGURATION, TypeUrl::VIRTUAL_HOST];
        if type_url == TypeUrl::CLUSTER && !removed.is_empty() {
            for (user, content) in users.into_iter().flat_map(|user| self.held(user)) {
                let gone = references(&content).find(|name| removed.iter().any(|removed| removed == name));
                assert_eq!(gone, None, "a cluster is removed while {user} ({content}) uses it");
            }
        }
        if users.contains(&type_url) {
            let clusters = self.held(TypeUrl::CLUSTER);
            for reference in contents.values().flat_map(|content| references(content)) {
                assert!(
                    clusters.contains_key(reference)
                        || rejected_clusters.contains(reference)
                        || self.untold
                        || (self.rejected_endpoints && self.late),
                    "{type_url} {contents:?} comes before cluster {reference}"
                );
            }
        }
    }

    /// Follows what becomes of endpoints that are resources of their own.
    fn follow(&mut self, type_url: TypeUrl, taken: bool, contents: &Contents, removed: &[String]) {
        match type_url {
            TypeUrl::CLUSTER => self.localities.retain(&self.held(TypeUrl::CLUSTER)),
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT if taken => {
                let clusters = self.held(TypeUrl::CLUSTER);
                for (name, content) in contents.iter().filter(|(name, _)| clusters.contains_key(*name)) {
                    self.localities.assign(name, content);
                }
            }
            TypeUrl::LB_ENDPOINT if taken => self.localities.apply(contents, removed),
            TypeUrl::LB_ENDPOINT => self.localities.give_up(),
            _ => {}
        }
        self.rejected_endpoints |=
            !taken && matches!(type_url, TypeUrl::CLUSTER_LOAD_ASSIGNMENT | TypeUrl::LB_ENDPOINT);
    }

    /// Endpoints that never come are given up after a time.
    pub(super) fn stop_warming(&mut self) {
        let out = self.client.expire();
        self.say(out);
    }
}

/// What a content of a [`Mesh`](super::mesh::Mesh) refers to, and why it is rejected.
fn read(type_url: TypeUrl, name: &str, content: &[u8]) -> Result<References, String> {
    let content = str::from_utf8(content).unwrap();
    if is_bad(content) {
        return Err(match type_url {
            TypeUrl::CLUSTER => format!("Error adding/updating cluster(s) {name}: it is bad"),
            _ => "something is bad".to_owned(),
        });
    }
    Ok(match type_url {
        TypeUrl::CLUSTER => References { endpoints: Some(name.to_owned()), ..References::default() },
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT => {
            References { collections: localities::globs(name, content), ..References::default() }
        }
        TypeUrl::LISTENER => {
            References { routes: references(content).map(str::to_owned).collect(), ..References::default() }
        }
        // The whole form of a table has a digest of its hosts, and takes none.
        TypeUrl::ROUTE_CONFIGURATION => {
            let version = content.split(':').next().unwrap();
            References { virtual_hosts: !version.contains('-'), ..References::default() }
        }
        _ => References::default(),
    })
}
