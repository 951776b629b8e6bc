//! Values in several parts of an HTTP route.

use std::{sync::Arc, time::Duration};

use fairlead_config::api::{self, ProtoDuration};

/// The duration, unless it is absent or zero.
pub(super) fn positive(duration: Option<ProtoDuration>) -> Option<Duration> {
    duration.map(|duration| duration.0).filter(|duration| !duration.is_zero())
}

/// The status of a response.
pub(super) fn status(status: impl TryInto<u16>) -> u16 {
    status.try_into().ok().expect("validation refuses what is not the status of a response")
}

/// The percentage; a block without a value is 0, as in Istio's protobuf.
pub(super) fn percent_value(percent: &api::Percent) -> f64 {
    percent.value.unwrap_or(0.0)
}

pub(super) fn texts(list: &[String]) -> Vec<Arc<str>> {
    list.iter().map(|text| text.as_str().into()).collect()
}
