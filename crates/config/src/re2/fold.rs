//! Characters that differ in case only (Unicode's simple case folding).

use std::sync::OnceLock;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::table;

/// The characters that differ from this one in case only.
pub(super) fn others(rune: u32) -> impl Iterator<Item = u32> {
    others_of_range(rune, rune)
}

/// The characters that differ in case only from one in the range.
pub(super) fn others_of_range(low: u32, high: u32) -> impl Iterator<Item = u32> {
    let pairs = pairs();
    let begin = pairs.partition_point(|(rune, _)| *rune < low);
    pairs[begin..].iter().take_while(move |(rune, _)| *rune <= high).map(|(_, other)| *other)
}

/// Each character that has others, with each of them; in order.
fn pairs() -> &'static [(u32, u32)] {
    static PAIRS: OnceLock<Vec<(u32, u32)>> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let cased = table::ranges_of(r"[\p{Changes_When_Casemapped}&&\p{Age=15.1}]");
        let is_cased = |rune: u32| cased.iter().any(|(low, high)| (*low..=*high).contains(&rune));
        let runes = cased.iter().flat_map(|(low, high)| *low..=*high).filter_map(char::from_u32);
        let mut pairs = Vec::new();
        for rune in runes {
            let mut orbit = ClassUnicode::new([ClassUnicodeRange::new(rune, rune)]);
            orbit.case_fold_simple();
            let orbit = orbit.iter().flat_map(|range| range.start()..=range.end());
            pairs.extend(
                orbit
                    .filter(|other| *other != rune && is_cased(u32::from(*other)))
                    .map(|other| (u32::from(rune), u32::from(other))),
            );
        }
        pairs
    })
}
