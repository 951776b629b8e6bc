//! The services beside ADS on the same port: client status (CSDS) and load reports (LRS).

use std::{
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use envoy_types::pb::envoy::{
    config::{
        core::v3::Locality,
        endpoint::v3::{ClusterStats, UpstreamLocalityStats},
    },
    service::{
        load_stats::v3::{LoadStatsRequest, load_reporting_service_client::LoadReportingServiceClient},
        status::v3::{
            ClientStatusRequest, ConfigStatus,
            client_status_discovery_service_client::ClientStatusDiscoveryServiceClient,
        },
    },
    r#type::matcher::v3::{NodeMatcher, RegexMatcher, StringMatcher, string_matcher::MatchPattern},
};
use fairlead_resource::TypeUrl;
use fairlead_xds::server::{Load, ServerOptions};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Code;

use crate::world::{PATIENCE, Running, clusters, node, start, start_at};

async fn status_client(running: &Running) -> ClientStatusDiscoveryServiceClient<tonic::transport::Channel> {
    ClientStatusDiscoveryServiceClient::connect(format!("http://{}", running.address)).await.unwrap()
}

fn by_id(pattern: MatchPattern) -> ClientStatusRequest {
    let id = StringMatcher { match_pattern: Some(pattern), ignore_case: false };
    let matcher = NodeMatcher { node_id: Some(id), ..NodeMatcher::default() };
    ClientStatusRequest { node_matchers: vec![matcher], ..ClientStatusRequest::default() }
}

#[tokio::test]
async fn client_status_tells_how_far_each_client_is_and_no_contents() {
    let running = start(clusters(1, 1, 10, b'a'), ServerOptions::default()).await;
    let mut proxy = running.delta().await;
    proxy.begin(TypeUrl::CLUSTER);
    let response = proxy.next().await.unwrap();
    let mut csds = status_client(&running).await;
    let (requests, receiver) = mpsc::unbounded_channel();
    let mut answers =
        csds.stream_client_status(UnboundedReceiverStream::new(receiver)).await.unwrap().into_inner();

    requests.send(ClientStatusRequest::default()).unwrap();
    let stale = answers.message().await.unwrap().unwrap();
    assert_eq!(stale.config.len(), 1);
    assert_eq!(stale.config[0].node.as_ref().unwrap().id, "a");
    let [config] = &stale.config[0].generic_xds_configs[..] else { panic!("{stale:?}") };
    assert_eq!((&*config.type_url, config.config_status()), (TypeUrl::CLUSTER.as_str(), ConfigStatus::Stale));
    assert_eq!(config.version_info, response.system_version_info);
    assert!(config.xds_config.is_none());

    proxy.ack(&response);
    running.until("the ACK", |r| r.world.saw("ack CDS 1")).await;
    requests.send(ClientStatusRequest::default()).unwrap();
    let synced = answers.message().await.unwrap().unwrap();
    assert_eq!(synced.config[0].generic_xds_configs[0].config_status(), ConfigStatus::Synced);

    let one = csds.fetch_client_status(by_id(MatchPattern::Exact("a".into()))).await.unwrap();
    assert_eq!(one.get_ref().config.len(), 1);
    let none = csds.fetch_client_status(by_id(MatchPattern::Prefix("b".into()))).await.unwrap();
    assert!(none.get_ref().config.is_empty());
    let regex = MatchPattern::SafeRegex(RegexMatcher { regex: ".*".into(), ..RegexMatcher::default() });
    let refused = csds.fetch_client_status(by_id(regex)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

/// The address that this machine would send from to another one; no packet is sent to find out.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}

#[tokio::test]
async fn client_status_is_told_to_other_machines_only_if_the_owner_says_so() {
    let Some(own) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    for beyond in [false, true] {
        let options = ServerOptions { client_status_beyond_loopback: beyond, ..ServerOptions::default() };
        // Who connects to this address comes from it.
        let running = start_at(own, clusters(1, 1, 10, b'a'), options).await;
        let mut csds = status_client(&running).await;
        let fetched = csds.fetch_client_status(ClientStatusRequest::default()).await;
        let streamed = csds.stream_client_status(tokio_stream::once(ClientStatusRequest::default())).await;
        if beyond {
            assert!(fetched.unwrap().get_ref().config.is_empty());
            assert!(streamed.unwrap().into_inner().message().await.unwrap().is_some());
        } else {
            assert_eq!(fetched.unwrap_err().code(), Code::PermissionDenied);
            assert_eq!(streamed.unwrap_err().code(), Code::PermissionDenied);
        }
    }
}

#[tokio::test]
async fn streams_beside_ads_have_to_send_their_first_request_in_time_and_no_other() {
    let options = ServerOptions { greeting_timeout: Duration::from_millis(100), ..ServerOptions::default() };
    let running = start(clusters(1, 1, 10, b'a'), options).await;
    let address = format!("http://{}", running.address);
    let mut lrs = LoadReportingServiceClient::connect(address).await.unwrap();
    let mut csds = status_client(&running).await;

    let mut silent = lrs.stream_load_stats(tokio_stream::pending()).await.unwrap().into_inner();
    let ended = tokio::time::timeout(PATIENCE, silent.message()).await.unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::DeadlineExceeded);
    running.until("the end", |r| r.server.sessions().loads().clients() == 0).await;
    let mut silent = csds.stream_client_status(tokio_stream::pending()).await.unwrap().into_inner();
    let ended = tokio::time::timeout(PATIENCE, silent.message()).await.unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::DeadlineExceeded);

    // Who has sent one may be silent for longer than that: another stream times out meanwhile.
    let (reports, receiver) = mpsc::unbounded_channel();
    reports.send(LoadStatsRequest { node: Some(node("a")), cluster_stats: Vec::new() }).unwrap();
    let mut answers =
        lrs.stream_load_stats(UnboundedReceiverStream::new(receiver)).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
    let mut silent = csds.stream_client_status(tokio_stream::pending()).await.unwrap().into_inner();
    assert_eq!(silent.message().await.unwrap_err().code(), Code::DeadlineExceeded);
    reports.send(LoadStatsRequest::default()).unwrap();
    assert!(answers.message().await.unwrap().is_some());
}

#[tokio::test]
async fn load_reports_are_asked_for_and_kept_per_cluster_and_locality() {
    let options =
        ServerOptions { load_report_interval: Some(Duration::from_secs(7)), ..ServerOptions::default() };
    let running = start(clusters(1, 1, 10, b'a'), options).await;
    let address = format!("http://{}", running.address);
    let mut lrs = LoadReportingServiceClient::connect(address).await.unwrap();
    let (requests, receiver) = mpsc::unbounded_channel();
    requests.send(LoadStatsRequest { node: Some(node("a")), cluster_stats: Vec::new() }).unwrap();
    let mut answers =
        lrs.stream_load_stats(UnboundedReceiverStream::new(receiver)).await.unwrap().into_inner();
    let wanted = tokio::time::timeout(PATIENCE, answers.message()).await.unwrap().unwrap().unwrap();
    assert!(wanted.send_all_clusters);
    assert_eq!(wanted.load_reporting_interval.unwrap().seconds, 7);

    let stats = UpstreamLocalityStats {
        locality: Some(Locality { zone: "z".into(), ..Locality::default() }),
        total_issued_requests: 5,
        total_successful_requests: 3,
        total_error_requests: 1,
        total_requests_in_progress: 1,
        ..UpstreamLocalityStats::default()
    };
    let cluster = ClusterStats {
        cluster_name: "c".into(),
        upstream_locality_stats: vec![stats],
        ..ClusterStats::default()
    };
    requests.send(LoadStatsRequest { node: None, cluster_stats: vec![cluster] }).unwrap();
    let loads = running.server.sessions().loads();
    running.until("the report", |_| loads.reports() == 2).await;
    let kept: Vec<_> = loads.snapshot().into_iter().collect();
    let [((cluster, locality), load)] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!((&**cluster, &*locality.zone), ("c", "z"));
    assert_eq!(*load, Load { issued: 5, successful: 3, errors: 1, in_progress: 1 });
    drop((requests, answers));
    running.until("the end", |_| loads.clients() == 0).await;
    assert_eq!(loads.snapshot().into_values().next().unwrap().in_progress, 0);
}

#[tokio::test]
async fn load_reports_are_refused_without_an_interval() {
    let options = ServerOptions { load_report_interval: None, ..ServerOptions::default() };
    let running = start(clusters(1, 1, 10, b'a'), options).await;
    let address = format!("http://{}", running.address);
    let mut lrs = LoadReportingServiceClient::connect(address).await.unwrap();
    let refused = lrs.stream_load_stats(tokio_stream::empty()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
