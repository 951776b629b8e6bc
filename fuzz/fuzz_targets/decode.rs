//! Arbitrary bytes as a file of configuration: decoded, validated, and never a panic or a loop without bound.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fairlead_config::fuzz_decode(data));
