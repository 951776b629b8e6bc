//! Arbitrary bytes as a script of requests and publications against a session, whose invariants hold throughout.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlead_xds::fuzzing::fuzz_session(data));
