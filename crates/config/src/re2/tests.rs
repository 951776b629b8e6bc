use super::*;

fn program(pattern: &str) -> u32 {
    parse(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}")).program
}

/// RE2 of 2025-11-05 has as many, but where a remark says otherwise.
#[test]
fn programs_are_as_large_as_in_re2() {
    let measured = [
        ("", 5), // RE2 has 4: nothing is counted as one thing here.
        ("a", 5),
        ("é", 6),
        ("a|b", 6), // RE2 has 5: it makes one class of both.
        (".", 12),
        ("(?s).", 11),
        ("[^/]", 12),
        (r"\d", 5),
        (r"\W", 15),
        (r"\pL", 1200),
        (r"\PL", 1202),
        (r"\p{Greek}", 66),
        (r"\p{Han}", 84),
        (r"(?i)\p{Lu}", 328),
        (r"[\pL\pN]", 1346),
        ("(?i)a", 5),
        ("(?i)k", 8),
        ("a*", 6), // RE2 has 5: what comes after is no branch of its own.
        ("a{3,5}", 11),
        ("(a)", 7),
        (".{1000}", 8004),
        ("/static/[a-zA-Z0-9._-]{0,60}", 312),
    ];
    for (pattern, size) in measured {
        assert_eq!(program(pattern), size, "{pattern}");
    }
}

/// Nothing says that a group of Unicode's is unknown to the library that the tables are from.
#[test]
fn every_group_of_characters_has_characters() {
    for name in table::names() {
        let ranges = table::group(name).unwrap();
        assert!(!ranges.is_empty(), "{name}");
        assert!(ranges.is_sorted_by(|(_, high), (low, _)| high < low), "{name}");
    }
    assert_eq!(table::group("Cn"), None);
    assert_eq!(table::group("Letter"), None);
}

#[test]
fn groups_that_capture_are_counted() {
    let groups = |pattern| parse(pattern).unwrap().groups;
    assert_eq!(groups("/a/(.*)"), 1);
    assert_eq!(groups("(?:a)(b(?P<n>c))(?<m>d)"), 3);
    assert_eq!(groups(r"\((?i)[(]\Q(\E"), 0);
    assert_eq!(groups("(a){0}"), 1);
}

/// What the `regex` crate takes and RE2 does not; found by an attack that took whole hosts down.
#[test]
fn what_only_other_engines_take_is_refused() {
    for pattern in [
        r"\pl",
        r"\p{greek}",
        r"\p{Letter}",
        r"\p{Script=Greek}",
        "a?*",
        "a**",
        "a{2}{2}",
        "(?:a{40}){40}",
        "((a{10}){10}){11}",
        r"\u0041",
        r"\U00000041",
        r"\x{110000}",
        "(?P<a.b>a)",
        "(?x)a",
        "(?u)a",
        "(?R)a",
        "(?=a)",
        "(?<!a)",
        r"(a)\1",
        "a{1001}",
        "a{2,1}",
        "[z-a]",
        r"[a-\d]",
        "[[:foo:]]",
        "(",
        "a)",
        "*",
        "a|*",
        r"\",
        r"\8",
        "[]",
    ] {
        assert!(parse(pattern).is_err(), "{pattern}");
    }
}

/// What RE2 takes and the `regex` crate does not, or in another meaning.
#[test]
fn what_re2_takes_is_taken() {
    for pattern in [
        "{",
        "a{",
        "a{,5}",
        "a{01}",
        "}",
        "]",
        "[[]",
        "[]a]",
        "[^]a]",
        "[a&&b]",
        "[[=a=]]",
        "[[:alpha]",
        r"\Q.*[\E",
        r"\Qa",
        r"a\Q\E*",
        r"\_",
        r"\-",
        r"\/",
        r"\01",
        r"\12",
        r"\x{41}",
        r"\C",
        r"[\d-z]",
        "^*",
        r"\b+",
        "()*",
        "(|a)+",
        "(?i)(?-i)",
        "(?i-s:a)",
        "(?)",
        "(?P<é>a)",
        "(?P<n>a)(?P<n>b)",
        "a{1000}",
        "(?:a{25}){40}",
        "a*(?i)*",
        "",
        "(?:(?:a{1000}){1}){0}",
        r"[^\x00-\x{10FFFF}]",
        r"\x{D800}",
        r"\<",
        r"\b{start}",
    ] {
        assert!(parse(pattern).is_ok(), "{pattern}: {:?}", parse(pattern));
    }
}

#[test]
fn programs_beyond_the_limit_are_refused() {
    assert_eq!(program("(?:abcdefghijklmnopqrstuvwxyzabcdef){1000}"), 32_004);
    assert_eq!(parse("(?:abcdefghijklmnopqrstuvwxyzabcdefg){1000}"), Err(Fault::TooLarge));
    assert_eq!(parse(r"\pL{100}"), Err(Fault::TooLarge));
}

/// Nothing is compiled, and the tables of classes are not read without end: an answer takes milliseconds.
#[test]
fn what_an_expression_takes_to_read_is_bounded() {
    let most = 150_000;
    for piece in
        [r"[\pL\PL]", r"(?i)\pL", r"(?i)[^\pL]", r"(?i:[\x{0}-\x{10FFFF}])", "a{40}", "((", "[a", r"\Q("]
    {
        let pattern = piece.repeat(1024 / piece.len());
        let (_, cost) = measure(&pattern);
        assert!(cost <= most, "{piece}: {cost}");
    }
    let deep = format!("{}a{}", "(?:".repeat(1_000_000), ")".repeat(1_000_000));
    assert_eq!(program(&deep), 5, "no recursion");
}
