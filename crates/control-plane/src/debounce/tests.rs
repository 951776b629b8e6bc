use std::time::{Duration, Instant};

use super::Debounce;

const MS: Duration = Duration::from_millis(1);

fn debounce() -> (Debounce, Instant) {
    (Debounce::new(10 * MS, 1000 * MS), Instant::now())
}

#[test]
fn nothing_is_due_without_a_change() {
    let (debounce, _) = debounce();
    assert_eq!(debounce.due(), None);
}

#[test]
fn a_lone_change_waits_the_shortest_time() {
    let (mut debounce, start) = debounce();
    debounce.changed(start);
    assert_eq!(debounce.due(), Some(start + 10 * MS));
}

#[test]
fn a_change_right_after_an_expensive_round_waits_ten_times_its_cost() {
    let (mut debounce, start) = debounce();
    debounce.changed(start);
    debounce.applied(start, start + 30 * MS);
    debounce.changed(start + 40 * MS);
    assert_eq!(debounce.due(), Some(start + 340 * MS));
}

#[test]
fn a_change_long_after_an_expensive_round_is_a_lone_change() {
    let (mut debounce, start) = debounce();
    debounce.changed(start);
    debounce.applied(start, start + 30 * MS);
    debounce.changed(start + 400 * MS);
    assert_eq!(debounce.due(), Some(start + 410 * MS));
}

#[test]
fn a_storm_cannot_put_off_the_first_change_beyond_the_longest_time() {
    let (mut debounce, start) = debounce();
    debounce.changed(start);
    debounce.applied(start, start + 500 * MS);
    let storm = start + 600 * MS;
    for i in 0..2000 {
        debounce.changed(storm + i * MS);
    }
    assert_eq!(debounce.due(), Some(storm + 1000 * MS));
}
