//! The server over real sockets.

mod limits;
mod serve;
mod world;
