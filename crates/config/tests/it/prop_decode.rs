//! No input makes decoding panic, and what it says about an input holds together.

use fairlead_config::{Severity, decode_file, fuzz_decode};
use proptest::prelude::*;

const OBJECTS: &str = include_str!("objects.yaml");

/// A change of a text at a place between 0 and 1.
#[derive(Clone, Debug)]
enum Edit {
    Insert(f64, String),
    Remove(f64, usize),
    Repeat(f64, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let token = prop_oneof![
        Just("\n".to_owned()),
        Just("  ".to_owned()),
        Just("\t".to_owned()),
        Just(": ".to_owned()),
        Just("- ".to_owned()),
        Just("---\n".to_owned()),
        Just("{".to_owned()),
        Just("]".to_owned()),
        Just("&a ".to_owned()),
        Just("*a".to_owned()),
        Just("<<: ".to_owned()),
        Just("\"".to_owned()),
        Just("|\n".to_owned()),
        Just("!!str ".to_owned()),
        Just("-99999999999999999999".to_owned()),
        Just("1e400".to_owned()),
        Just("yes".to_owned()),
        Just("~".to_owned()),
        "\\PC{1,3}",
    ];
    prop_oneof![
        (0.0..1.0, token).prop_map(|(at, text)| Edit::Insert(at, text)),
        (0.0..1.0, 1..40_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        (0.0..1.0, 1..80_usize).prop_map(|(at, count)| Edit::Repeat(at, count)),
    ]
}

fn apply(text: &str, edits: &[Edit]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for edit in edits {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let place = |at: f64| (at * chars.len() as f64) as usize;
        match edit {
            Edit::Insert(at, token) => {
                let at = place(*at);
                chars.splice(at..at, token.chars());
            }
            Edit::Remove(at, count) => {
                let at = place(*at);
                chars.drain(at..chars.len().min(at + count));
            }
            Edit::Repeat(at, count) => {
                let at = place(*at);
                let part: Vec<char> = chars[at..chars.len().min(at + count)].to_vec();
                chars.splice(at..at, part);
            }
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_decoded_or_refused(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz_decode(&data);
    }

    #[test]
    fn mutilated_objects_are_decoded_or_refused(edits in proptest::collection::vec(edit(), 1..8)) {
        let text = apply(OBJECTS, &edits);
        fuzz_decode(text.as_bytes());
        let decoded = decode_file("f.yaml", text.as_bytes());
        let lines = u32::try_from(text.lines().count()).unwrap() + 1;
        for finding in &decoded.diagnostics {
            let position = finding.position.as_ref().expect("a finding about a file has a position");
            prop_assert!((1..=lines).contains(&position.line), "{finding}");
        }
        if decoded.diagnostics.iter().all(|finding| finding.severity != Severity::Error) {
            prop_assert!(decoded.rejected.is_empty() && decoded.broken_documents == 0);
        }
    }

    #[test]
    fn decoding_is_deterministic(edits in proptest::collection::vec(edit(), 1..4)) {
        let text = apply(OBJECTS, &edits);
        let (one, two) = (decode_file("f", text.as_bytes()), decode_file("f", text.as_bytes()));
        prop_assert_eq!(one.objects, two.objects);
        prop_assert_eq!(one.diagnostics, two.diagnostics);
    }
}

#[test]
fn the_objects_that_are_mutilated_are_good() {
    let decoded = decode_file("f.yaml", OBJECTS.as_bytes());
    assert!(decoded.diagnostics.is_empty(), "{:#?}", decoded.diagnostics);
    assert_eq!(decoded.objects.len(), OBJECTS.matches("\nkind:").count());
}

/// The limits keep hostile input cheap; each of these would take minutes or gigabytes without them.
#[test]
fn hostile_inputs_are_refused_quickly() {
    let spec = |rule: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: a}}\nspec: {{hosts: [a], http: [{rule}]}}\n"
        )
    };
    let inputs = [
        "[".repeat(1 << 20),
        "a: ".repeat(1 << 20),
        "- ".repeat(1 << 20),
        "{".repeat(100_000) + &"}".repeat(100_000),
        "? ".repeat(100_000),
        "!".repeat(1 << 20),
        "&a ".repeat(100_000),
        "\"".repeat(1 << 20),
        "x".repeat(10 << 20),
        "---\n".repeat(1 << 20),
        "a: 1\n---\n".repeat(10_000),
        spec(&format!("{{match: [{{uri: {{regex: \"{}\"}}}}]}}", "(a*)*$".repeat(150))),
        spec(&format!("{{match: [{{uri: {{regex: \"{}\"}}}}]}}", "(".repeat(1 << 20))),
        spec(&"{},".repeat(100_000)),
    ];
    for input in inputs {
        let start = std::time::Instant::now();
        let decoded = decode_file("f.yaml", input.as_bytes());
        let shown: String = input.chars().take(20).collect();
        assert!(decoded.objects.is_empty(), "{shown}");
        assert!(start.elapsed().as_secs() < 20, "{shown} took {:?}", start.elapsed());
    }
}
