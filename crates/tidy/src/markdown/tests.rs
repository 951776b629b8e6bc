use super::*;

const PAGE: &str = "\
# Top
## Crates
words
| crate | depends on |
|---|---|
| `a` | – |
| `b` | a \\| c |

## Other: what, why?
| x |
|---|
| `y` |
```sh
# not a heading
[no](nowhere.md)
```
See [one](one.md), [two](../two.md#its-part), [out](https://example.com/a.md), `[code](code.md)` and [here](#crates).
";

#[test]
fn the_first_table_below_a_heading_is_read() {
    assert_eq!(table(PAGE, "## Crates"), [["`a`", "–"], ["`b`", "a | c"]]);
    assert!(table(PAGE, "## Absent").is_empty());
}

#[test]
fn a_table_below_the_next_heading_is_not_read() {
    assert!(table("## A\nwords\n## B\n| x |\n|---|\n| y |\n", "## A").is_empty());
}

#[test]
fn headings_in_fenced_blocks_do_not_count() {
    assert_eq!(anchors(PAGE), ["top", "crates", "other-what-why"]);
}

#[test]
fn only_local_links_in_prose_are_found() {
    let links: Vec<_> = local_links(PAGE).into_iter().map(|link| (link.target, link.anchor)).collect();
    let expected = [("one.md", None), ("../two.md", Some("its-part")), ("", Some("crates"))];
    assert_eq!(links, expected.map(|(target, anchor)| (target.to_owned(), anchor.map(str::to_owned))));
}

#[test]
fn words_in_backticks_are_found() {
    assert_eq!(code_words("`a`, `b` and c"), ["a", "b"]);
}
