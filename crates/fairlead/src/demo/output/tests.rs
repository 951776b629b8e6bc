use std::time::Duration;

use super::{Look, Output, time};

fn output(coloured: bool, width: Option<usize>) -> Output {
    Output { coloured, width }
}

#[test]
fn lines_are_broken_between_words_at_the_width_of_the_terminal() {
    let told = "  ✓ told at /tmp/a-path-that-is-never-broken-in-two.yaml:10:15; 50 of 50 requests answered as before";
    let said = output(false, Some(40)).wrapped("", told, 4);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "  ✓ told at",
            "    /tmp/a-path-that-is-never-broken-in-two.yaml:10:15;",
            "    50 of 50 requests answered as before"
        ]
    );
}

#[test]
fn colours_take_no_room() {
    let out = output(true, Some(12));
    assert_eq!(out.wrapped("", &out.paint(Look::Bad, "twelve chars"), 0), "\x1b[1;31mtwelve chars\x1b[0m");
}

#[test]
fn what_is_not_a_terminal_gets_whole_lines() {
    let text = "  many words ".repeat(40);
    assert_eq!(output(false, None).wrapped("", &text, 2), text);
}

#[test]
fn without_colours_there_is_no_escape() {
    let out = output(false, None);
    assert_eq!(out.paint(Look::Bad, "no"), "no");
    assert_eq!(out.mark(true), "✓");
    assert!(output(true, None).mark(true).contains('\x1b'));
}

#[test]
fn times_are_said_in_milliseconds_below_a_second() {
    assert_eq!(time(Duration::from_millis(999)), "999 ms");
    assert_eq!(time(Duration::from_millis(4_240)), "4.2 s");
}
