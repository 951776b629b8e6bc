//! Bounds of durations.

use std::time::Duration;

use fairlead_api::ProtoDuration;

use crate::{Code, Diagnostics, FieldPath};

/// Checks that a duration, if there is one, is at least a millisecond and precise to it.
pub(super) fn check(value: Option<ProtoDuration>, path: FieldPath, found: &mut Diagnostics) {
    let Some(value) = value else { return };
    if value.0 < Duration::from_millis(1) {
        let text = format!("{value} is shorter than 1ms");
        found.error(Code::DurationOutOfRange, path, text).help("write 1ms or more, or leave the field out");
    } else if value.0.subsec_nanos() % 1_000_000 != 0 {
        let text = format!("{value} is not a whole number of milliseconds");
        found.error(Code::DurationOutOfRange, path, text).help("round it to milliseconds");
    }
}
