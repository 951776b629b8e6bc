//! Administration over HTTP: health, metrics and what the control plane holds.
//!
//! Debug endpoints never block the core: they take clones from it between two of its steps and format them here. Beyond
//! loopback only health, version and metrics are served, as clients are not authenticated.

mod debug;
mod health;
mod index;
mod listener;
mod load;
mod proxies;
mod state;
mod sync;

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{resolver::is_loopback, telemetry};

pub use debug::diagnostic_json;
pub use index::encoded;
use index::{DEBUG, Endpoint, endpoints};
use listener::{Bounded, RemoteAddress};
pub use proxies::{choose, full_name};
use state::Problem;
pub(crate) use state::State;
pub use sync::{HeldBack, ProxyStatus, TypeState, TypeSync};

/// Maximum time for clients to read their answers at shutdown.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Serves until `stop`.
pub(crate) async fn serve(listener: TcpListener, state: State, stop: CancellationToken) {
    let listener = Bounded::new(listener, &state.settings.admin);
    let app = router(state).into_make_service_with_connect_info::<RemoteAddress>();
    let served = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    let ended = tokio::select! {
        ended = served.into_future() => ended,
        // A reader that never finishes must not hold up the shutdown.
        () = drained => return,
    };
    if let Err(error) = ended {
        telemetry::server_failed("admin", &error);
    }
}

fn router(state: State) -> Router {
    let (debug, open): (Vec<_>, Vec<_>) =
        endpoints().into_iter().partition(|endpoint| endpoint.path.starts_with(DEBUG));
    let routes = |endpoints: Vec<Endpoint>| {
        endpoints
            .into_iter()
            .fold(Router::new(), |router, endpoint| router.route(endpoint.path, (endpoint.answers)()))
    };
    let debug = routes(debug).layer(middleware::from_fn(only_this_machine));
    routes(open).merge(debug).fallback(unknown).with_state(state)
}

async fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no such endpoint; /debug lists them")
}

/// Refuses peers on other machines, and browsers that were led here by another site's name (DNS rebinding).
async fn only_this_machine(
    ConnectInfo(RemoteAddress(peer)): ConnectInfo<RemoteAddress>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if !is_loopback(peer.ip()) {
        return Problem::new(StatusCode::FORBIDDEN, "debug endpoints answer to this machine only")
            .into_response();
    }
    if host.is_some_and(|host| !is_local_name(host)) {
        return Problem::new(StatusCode::FORBIDDEN, "debug endpoints answer under a loopback name only")
            .into_response();
    }
    next.run(request).await
}

/// Whether the host of a request is an IP address or `localhost`, and not a name from someone's DNS.
fn is_local_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests;
