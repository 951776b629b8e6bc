//! Arbitrary bytes as a message of Envoy: put together from its parts it is the same, byte for byte and every time.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlead_envoy::fuzzing::fuzz_fragment(data));
