use super::*;

fn one(text: &str) -> Node {
    let parsed = parse("f.yaml", text.as_bytes());
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    assert_eq!(parsed.documents.len(), 1, "{text}");
    parsed.documents[0].root.clone()
}

fn meaning(text: &str) -> Meaning {
    let root = one(&format!("v: {text}\n"));
    match &root.get("v").unwrap().value {
        Value::Scalar(scalar) => scalar.meaning,
        other => panic!("{other:?}"),
    }
}

fn faults(text: impl AsRef<[u8]>) -> Vec<String> {
    let parsed = parse("f.yaml", text.as_ref());
    let show = |d: Diagnostic| {
        let at = d.position.unwrap();
        format!("{} {}:{}", d.code.name(), at.line, at.column)
    };
    parsed.diagnostics.into_iter().map(show).collect()
}

#[test]
fn bare_words_of_yaml_1_1_are_booleans() {
    for word in ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"] {
        assert_eq!(meaning(word), Meaning::Bool(true), "{word}");
    }
    for word in ["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"] {
        assert_eq!(meaning(word), Meaning::Bool(false), "{word}");
    }
    for word in ["yEs", "oN", "tRUE", "'yes'", "\"on\"", "|\n  yes", "!!str yes"] {
        assert_eq!(meaning(word), Meaning::Text, "{word}");
    }
}

#[test]
fn null_has_four_spellings() {
    for word in ["", "~", "null", "Null", "NULL"] {
        assert_eq!(meaning(word), Meaning::Null, "{word}");
    }
    assert_eq!(meaning("nULL"), Meaning::Text);
}

#[test]
fn numbers_are_read_as_go_reads_them() {
    for (text, value) in [
        ("80", 80),
        ("+80", 80),
        ("-80", -80),
        ("017", 15),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("-0b11", -3),
        ("1_000", 1000),
        ("18446744073709551615", 18_446_744_073_709_551_615),
        ("0", 0),
    ] {
        assert_eq!(meaning(text), Meaning::Integer(value), "{text}");
    }
    for (text, value) in
        [("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("1E-2", 0.01), ("08", 8.0)]
    {
        assert_eq!(meaning(text), Meaning::Float(value), "{text}");
    }
    assert_eq!(meaning(".inf"), Meaning::Float(f64::INFINITY));
}

#[test]
fn texts_that_only_look_like_numbers_stay_texts() {
    for text in [
        "1.2.3",
        "1.1.1.1",
        "10s",
        "1:30",
        "2024-01-01",
        "2001-12-14T21:59:43Z",
        "1e",
        "0x",
        "0xG",
        "+",
        "-.",
        "1-2",
        "--1",
        "v1",
        "10.0.0.0/8",
    ] {
        assert_eq!(meaning(text), Meaning::Text, "{text}");
    }
}

#[test]
fn values_that_yaml_1_2_reads_otherwise_are_told_apart() {
    for text in ["yes", "n", "on", "017", "1_000", "0b11", "-0x1F", "1_0.5"] {
        assert!(Scalar::bare(text).differs_in_yaml_1_2(), "{text}");
    }
    for text in ["true", "80", "0x1F", "0o17", "1.5", "~", "abc", "2024-01-01", "+5"] {
        assert!(!Scalar::bare(text).differs_in_yaml_1_2(), "{text}");
    }
}

#[test]
fn keys_become_what_kubectl_makes_of_them() {
    let root = one("n: 1\non: 2\n80: 3\n1.0: 4\n'n': 5\n");
    let Value::Map(entries) = &root.value else { panic!() };
    let keys: Vec<_> = entries.iter().map(|e| (&*e.key, e.written_key.as_deref())).collect();
    let expected =
        [("false", Some("n")), ("true", Some("on")), ("80", None), ("1", Some("1.0")), ("n", None)];
    assert_eq!(keys, expected);
}

#[test]
fn positions_count_from_one_across_documents() {
    let parsed = parse("f.yaml", b"# c\na: 1\n---\n\nb:\n  - c: 2\n");
    let b = parsed.documents[1].root.entry("b").unwrap();
    assert_eq!(b.key_position, Position { line: 5, column: 1 });
    let Value::List(items) = &b.value.value else { panic!() };
    let c = items[0].entry("c").unwrap();
    assert_eq!((c.key_position.line, c.key_position.column), (6, 5));
    assert_eq!((c.value.position.line, c.value.position.column), (6, 8));
}

#[test]
fn empty_documents_are_skipped() {
    for text in ["", "---\n", "---\n---\n# only a comment\n---\n", "\n\n", "--- # c\n...\n", "null\n"] {
        let parsed = parse("f", text.as_bytes());
        assert!(parsed.documents.is_empty() && parsed.diagnostics.is_empty(), "{text:?} {parsed:?}");
    }
}

#[test]
fn a_broken_document_leaves_its_neighbours_alone() {
    let parsed = parse("f", b"a: 1\n---\nb: [1\n---\nc: \"open\n---\nd: 4\n");
    assert_eq!(parsed.documents.len(), 2);
    assert_eq!(parsed.broken, 2);
    assert!(parsed.documents[1].root.get("d").is_some());
}

#[test]
fn content_may_follow_the_separator_and_directives_precede_it() {
    let parsed = parse("f", b"%YAML 1.1\n---\na: 1\n--- {b: 2}\n");
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    assert!(parsed.documents[1].root.get("b").is_some());
}

#[test]
fn dashes_inside_a_block_scalar_do_not_separate() {
    let root = one("a: |\n  ---\n  x\n");
    assert_eq!(root.get("a").unwrap().as_str(), Some("---\nx\n"));
}

#[test]
fn windows_line_ends_and_byte_order_marks_are_accepted() {
    let parsed = parse("f", "\u{feff}a: 1\r\n---\r\nb: 2\r\n".as_bytes());
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    assert_eq!(parsed.documents.len(), 2);
}

#[test]
fn json_is_read_with_tabs_and_escapes() {
    let root = one("{\n\t\"a\": \"\\u00e9\\/\\ud83d\\ude00\",\n\t\"b\": [1, true, null]\n}\n");
    assert_eq!(root.get("a").unwrap().as_str(), Some("\u{e9}/\u{1f600}"));
    assert_eq!(root.get("b").unwrap().count(), 4);
}

#[test]
fn anchors_and_merge_keys_are_expanded() {
    let root = one("p: &x {a: 1, b: 2}\nq: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4}]}\n");
    let y = root.get("q").unwrap();
    assert_eq!((y.get("a").is_some(), y.count()), (true, 3));
    let Value::Scalar(b) = &y.get("b").unwrap().value else { panic!() };
    assert_eq!(b.meaning, Meaning::Integer(3));
    assert!(root.get("z").unwrap().get("c").is_some());
}

#[test]
fn faults_have_a_code_and_a_position() {
    let table: &[(&[u8], &str)] = &[
        (b"a: 1\nb: 2\na: 3\n", "duplicate-key 3:1"),
        (b"yes: 1\ntrue: 2\n", "duplicate-key 2:1"),
        (b"a:\n\tb: 1\n", "tab-indentation 2:2"),
        (b"a: *b\n", "unknown-alias 1:4"),
        (b"a: &a [*a]\n", "unknown-alias 1:8"),
        (b"? [a]\n: 2\n", "bad-map-key 1:3"),
        (b"~: 2\n", "bad-map-key 1:1"),
        (b"a: !foo b\n", "unsupported-tag 1:9"),
        (b"a: !!int b\n", "unsupported-tag 1:10"),
        (b"a: {<<: 1}\n", "bad-merge-key 1:9"),
        (b"a: 1\nb: x\xffy\n", "not-utf8 2:5"),
        (b"\xff\xfea\0", "not-utf8 1:1"),
        (b"a: b: c\n", "yaml-syntax 1:5"),
        (b"ok: 1\n---\na: [1\n", "yaml-syntax 3:4"),
    ];
    let found: Vec<_> = table.iter().map(|(text, _)| faults(text).join(", ")).collect();
    let expected: Vec<_> = table.iter().map(|(_, expected)| (*expected).to_owned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn deep_documents_are_refused() {
    assert_eq!(faults("[".repeat(100_000)), ["too-deep 1:101"]);
    assert_eq!(faults("{\"a\":".repeat(100_000)).len(), 1);
    let blocks: String = (0..500).map(|i| " ".repeat(i) + "a:\n").collect();
    assert_eq!(faults(blocks).len(), 1);
    assert_eq!(faults("- ".repeat(5000)).len(), 1);
}

#[test]
fn alias_bombs_are_refused() {
    let level = |i: usize| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(","));
    let text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned() + &(1..10).map(level).collect::<String>();
    assert_eq!(faults(text).len(), 1);
}

#[test]
fn aliases_of_long_texts_are_refused_before_they_are_copied() {
    // 450 KB that would become 450 MB: bounded in values, they were not in bytes.
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(9000), "*a, ".repeat(49_000));
    let found = faults(text);
    assert!(found.len() == 1 && found[0].starts_with("alias-expansion 2:"), "{found:?}");
    // Keys are copied as well, and so is what an anchor is put on.
    let keys = format!("a: &a {{{}: 1}}\nb: [{}]\n", "k".repeat(9000), "*a, ".repeat(1000));
    assert_eq!(faults(keys).len(), 1);
    let anchors = (0..90).map(|i| format!("&a{i} [")).collect::<Vec<_>>().concat();
    assert_eq!(faults(format!("{anchors}{}{}", "x".repeat(100_000), "]".repeat(90))).len(), 1);
    // What people write stays far below.
    let shared = (0..10).map(|i| format!("r{i}: {{<<: *x, n: {i}}}\n")).collect::<Vec<_>>().concat();
    assert_eq!(faults(format!("x: &x {{timeout: 10s, retries: {{attempts: 3}}}}\n{shared}")).len(), 0);
}

#[test]
fn what_is_wrong_a_hundred_thousand_times_is_said_a_thousand_times() {
    assert_eq!(faults("a: 1\n".repeat(100_000)).len(), limits::FINDINGS);
}

#[test]
fn large_documents_and_files_are_refused() {
    let big = "a: ".to_owned() + &"x".repeat(limits::DOCUMENT_BYTES);
    assert_eq!(faults(format!("ok: 1\n---\n{big}\n")), ["too-large 2:1"]);
    assert_eq!(faults(vec![b'a'; limits::FILE_BYTES + 1]), ["too-large 1:1"]);
    let many = "[".to_owned() + &"0,".repeat(limits::NODES + 1) + "]";
    assert_eq!(faults(many).len(), 1);
}

/// The value of `a` as JSON.
fn json(text: &str) -> String {
    fn show(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) if scalar.meaning == Meaning::Null => "null".to_owned(),
            Value::Scalar(scalar) => format!("{:?}", scalar.text),
            Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
            Value::Map(entries) => {
                let entry = |entry: &Entry| format!("{:?}:{}", entry.key, show(&entry.value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
            }
        }
    }
    show(one(text).get("a").unwrap())
}

#[test]
fn a_colon_at_the_end_of_a_bare_word_is_part_of_it_as_kubectl_has_it() {
    for (text, expected) in [
        ("a: [1.2.3.4, 2001:db8::]", r#"["1.2.3.4","2001:db8::"]"#),
        ("a: [2001:db8::, b]", r#"["2001:db8::","b"]"#),
        ("a: {b: 2001:db8::}", r#"{"b":"2001:db8::"}"#),
        ("a: {b: 2001:db8::, c: d}", r#"{"b":"2001:db8::","c":"d"}"#),
        ("a: [[x::]]", r#"[["x::"]]"#),
        ("a: [x: ]", r#"[{"x":null}]"#),
        ("a: {x:, z: b}", r#"{"x:":null,"z":"b"}"#),
        // Where it is no bare word, it is what it was.
        ("a: {\"x\":}", r#"{"x":null}"#),
        ("a: [\"x:]\", 'y:,']", r#"["x:]","y:,"]"#),
        ("a: |\n  [x:]\nb: 1 # [x:]", r#""[x:]\n""#),
        ("a: b:]", r#""b:]""#),
        ("a: \u{e000} [b:]", "\"\\u{e000} [b:]\""),
    ] {
        assert_eq!(json(text), expected, "{text}");
    }
}
