use super::*;

#[test]
fn what_a_terminal_obeys_is_escaped() {
    assert_eq!(printable("reviews.default – ok"), "reviews.default – ok");
    assert_eq!(printable("a\nERROR all is lost\r\t"), r"a\nERROR all is lost\r\t");
    assert_eq!(printable("\u{1b}[31mred\u{7}\u{9b}2J\u{7f}"), r"\u{1b}[31mred\u{7}\u{9b}2J\u{7f}");
    assert_eq!(printable("user\u{202e}gpj.exe"), r"user\u{202e}gpj.exe");
}

#[test]
fn what_is_long_is_cut_at_a_character() {
    for long in ["x".repeat(60 << 20), "ü".repeat(5000), "\n".repeat(5000), format!("x{}", "ü".repeat(5000))]
    {
        let shown = printable(&long);
        assert!(shown.len() <= MOST_BYTES + '…'.len_utf8() && shown.ends_with('…'), "{}", shown.len());
    }
    let just = "x".repeat(MOST_BYTES);
    assert_eq!(printable(&just), just);
}

#[test]
fn texts_that_come_in_pieces_are_cut_as_one() {
    let mut shown = String::new();
    let mut printing = Printing::new(&mut shown);
    for _ in 0..MOST_BYTES {
        writeln!(printing, "a").unwrap();
    }
    assert_eq!(shown.matches('…').count(), 1);
    assert!(shown.len() <= MOST_BYTES + '…'.len_utf8(), "{}", shown.len());
}
