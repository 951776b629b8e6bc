//! The state of the handlers, and their error responses.

use std::sync::Arc;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fairlead_xds::server::Sessions;
use serde_json::json;

use crate::{
    core::{CoreGone, CoreHandle},
    metrics::Metrics,
    settings::Settings,
    telemetry::LogLevels,
};

/// The state of the handlers.
#[derive(Clone)]
pub(crate) struct State {
    pub(super) core: CoreHandle,
    pub(super) sessions: Sessions,
    pub(super) metrics: Arc<Metrics>,
    pub(super) settings: Arc<Settings>,
    pub(super) log: Option<Arc<dyn LogLevels>>,
}

impl State {
    pub(crate) fn new(
        core: CoreHandle,
        sessions: Sessions,
        metrics: Arc<Metrics>,
        settings: Settings,
        log: Option<Arc<dyn LogLevels>>,
    ) -> Self {
        Self { core, sessions, metrics, settings: Arc::new(settings), log }
    }
}

/// An error response.
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl From<CoreGone> for Problem {
    fn from(gone: CoreGone) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, gone.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.message }))).into_response()
    }
}
