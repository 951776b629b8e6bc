use std::time::Duration;

use super::{Look, Output, time};

#[test]
fn without_colours_there_is_no_escape() {
    let out = Output { coloured: false };
    assert_eq!(out.paint(Look::Bad, "no"), "no");
    assert_eq!(out.mark(true), "✓");
    assert!(Output { coloured: true }.mark(true).contains('\x1b'));
}

#[test]
fn times_are_said_in_milliseconds_below_a_second() {
    assert_eq!(time(Duration::from_millis(999)), "999 ms");
    assert_eq!(time(Duration::from_millis(4_240)), "4.2 s");
}
