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

#[test]
fn a_message_that_shows_the_resource_names_it() {
    assert_eq!(
        named("goo.gle/debugstr   \nname: \"outbound|80||a\"\ntype: EDS\nname: \"b\""),
        ["outbound|80||a"]
    );
    assert_eq!(named("goo.gle/debugproto \ncluster_name: \"b\"\nendpoints {\n}"), ["b"]);
    assert!(named("goo.gle/debugstr   \ntype: EDS\nname: \"a\"").is_empty(), "the name comes first");
    assert!(named("goo.gle/debugstr   \nname: \"unknown\"").is_empty());
}

#[test]
fn a_virtual_host_that_is_shown_is_known_if_no_other_table_has_one_of_its_name() {
    let shown = |carried: &[&str]| {
        let carried: Vec<_> = carried.iter().map(|&name| (name.into(), Digest(0))).collect();
        named_in("goo.gle/debugstr   \nname: \"a:80\"", &carried).len()
    };
    assert_eq!(shown(&["80/a:80", "80/b:80", "80/ba:80"]), 1);
    assert_eq!(shown(&["80/a:80", "8080/a:80"]), 0);
}
