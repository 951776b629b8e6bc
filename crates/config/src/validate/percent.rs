//! Shares in percent.

use fairlead_api::Percent;

use crate::{Code, Diagnostics, FieldPath};

/// Checks a share.
pub(super) fn check(value: Option<&Percent>, path: &FieldPath, found: &mut Diagnostics) {
    let Some(value) = value.and_then(|percent| percent.value) else { return };
    if !(0.0..=100.0).contains(&value) {
        let text = format!("{value} is not a percentage");
        found.error(Code::BadPercent, path.clone().field("value"), text).help("write a number from 0 to 100");
    }
}

pub(super) fn whole(value: i64, path: FieldPath, found: &mut Diagnostics) {
    if !(0..=100).contains(&value) {
        let text = format!("{value} is not a percentage");
        found.error(Code::BadPercent, path, text).help("write a number from 0 to 100");
    }
}
