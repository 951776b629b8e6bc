//! Arbitrary bytes as requests on a new stream, of either variant: read, and answered by a session.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlead_xds::fuzzing::fuzz_request(data));
