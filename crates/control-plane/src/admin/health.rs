//! Whether it lives, whether it serves, how it does.

use super::{Problem, State};
use crate::{core::Readiness, metrics::Form, version::Version};
use axum::{
    Json,
    extract::State as Extract,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

pub(super) async fn ready(Extract(state): Extract<State>) -> Response {
    let readiness = state.core.readiness().borrow().clone();
    match readiness {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::Waiting => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the first configuration is not there yet")
                .into_response()
        }
        Readiness::Failed(message) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("the core has failed: {message}"))
                .into_response()
        }
    }
}

pub(super) async fn healthz(Extract(state): Extract<State>) -> Response {
    let readiness = state.core.readiness().borrow().clone();
    match readiness {
        Readiness::Failed(message) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("the core has failed: {message}"))
                .into_response()
        }
        Readiness::Waiting | Readiness::Ready => "ok\n".into_response(),
    }
}

pub(super) async fn metrics(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let form = Form::wanted(accept);
    ([(header::CONTENT_TYPE, form.media_type())], state.metrics.text(form)).into_response()
}

pub(super) async fn version() -> Json<Version> {
    Json(Version::own())
}
