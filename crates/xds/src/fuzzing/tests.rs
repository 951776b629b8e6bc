use proptest::prelude::*;

use super::fuzz_session;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_a_client_sends_breaks_a_session(data in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_session(&data);
    }
}
