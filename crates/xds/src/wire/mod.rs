//! Responses as bytes: encoded once in shared pieces, completed per session by a short tail.

mod encode;
mod response;
mod runs;

pub(crate) use encode::{
    EncodedResponse, EpochView, delta_responses, delta_responses_in_epochs, delta_responses_of_runs,
    whole_state, whole_state_of_runs,
};
pub(crate) use response::version_text;
pub use response::{Nonce, Response};
pub use runs::Runs;
pub(crate) use runs::SentVersions;
