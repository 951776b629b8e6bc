//! Drives a session with arbitrary bytes.
