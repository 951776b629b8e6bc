//! Responses as bytes: encoded once in shared pieces, completed per session by a short tail.

mod encode;
mod response;

pub(crate) use encode::{Part, Turn, delta_parts, turned_parts, whole_state};
pub(crate) use response::version_text;
pub use response::{Nonce, Response};
