//! The order of competing objects: oldest first.

use std::cmp::Ordering;

use fairlead_config::{ConfigKey, Timestamp};

/// Orders by creation time, then by name, then by namespace. Objects of unknown age count as the oldest, as in
/// Istio, whose zero time comes first.
///
/// Mirrors istio pilot/pkg/model/config.go (sortConfigByCreationComparator).
pub(crate) fn compare(
    left: (Option<Timestamp>, &ConfigKey),
    right: (Option<Timestamp>, &ConfigKey),
) -> Ordering {
    let ((left_created, left), (right_created, right)) = (left, right);
    (left_created, &left.name, &left.namespace).cmp(&(right_created, &right.name, &right.namespace))
}

/// Why an object precedes another, as the words that follow its name.
///
/// Objects read from files rarely have a `creationTimestamp`; their age is then unknown.
pub(crate) fn reason(first: Option<Timestamp>, second: Option<Timestamp>) -> &'static str {
    match (first, second) {
        (Some(first), Some(second)) if first < second => "is older",
        (None, Some(_)) => "has no creationTimestamp, which counts as older,",
        _ => "comes first by name",
    }
}
