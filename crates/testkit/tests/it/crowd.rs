//! A crowd against a server that keeps a ledger of its own: both must come to the same figures.

use std::{collections::BTreeSet, time::Duration};

use envoy_types::pb::{
    envoy::{
        config::{
            cluster::v3::{
                Cluster,
                cluster::{ClusterDiscoveryType, EdsClusterConfig},
            },
            core::v3::{AggregatedConfigSource, ConfigSource, config_source::ConfigSourceSpecifier},
            endpoint::v3::{
                ClusterLoadAssignment, LbEndpoint, LedsClusterLocalityConfig, LocalityLbEndpoints,
                locality_lb_endpoints::LbConfig,
            },
            listener::v3::{Filter, FilterChain, Listener, filter, listener::FcdsConfig},
            route::v3::{RouteConfiguration, Vhds, VirtualHost},
        },
        extensions::filters::network::http_connection_manager::v3::{
            HttpConnectionManager, Rds, http_connection_manager::RouteSpecifier,
        },
    },
    google::protobuf::Any,
};
use fairlead_lab::deadline::eventually;
use fairlead_resource::TypeUrl;
use fairlead_testkit::{
    ads::Protocol,
    crowd::{Awaited, Crowd, Profile, Totals},
};
use prost::{Message, Name};
use tokio::time::Instant;

use crate::ads::{Ads, Ledger};

const CLIENTS: usize = 20;
const WITHIN: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);

fn ads() -> ConfigSource {
    ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
        ..ConfigSource::default()
    }
}

fn cluster(name: &str) -> Cluster {
    Cluster {
        name: name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(3)),
        eds_cluster_config: Some(EdsClusterConfig { eds_config: Some(ads()), service_name: String::new() }),
        ..Cluster::default()
    }
}

fn assignment(name: &str, priority: u32) -> ClusterLoadAssignment {
    ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        endpoints: vec![LocalityLbEndpoints { priority, ..LocalityLbEndpoints::default() }],
        ..ClusterLoadAssignment::default()
    }
}

/// An assignment whose endpoints are a collection.
fn collected(name: &str, glob: &str) -> ClusterLoadAssignment {
    let leds = LedsClusterLocalityConfig { leds_config: Some(ads()), leds_collection_name: glob.to_owned() };
    let locality = LocalityLbEndpoints {
        lb_config: Some(LbConfig::LedsClusterLocalityConfig(leds)),
        ..LocalityLbEndpoints::default()
    };
    ClusterLoadAssignment { endpoints: vec![locality], ..assignment(name, 0) }
}

fn listener(name: &str, table: &str) -> Listener {
    let rds = Rds { config_source: Some(ads()), route_config_name: table.to_owned() };
    let manager = HttpConnectionManager {
        route_specifier: Some(RouteSpecifier::Rds(rds)),
        ..HttpConnectionManager::default()
    };
    let any = Any {
        type_url: format!("{}{}", fairlead_resource::type_url::PREFIX, HttpConnectionManager::full_name()),
        value: manager.encode_to_vec(),
    };
    let filter = Filter { name: "http".to_owned(), config_type: Some(filter::ConfigType::TypedConfig(any)) };
    let chain = FilterChain { filters: vec![filter], ..FilterChain::default() };
    Listener { name: name.to_owned(), filter_chains: vec![chain], ..Listener::default() }
}

/// Two clusters with endpoints, a listener, its table, and two hosts of it.
async fn mesh(vhds: bool) -> Ads {
    let server = Ads::start().await;
    for name in ["a", "b"] {
        server.put(TypeUrl::CLUSTER, name, "c1", &cluster(name));
        server.put(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, name, "e1", &assignment(name, 0));
        let host = VirtualHost { name: format!("80/{name}"), ..VirtualHost::default() };
        server.put(TypeUrl::VIRTUAL_HOST, &host.name, "h1", &host);
    }
    server.put(TypeUrl::LISTENER, "out", "l1", &listener("out", "80"));
    let vhds = vhds.then(|| Vhds { config_source: Some(ads()) });
    let table = RouteConfiguration { name: "80".to_owned(), vhds, ..RouteConfiguration::default() };
    server.put(TypeUrl::ROUTE_CONFIGURATION, "80", "r1", &table);
    server
}

fn profiles(protocol: Protocol) -> impl Iterator<Item = Profile> {
    (0..CLIENTS).map(move |i| Profile::sidecar(i, &format!("ns-{}", i % 3), protocol))
}

async fn synced(server: &Ads, protocol: Protocol) -> Crowd {
    let mut crowd = Crowd::new(server.address);
    crowd.join_all(profiles(protocol));
    crowd.wait_in_sync(WITHIN).await.unwrap();
    crowd
}

/// Waits until the server's ledger is as wanted.
async fn ledger_with(server: &Ads, what: &str, wanted: impl Fn(&Ledger) -> bool) -> Ledger {
    eventually(what, WITHIN, async || {
        let ledger = server.ledger();
        if wanted(&ledger) { Ok(ledger) } else { Err(format!("{ledger:?}")) }
    })
    .await
    .unwrap()
}

/// Every figure of the crowd beside the server's own.
fn compare(totals: &Totals, ledger: &Ledger) {
    for kind in TypeUrl::ENVOY {
        let of = |counts: &std::collections::BTreeMap<TypeUrl, u64>| counts.get(&kind).copied().unwrap_or(0);
        assert_eq!(totals.bytes_of(kind), of(&ledger.bytes), "bytes of {kind}");
        assert_eq!(totals.responses_of(kind), of(&ledger.responses), "responses of {kind}");
        assert_eq!(totals.resources_of(kind), of(&ledger.resources), "resources of {kind}");
    }
    assert_eq!((totals.ends, totals.late_assignments, totals.lost_hosts), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delta_crowd_counts_what_the_server_sent_and_answers_all_of_it() {
    let server = mesh(true).await;
    let crowd = synced(&server, Protocol::Delta).await;
    let sent = CLIENTS as u64 * 5;
    let ledger = ledger_with(&server, "all answered", |ledger| ledger.acks == sent).await;
    let totals = crowd.totals();
    compare(&totals, &ledger);
    assert_eq!((totals.clients, totals.connected, totals.complete, totals.streams), (20, 20, 20, 20));
    assert_eq!(totals.responses(), sent);
    assert_eq!(ledger.nodes.iter().collect::<BTreeSet<_>>().len(), CLIENTS, "each is somebody else");
    for client in 0..CLIENTS {
        assert!(crowd.holds(client, TypeUrl::VIRTUAL_HOST, "80/b") && crowd.lacks(client).is_empty());
        assert_eq!(crowd.count(client, TypeUrl::CLUSTER_LOAD_ASSIGNMENT), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_and_chains_that_are_resources_are_asked_for_and_given_up() {
    let server = mesh(true).await;
    // A collection under two names, and a chain without which there is no route table.
    for path in ["x/a/0", "x/b/0"] {
        for i in 0..3 {
            server.put(TypeUrl::LB_ENDPOINT, &format!("{path}/{i}"), "1", &LbEndpoint::default());
        }
    }
    server.put(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "a", "e1", &collected("a", "x/a/0/*"));
    let whole = listener("out", "80");
    let chain = FilterChain { name: "out/all".to_owned(), ..whole.filter_chains[0].clone() };
    server.put(TypeUrl::FILTER_CHAIN, "out/all", "f1", &chain);
    let names = [("*.example.com", "out/all")];
    let parent = Listener {
        filter_chains: Vec::new(),
        filter_chain_matcher: fairlead_envoy::listener::server_name_matcher(&names.into()),
        fcds_config: Some(FcdsConfig { config_source: Some(ads()), ..FcdsConfig::default() }),
        ..whole
    };
    server.put(TypeUrl::LISTENER, "out", "l2", &parent);
    let crowd = synced(&server, Protocol::Delta).await;
    let sent = CLIENTS as u64 * 7;
    compare(&crowd.totals(), &ledger_with(&server, "all answered", |ledger| ledger.acks == sent).await);
    assert_eq!([TypeUrl::LB_ENDPOINT, TypeUrl::FILTER_CHAIN].map(|kind| crowd.count(3, kind)), [3, 1]);
    assert!(crowd.holds(3, TypeUrl::ROUTE_CONFIGURATION, "80"), "named by the chain");
    // Another name for the collection: the endpoints of the old one go with it.
    server.put(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "a", "e2", &collected("a", "x/b/0/*"));
    let watch = crowd.watch(TypeUrl::LB_ENDPOINT, Some("x/b/0/2"), Awaited::Change);
    server.push(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "a");
    crowd.wait_received(&watch, CLIENTS, WITHIN).await.unwrap();
    crowd.wait_in_sync(WITHIN).await.unwrap();
    assert_eq!(
        (crowd.count(3, TypeUrl::LB_ENDPOINT), crowd.holds(3, TypeUrl::LB_ENDPOINT, "x/a/0/2")),
        (3, false)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_of_the_world_crowd_counts_the_same() {
    let server = mesh(false).await;
    let crowd = synced(&server, Protocol::Sotw).await;
    let sent = CLIENTS as u64 * 4;
    let ledger = ledger_with(&server, "all answered", |ledger| ledger.acks == sent).await;
    compare(&crowd.totals(), &ledger);
    // An omission removes.
    let watch = crowd.watch(TypeUrl::CLUSTER, Some("b"), Awaited::Removal);
    server.take(TypeUrl::CLUSTER, "b");
    server.push(TypeUrl::CLUSTER, "a");
    crowd.wait_received(&watch, CLIENTS, WITHIN).await.unwrap();
    assert_eq!(crowd.count(7, TypeUrl::CLUSTER), 1);
    assert_eq!(crowd.count(7, TypeUrl::CLUSTER_LOAD_ASSIGNMENT), 1, "nothing refers to the other any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_sees_each_client_get_the_change_and_none_that_did_not() {
    let server = mesh(true).await;
    let crowd = synced(&server, Protocol::Delta).await;
    let before = crowd.totals();
    let of = |name, awaited| crowd.watch(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, name, awaited);
    let (any, a, b) =
        (of(None, Awaited::Change), of(Some("a"), Awaited::Change), of(Some("b"), Awaited::Change));
    let (old, new) =
        (of(Some("a"), Awaited::Version("e1".to_owned())), of(Some("a"), Awaited::Version("e2".to_owned())));
    // What a client has already is no change.
    server.push(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "b");
    eventually("sent", WITHIN, async || {
        let count = (crowd.totals() - &before).responses();
        if count == 20 { Ok(()) } else { Err(count) }
    })
    .await
    .unwrap();
    assert_eq!([any.received(), a.received(), b.received()], [0, 0, 0]);
    // Clients without a stream cannot get it.
    crowd.disconnect(0..3);
    ledger_with(&server, "three are gone", |ledger| ledger.open == CLIENTS - 3).await;
    server.put(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "a", "e2", &assignment("a", 1));
    let change = crowd.clock();
    server.push(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "a");
    crowd.wait_received(&a, CLIENTS - 3, WITHIN).await.unwrap();
    crowd.wait_received(&a, CLIENTS, SHORT).await.unwrap_err();
    assert_eq!([any.received(), b.received(), old.received(), new.received()], [17, 0, 0, 17]);
    assert!((0..3).all(|client| a.time_of(client).is_none()));
    let times = a.times();
    assert!(times.len() == 17 && times.is_sorted() && change < times[0]);
    assert!(times[16] <= crowd.totals().last_response);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_answers_and_one_that_refuses_are_told_from_the_others() {
    let server = mesh(true).await;
    let mut crowd = Crowd::new(server.address);
    crowd.join_all(
        profiles(Protocol::Delta).take(5).map(|profile| Profile { acknowledges: false, ..profile }),
    );
    crowd.wait_in_sync(WITHIN).await.unwrap();
    assert_eq!(server.ledger().acks, 0);
    let refuses = BTreeSet::from([TypeUrl::CLUSTER_LOAD_ASSIGNMENT]);
    let refusing = Profile { refuses, ..Profile::sidecar(5, "ns-0", Protocol::Delta) };
    let refusing = crowd.join(refusing);
    let ledger = ledger_with(&server, "a refusal", |ledger| !ledger.nacks.is_empty()).await;
    assert_eq!((ledger.nacks, ledger.acks), (vec!["refused by the crowd".to_owned()], 0));
    assert_eq!(crowd.count(refusing, TypeUrl::CLUSTER_LOAD_ASSIGNMENT), 0);
    assert!(crowd.lacks(refusing).contains("endpoints of 2 clusters"), "{}", crowd.lacks(refusing));
    crowd.wait_in_sync(SHORT).await.unwrap_err();
    crowd.wait_in_sync_of(0..5, WITHIN).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_vanishes_stays_connected_for_the_server_and_who_leaves_does_not() {
    let server = mesh(true).await;
    let crowd = synced(&server, Protocol::Delta).await;
    let acks = ledger_with(&server, "all answered", |ledger| ledger.acks == 100).await.acks;
    crowd.vanish(0..4);
    crowd.disconnect(4..10);
    ledger_with(&server, "six are gone", |ledger| ledger.open == CLIENTS - 6).await;
    server.put(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "a", "e2", &assignment("a", 1));
    let watch = crowd.watch(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, None, Awaited::Change);
    server.push(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "a");
    crowd.wait_received(&watch, 10, WITHIN).await.unwrap();
    ledger_with(&server, "ten answers", |ledger| ledger.acks == acks + 10).await;
    crowd.wait_quiet(SHORT, WITHIN).await.unwrap();
    assert_eq!((watch.received(), server.ledger().open), (10, CLIENTS - 6));
    // Back again, all at once, they say what they have: eight names each, and the new streams are counted.
    let listed = server.ledger().listed;
    crowd.reconnect(0..10, None);
    crowd.wait_in_sync(WITHIN).await.unwrap();
    let ledger = ledger_with(&server, "ten more streams", |ledger| ledger.nodes.len() == CLIENTS + 10).await;
    ledger_with(&server, "all lists", |ledger| ledger.listed == listed + 10 * 8).await;
    assert_eq!((ledger.open >= CLIENTS, crowd.totals().streams), (true, 30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thin_line_carries_no_more_than_it_can() {
    const RATE: u64 = 200_000;
    let server = mesh(true).await;
    let mut crowd = Crowd::new(server.address);
    let thin = Profile { bytes_per_second: RATE, ..Profile::sidecar(0, "ns-0", Protocol::Delta) };
    crowd.join(thin);
    crowd.join(Profile::sidecar(1, "ns-0", Protocol::Delta));
    crowd.wait_in_sync(WITHIN).await.unwrap();
    let table = RouteConfiguration {
        name: "80".to_owned(),
        vhds: Some(Vhds { config_source: Some(ads()) }),
        // Half a megabyte.
        virtual_hosts: vec![VirtualHost { name: "x".repeat(500_000), ..VirtualHost::default() }],
        ..RouteConfiguration::default()
    };
    server.put(TypeUrl::ROUTE_CONFIGURATION, "80", "r2", &table);
    let watch = crowd.watch(TypeUrl::ROUTE_CONFIGURATION, Some("80"), Awaited::Change);
    let began = Instant::now();
    server.push(TypeUrl::ROUTE_CONFIGURATION, "80");
    crowd.wait_received(&watch, 2, WITHIN).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?} for 500 kB at 200 kB/s", began.elapsed());
    assert!(watch.time_of(1) < watch.time_of(0), "the other was not held up");
    // Without the limit the same takes what the machine needs.
    crowd.throttle(0..1, 0);
    server.push(TypeUrl::CLUSTER, "a");
    crowd.wait_quiet(SHORT, WITHIN).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_lose_the_server_come_back_to_another() {
    let first = mesh(true).await;
    let mut crowd = Crowd::new(first.address);
    crowd.join_paced(profiles(Protocol::Delta), 1000.0).await;
    crowd.wait_in_sync(WITHIN).await.unwrap();
    drop(first);
    let second = mesh(true).await;
    crowd.reconnect(0..CLIENTS, Some(second.address));
    crowd.wait_in_sync(WITHIN).await.unwrap();
    ledger_with(&second, "all are there", |ledger| ledger.open == CLIENTS).await;
    // What they had is what there is: nothing was sent again.
    assert_eq!(second.ledger().bytes.get(&TypeUrl::CLUSTER), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_cannot_be_opened_is_lost_with_a_reason_and_tried_again() {
    let nobody = fairlead_lab::ports::at(15010).unwrap();
    let mut crowd = Crowd::new(nobody);
    let soon = Some(Duration::from_millis(10));
    crowd.join(Profile { reconnect_after: soon, ..Profile::sidecar(0, "ns-0", Protocol::Delta) });
    crowd.join(Profile { reconnect_after: None, ..Profile::sidecar(1, "ns-0", Protocol::Delta) });
    let attempts = |client: usize| crowd.totals_of(client..client + 1).ends;
    eventually("tried again", WITHIN, async || if attempts(0) > 2 { Ok(()) } else { Err(attempts(0)) })
        .await
        .unwrap();
    assert_eq!((attempts(1), crowd.totals().streams), (1, 0));
    let lost = crowd.lost_streams();
    assert!(lost.iter().all(|(_, reason)| reason.contains("refused")), "{lost:?}");
    assert_eq!(lost.iter().filter(|(client, _)| *client == 1).count(), 1);
}
