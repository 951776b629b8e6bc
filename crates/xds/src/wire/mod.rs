//! Responses as bytes: encoded once in shared pieces, completed per session by a short tail.

mod encode;
mod response;
mod runs;

pub(crate) use encode::{
    Part, Turn, delta_parts, delta_parts_of_runs, turned_parts, whole_state, whole_state_of_runs,
};
pub(crate) use response::version_text;
pub use response::{Nonce, Response};
pub(crate) use runs::Carried;
pub use runs::Runs;
