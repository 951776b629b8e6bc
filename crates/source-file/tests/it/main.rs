//! A real directory and what is done to it.

mod fs_events;
