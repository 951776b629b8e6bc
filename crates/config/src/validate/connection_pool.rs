//! Rules for `ConnectionPoolSettings`.

use fairlead_api::{ConnectionPoolSettings, H2UpgradePolicy, HttpSettings, TcpSettings};

use crate::{Code, Diagnostics, FieldPath};

use super::duration;

pub(super) fn check(settings: &ConnectionPoolSettings, path: &FieldPath, found: &mut Diagnostics) {
    if settings.tcp.is_none() && settings.http.is_none() {
        let text = "the connection pool is empty";
        found.error(Code::EmptyValue, path.clone(), text).help("remove it, or write `tcp` or `http`");
    }
    if let Some(tcp) = &settings.tcp {
        check_tcp(tcp, &path.clone().field("tcp"), found);
    }
    if let Some(http) = &settings.http {
        check_http(http, &path.clone().field("http"), found);
    }
}

fn check_tcp(tcp: &TcpSettings, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    not_negative(tcp.max_connections, at("maxConnections"), found);
    duration::check(tcp.connect_timeout, at("connectTimeout"), found);
    duration::check(tcp.max_connection_duration, at("maxConnectionDuration"), found);
    if let Some(keepalive) = &tcp.tcp_keepalive {
        duration::check(keepalive.time, at("tcpKeepalive").field("time"), found);
        duration::check(keepalive.interval, at("tcpKeepalive").field("interval"), found);
    }
}

fn check_http(http: &HttpSettings, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    for (field, value) in [
        ("http1MaxPendingRequests", http.http1_max_pending_requests),
        ("http2MaxRequests", http.http2_max_requests),
        ("maxRequestsPerConnection", http.max_requests_per_connection),
        ("maxRetries", http.max_retries),
        ("maxConcurrentStreams", http.max_concurrent_streams),
    ] {
        not_negative(value, at(field), found);
    }
    duration::check(http.idle_timeout, at("idleTimeout"), found);
    if let Some(keepalive) = &http.http2_keep_alive {
        duration::check(keepalive.interval, at("http2KeepAlive").field("interval"), found);
        duration::check(keepalive.timeout, at("http2KeepAlive").field("timeout"), found);
    }
    if http.use_client_protocol == Some(true) && http.h2_upgrade_policy == Some(H2UpgradePolicy::Upgrade) {
        let text = "`useClientProtocol` and the upgrade to HTTP/2 exclude each other";
        found.error(Code::MutuallyExclusive, at("useClientProtocol"), text).help("keep one of them");
    }
}

fn not_negative(value: Option<i32>, path: FieldPath, found: &mut Diagnostics) {
    if let Some(value) = value.filter(|value| *value < 0) {
        let text = format!("{value} is negative");
        found.error(Code::BadConnectionPool, path, text).help("write 0 or leave the field out for no limit");
    }
}
