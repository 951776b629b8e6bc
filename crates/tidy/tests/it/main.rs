//! The rules: one named test each. A failure lists what was found and says what to do.

mod circles;
mod docs;
mod history;
mod layering;
mod sources;
mod status;
