//! The server over real sockets.
#![expect(clippy::unwrap_used, reason = "tests fail by panic")]

mod attacks;
mod example;
mod limits;
mod overlay;
mod serve;
mod services;
mod world;
