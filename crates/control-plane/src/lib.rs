//! The core loop of Fairlead: changes in, publications out; and its administration over HTTP.

pub mod debounce;
pub mod settings;
