use super::*;

fn named(message: &str) -> Vec<String> {
    let carried = ["a", "b", "0.0.0.0_80", "outbound|80||a"].map(|n| (n.into(), Digest(0)));
    named_in(message, &carried).into_iter().map(|(name, _)| name.to_string()).collect()
}

#[test]
fn envoys_messages_name_the_resources_at_fault() {
    assert_eq!(
        named("Error adding/updating listener(s) 0.0.0.0_80: goo.gle/debugproto\nName: a"),
        ["0.0.0.0_80"]
    );
    assert_eq!(
        named("Error adding/updating cluster(s) a: no, outbound|80||a: nor that"),
        ["a", "outbound|80||a"]
    );
    assert_eq!(named("Error adding/updating listener(s) a: x\nb: y\n"), ["a", "b"]);
}

#[test]
fn other_messages_name_nothing() {
    assert!(named("a: is mentioned").is_empty());
    assert!(named("route: unknown weighted cluster 'a'").is_empty());
    assert!(named("Error adding/updating cluster(s) unknown: a").is_empty());
    assert!(named("").is_empty());
}
