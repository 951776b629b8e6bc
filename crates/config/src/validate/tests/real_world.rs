//! Objects as people write them, which must pass without a finding.

use super::accept;

#[test]
fn a_bookshop_in_block_style() {
    accept(include_str!("../../../tests/it/objects.yaml"));
}
