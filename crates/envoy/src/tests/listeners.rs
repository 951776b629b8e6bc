use std::time::Duration;

use envoy_types::pb::envoy::{
    config::core::v3::{Http1ProtocolOptions, TrafficDirection},
    extensions::filters::{
        http::grpc_stats::v3::{FilterConfig, filter_config::PerMethodStatSpecifier},
        network::http_connection_manager::v3::http_connection_manager::{
            ForwardClientCertDetails, PathWithEscapedSlashesAction, SetCurrentClientCertDetails,
        },
    },
};

use super::golden::check_messages;
use crate::{
    IntoProto, access_log,
    address::{address, cidr_range},
    cluster::protocol::{CommonHttp, common_options},
    http::{Routes, filter, http_connection_manager},
    listener::{
        TransportProtocol, filter_chain,
        inspect::{
            disabled_on_ports, enabled_only_on_ports, http_inspector, original_dst, original_src,
            proxy_protocol, tls_inspector,
        },
        listener,
    },
    metadata::{filter_metadata, string_struct},
    route::{Action, PathMatch, route, route_configuration, route_match, virtual_host},
    tcp::{TcpUpstream, tcp_proxy, tcp_proxy_filter},
    tls::raw_buffer,
};

fn to_cluster(name: &str) -> TcpUpstream {
    TcpUpstream::Cluster(name.to_owned())
}

#[test]
fn a_listener_that_intercepts() {
    let weighted = TcpUpstream::Weighted(vec![("a".to_owned(), 90), ("b".to_owned(), 10)]);
    let mut weighted = tcp_proxy("weighted", weighted);
    weighted.idle_timeout = Some(Duration::from_secs(60).into_proto());
    weighted.access_log.push(access_log::file("/dev/stdout", None));
    let listener = listener("outbound", address("0.0.0.0", 15001))
        .additional_address(address("::", 15001))
        .use_original_dst()
        .traffic_direction(TrafficDirection::Outbound)
        .filter_chain(
            filter_chain()
                .name("loop")
                .destination_port(15001)
                .filter(tcp_proxy_filter(&tcp_proxy("hole", to_cluster("hole"))))
                .build(),
        )
        .filter_chain(
            filter_chain()
                .name("range")
                .prefix_ranges([
                    cidr_range("10.0.0.0".parse().unwrap(), 8),
                    cidr_range("fd00::1".parse().unwrap(), 128),
                ])
                .server_names(["a.example.com", "*.example.org"])
                .transport_protocol(TransportProtocol::Tls)
                .application_protocols(["h2"])
                .filters([tcp_proxy_filter(&weighted)])
                .transport_socket(raw_buffer())
                .transport_socket_connect_timeout(Duration::from_secs(15))
                .metadata(filter_metadata([("ns", string_struct([("k", "v")]))]))
                .build(),
        )
        .default_filter_chain(
            filter_chain().filter(tcp_proxy_filter(&tcp_proxy("pass", to_cluster("pass")))).build(),
        )
        .build();
    check_messages("listener-intercepting", &[listener]);
}

#[test]
fn a_listener_that_inspects() {
    let listener = listener("inbound", address("0.0.0.0", 15006))
        .bind_to_port(true)
        .transparent()
        .traffic_direction(TrafficDirection::Inbound)
        .listener_filter(original_dst())
        .listener_filter(original_src(1337))
        .listener_filter(proxy_protocol())
        .listener_filter(disabled_on_ports(tls_inspector(), &[3306]))
        .listener_filter(disabled_on_ports(http_inspector(), &[25, 3306]))
        .listener_filter(enabled_only_on_ports(http_inspector(), &[80]))
        .listener_filter(enabled_only_on_ports(http_inspector(), &[]))
        .listener_filter(disabled_on_ports(http_inspector(), &[]))
        .listener_filters_timeout(Duration::ZERO, true)
        .metadata(filter_metadata([("ns", string_struct([("k", "v")]))]))
        .with(|listener| {
            let format = access_log::Format::Json(string_struct([("code", "%RESPONSE_CODE%")]));
            listener.access_log = vec![access_log::file("/dev/stdout", Some(format))];
            listener.per_connection_buffer_limit_bytes = Some(32_768_u32.into_proto());
            listener.stat_prefix = "in".to_owned();
        })
        .filter_chain(filter_chain().filter(tcp_proxy_filter(&tcp_proxy("pass", to_cluster("pass")))).build())
        .build();
    check_messages("listener-inspecting", &[listener]);
}

#[test]
fn connection_managers() {
    let grpc_stats = FilterConfig {
        emit_filter_state: true,
        per_method_stat_specifier: Some(PerMethodStatSpecifier::StatsForAllMethods(false.into_proto())),
        ..FilterConfig::default()
    };
    let grpc_stats = filter::http_filter("envoy.filters.http.grpc_stats", &grpc_stats);
    let by_rds = http_connection_manager("rds", Routes::Rds("80".to_owned()))
        .filters([filter::grpc_web(), grpc_stats, filter::fault(), filter::cors()])
        .filter(filter::router())
        .access_log(access_log::file("/tmp/a", Some(access_log::Format::Text("%PROTOCOL%\n".to_owned()))))
        .upgrade("websocket")
        .stream_idle_timeout(Duration::ZERO)
        .use_remote_address(true)
        .normalize_path(true)
        .forward_client_cert(
            ForwardClientCertDetails::SanitizeSet,
            Some(SetCurrentClientCertDetails {
                subject: Some(true.into_proto()),
                uri: true,
                ..Default::default()
            }),
        )
        .proxy_100_continue()
        .server_name("server")
        .with(|manager| {
            let idle_timeout = Some(Duration::from_secs(60));
            let common = common_options(CommonHttp { idle_timeout, ..CommonHttp::default() });
            manager.common_http_protocol_options = Some(common);
            manager.xff_num_trusted_hops = 1;
            manager.merge_slashes = true;
            manager.set_path_with_escaped_slashes_action(PathWithEscapedSlashesAction::KeepUnchanged);
            manager.http_protocol_options =
                Some(Http1ProtocolOptions { accept_http_10: true, ..Http1ProtocolOptions::default() });
            manager.via = "via".to_owned();
        })
        .build();
    let not_found = Action::DirectResponse { status: 404, body: None };
    let routes = [route("", route_match(PathMatch::Prefix("/".to_owned())), not_found)];
    let table = route_configuration("inline", [virtual_host("all", ["*"], routes)]);
    let inline = http_connection_manager("inline", Routes::Inline(Box::new(table))).filter(filter::router());
    check_messages("http-connection-managers", &[by_rds, inline.build()]);
}
