use super::*;

fn program(pattern: &str) -> u32 {
    parse(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}")).program
}

/// Envoy 1.40 says the same numbers, but where a remark says otherwise.
#[test]
fn programs_are_as_large_as_in_envoy() {
    let measured = [
        ("", 5), // In Envoy 4: nothing is counted as one thing here.
        ("a", 5),
        ("é", 6),
        ("a|b", 6), // In Envoy 5: it makes one class of both.
        (".", 6),
        ("(?s).", 5),
        ("[^/]", 6),
        (r"\d", 5),
        (r"\W", 9),
        (r"\pL", 11),
        (r"\PL", 12),
        (r"\p{Greek}", 5), // In Envoy 1: nothing that is needed can match.
        (r"(?i)[^k]", 7),
        ("[а-я]", 6),
        ("(?i)k", 5),
        ("a*", 6), // In Envoy 5: what comes after is no branch of its own.
        ("a{3,5}", 11),
        ("(a)", 7),
        ("/static/[a-zA-Z0-9._-]{0,60}", 312),
    ];
    for (pattern, size) in measured {
        assert_eq!(program(pattern), size, "{pattern}");
    }
}

#[test]
fn names_of_groups_are_in_order() {
    for names in table::names() {
        assert!(names.is_sorted(), "a search by halves needs it: {names:?}");
        assert!(names.iter().all(|name| table::group(name.as_bytes()).is_some()));
    }
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
        r"\x{100}",
        r"\777",
        r"\é",
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
        "(?P<ê>a)",
        "(?P<n>a)(?P<n>b)",
        "a{1000}",
        "(?:a{25}){40}",
        "a*(?i)*",
        "",
        "(?:(?:a{1000}){1}){0}",
        r"[^\x00-\x{FF}]",
        r"\x{FF}",
        r"\377",
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
}

/// A loop through open groups is no call within a call.
#[test]
fn a_million_open_groups_do_no_harm() {
    let deep = format!("{}a{}", "(?:".repeat(1_000_000), ")".repeat(1_000_000));
    assert_eq!(program(&deep), 5);
    assert_eq!(parse(&"(".repeat(1_000_000)), Err(Fault::OpenGroup));
}

/// What an expression is refused for may be cut within a character, and is shown all the same.
#[test]
fn faults_are_texts() {
    let say = |pattern| parse(pattern).unwrap_err().to_string();
    assert_eq!(say("[é-a]"), "the range `\u{FFFD}-a` runs backwards");
    assert_eq!(say(r"\u0041"), r"`\u` has no meaning");
    assert_eq!(say(r"(a)\1"), r"back-references such as `\1` are not supported");
    assert_eq!(say("a{2}{3}?"), "`{3}?` repeats a repetition");
    assert_eq!(
        say("(?:a{40}){40}"),
        "`{40}` repeats more than 1000 times, alone or with the repetitions in it"
    );
    assert_eq!(say("(?P<a.b>a)"), "`(?P<a.b>` does not name a group");
    assert_eq!(say("[[:foo:]]"), "`[:foo:]` is not a character class");
}
