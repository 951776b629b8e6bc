//! Liveness, readiness and metrics.

use super::state::{Problem, State};
use crate::{core::Readiness, metrics::Form, version::Version};
use axum::{
    Json,
    extract::State as Extract,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

pub(super) async fn ready(Extract(state): Extract<State>) -> Response {
    match &*state.core.readiness().borrow() {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::Waiting => unavailable("the first configuration is not there yet"),
        Readiness::Failed(message) => unavailable(format!("the core has failed: {message}")),
    }
}

pub(super) async fn healthz(Extract(state): Extract<State>) -> Response {
    match &*state.core.readiness().borrow() {
        Readiness::Failed(message) => unavailable(format!("the core has failed: {message}")),
        Readiness::Waiting | Readiness::Ready => "ok\n".into_response(),
    }
}

fn unavailable(message: impl Into<String>) -> Response {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, message).into_response()
}

pub(super) async fn metrics(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let form = Form::wanted(accept);
    ([(header::CONTENT_TYPE, form.media_type())], state.metrics.text(form)).into_response()
}

pub(super) async fn version() -> Json<Version> {
    Json(Version::own())
}
