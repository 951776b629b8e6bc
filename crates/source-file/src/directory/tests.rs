use super::*;

/// A Namespace with a label `v`.
fn ns(name: &str, v: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{v: \"{v}\"}}}}\n---\n")
}

const BROKEN: &str = "a: [\n---\n";

/// The directory after each snapshot; a step shows what it changed as `+a=1 -b` and what codes are current.
#[derive(Default)]
struct Play(Directory);

impl Play {
    #[track_caller]
    fn step(&mut self, files: &[(&str, &str)], changes: &str, codes: &[&str]) {
        let files =
            files.iter().map(|(path, text)| ((*path).into(), FileState::Content(text.as_bytes().to_vec())));
        self.apply(
            Snapshot { files: files.collect(), unreadable: BTreeMap::new(), ..Snapshot::default() },
            changes,
            codes,
        );
    }

    #[track_caller]
    fn apply(&mut self, snapshot: Snapshot, changes: &str, codes: &[&str]) {
        let found = self.0.update(snapshot);
        let show = |change: &Change| match change {
            Change::Set(object) => {
                format!("+{}={}", object.key().name, object.labels().get("v").unwrap_or("?"))
            }
            Change::Delete(key) => format!("-{}", key.name),
        };
        let shown: Vec<_> = found.batch.iter().map(show).collect();
        assert_eq!(shown.join(" "), changes);
        let found_codes: Vec<_> = found.diagnostics.iter().map(|d| d.code.name()).collect();
        assert_eq!(found_codes, codes, "{:#?}", found.diagnostics);
    }
}

#[test]
fn only_what_differs_or_has_moved_is_a_change() {
    let mut play = Play::default();
    let (a, b) = (ns("a", "1"), ns("b", "1"));
    play.step(&[("f", &(a.clone() + &b))], "+a=1 +b=1", &[]);
    play.step(&[("f", &(a.clone() + &b))], "", &[]);
    play.step(&[("f", &(b.clone() + "# moved\n" + &a))], "+a=1 +b=1", &[]);
    play.step(&[("g", &a), ("h", &b)], "+a=1 +b=1", &[]);
    play.step(&[("g", &a), ("h", &b)], "", &[]);
    play.step(&[("g", &ns("a", "2")), ("h", &b)], "+a=2", &[]);
    play.step(&[("g", &ns("a", "2"))], "-b", &[]);
    play.step(&[], "-a", &[]);
}

#[test]
fn a_rejected_object_keeps_its_last_good_version() {
    let mut play = Play::default();
    let bad = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {v: 2}}\n";
    play.step(&[("f", &ns("a", "1"))], "+a=1", &[]);
    play.step(&[("f", bad)], "", &["last-good-kept", "needs-quotes"]);
    play.step(&[("f", bad)], "", &["last-good-kept", "needs-quotes"]);
    play.step(&[("f", &ns("a", "2"))], "+a=2", &[]);
    play.step(&[("f", bad)], "", &["last-good-kept", "needs-quotes"]);
    play.step(&[("f", "")], "-a", &[]);
    play.step(&[("f", bad)], "", &["needs-quotes"]);
}

#[test]
fn a_broken_document_keeps_what_its_file_held_and_does_not_yield() {
    let mut play = Play::default();
    let both = ns("a", "1") + &ns("b", "1");
    play.step(&[("f", &both), ("g", &ns("c", "1"))], "+a=1 +b=1 +c=1", &[]);
    play.step(
        &[("f", &(ns("a", "2") + BROKEN)), ("g", &ns("c", "1"))],
        "+a=2",
        &["last-good-kept", "yaml-syntax"],
    );
    play.step(&[("f", &(ns("a", "2") + BROKEN)), ("g", "")], "-c", &["last-good-kept", "yaml-syntax"]);
    play.step(&[("f", BROKEN)], "", &["last-good-kept", "last-good-kept", "yaml-syntax"]);
    play.step(&[("f", &ns("a", "2"))], "-b", &[]);
    play.step(&[], "-a", &[]);
}

#[test]
fn a_document_that_lost_its_kind_or_name_counts_as_broken() {
    let mut play = Play::default();
    for lost in [
        "apiVersion: v1\nkind: Namespaec\nmetadata: {name: a}\n",
        "apiVersion: v1\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: Namespace\nmetadata: {}\n",
    ] {
        play.step(&[("f", &ns("a", "1"))], "+a=1", &[]);
        let found = play.0.update(Snapshot {
            files: BTreeMap::from([("f".into(), FileState::Content(lost.into()))]),
            ..Snapshot::default()
        });
        assert!(found.batch.is_empty(), "{lost}");
        play.step(&[], "-a", &[]);
    }
}

#[test]
fn the_first_definition_by_path_wins() {
    let mut play = Play::default();
    let (one, two) = (ns("a", "1"), ns("a", "2"));
    play.step(&[("g", &two)], "+a=2", &[]);
    play.step(&[("f", &one), ("g", &two)], "+a=1", &["duplicate-object"]);
    play.step(&[("g", &two)], "+a=2", &[]);
    play.step(&[("f", &(one.clone() + &two))], "+a=1", &["duplicate-object"]);
}

#[test]
fn a_copy_is_a_note_and_another_definition_says_which_is_used() {
    let (one, two) = (ns("a", "1"), ns("a", "2"));
    let found = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(path, text)| ((*path).into(), FileState::Content((*text).into())));
        let snapshot = Snapshot { files: files.collect(), ..Snapshot::default() };
        let found = Directory::new().update(snapshot).diagnostics;
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for files in [[("f", one.as_str()), ("g", &one)], [("f", &(one.clone() + &one)), ("g", "")]] {
        let found = found(&files);
        assert!(
            found.len() == 1 && found[0].starts_with("info[FL0015 duplicate-object] Namespace a ("),
            "{found:?}"
        );
        assert!(
            found[0].contains(": the same definition is already in f:1:1; remove one of them"),
            "{found:?}"
        );
    }
    for files in [[("f", one.as_str()), ("g", &two)], [("f", &(one.clone() + &two)), ("g", "")]] {
        let found = found(&files);
        assert!(
            found.len() == 1 && found[0].starts_with("error[FL0015 duplicate-object] Namespace a ("),
            "{found:?}"
        );
        assert!(
            found[0].contains("another definition is used and this one is not: the one in f:1:1"),
            "{found:?}"
        );
        assert!(found[0].contains("`kubectl apply` takes the last"), "{found:?}");
    }
}

#[test]
fn a_definition_read_now_wins_over_a_kept_one() {
    let mut play = Play::default();
    play.step(&[("f", &ns("a", "1"))], "+a=1", &[]);
    play.step(
        &[("f", BROKEN), ("g", &ns("a", "2"))],
        "+a=2",
        &["duplicate-object", "last-good-kept", "yaml-syntax"],
    );
}

#[test]
fn unreadable_files_and_directories_keep_what_they_held() {
    let mut play = Play::default();
    play.step(&[("d/f", &ns("a", "1")), ("d/e/g", &ns("b", "1"))], "+a=1 +b=1", &[]);
    let denied = || FileState::Unreadable("permission denied".into());
    let files = BTreeMap::from([("d/f".into(), denied())]);
    let unreadable = BTreeMap::from([("d/e".into(), "too many open files".to_owned())]);
    let codes = ["unreadable-file", "last-good-kept", "unreadable-file"];
    play.apply(Snapshot { files, unreadable, ..Snapshot::default() }, "", &codes);
    let unreadable = BTreeMap::from([("d".into(), "no such directory".to_owned())]);
    play.apply(
        Snapshot { files: BTreeMap::new(), unreadable, ..Snapshot::default() },
        "",
        &["unreadable-file", "last-good-kept", "unreadable-file"],
    );
    play.apply(Snapshot::default(), "-a -b", &[]);
}

#[test]
fn unchanged_files_keep_objects_and_findings() {
    let mut play = Play::default();
    play.step(&[("f", &(ns("a", "1") + BROKEN))], "+a=1", &["yaml-syntax"]);
    let files = BTreeMap::from([("f".into(), FileState::Unchanged)]);
    play.apply(Snapshot { files, unreadable: BTreeMap::new(), ..Snapshot::default() }, "", &["yaml-syntax"]);
}

#[test]
fn a_kind_that_is_not_read_is_noted_once_for_all_files() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n";
    Play::default().step(&[("f", text), ("g", text)], "", &["kind-not-read"]);
}

#[test]
fn policies_that_are_not_enforced_are_one_warning_for_all_files() {
    let policy = |name| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}}}\nspec: {{}}\n"
        )
    };
    let mut play = Play::default();
    play.step(&[("f", &policy("a")), ("g", &policy("b"))], "", &["not-enforced"]);
    play.step(&[("f", &policy("a"))], "", &["not-enforced"]);
    play.step(&[("f", "")], "", &[]);
}

#[test]
fn a_document_that_is_no_object_may_have_been_one() {
    let mut play = Play::default();
    play.step(&[("f", &ns("a", "1"))], "+a=1", &[]);
    play.step(&[("f", "labels: {v: \"1\"}\n")], "", &["last-good-kept", "not-an-object"]);
    play.step(&[("f", ""), ("g", "replicas: 1\n")], "-a", &["not-an-object"]);
}

#[test]
fn what_is_refused_now_and_was_read_before_stays_in_use() {
    let mut play = Play::default();
    play.step(&[("d/f", &ns("a", "1")), ("g", &ns("b", "1"))], "+a=1 +b=1", &[]);
    let refused =
        [("d".into(), Refusal::Bound("3 files".into())), ("g".into(), Refusal::Link("/etc/g".into()))];
    let snapshot = Snapshot { refused: refused.into(), ..Snapshot::default() };
    play.apply(snapshot, "", &["too-many-files", "link-refused"]);
    play.step(&[], "-a -b", &[]);
}

#[test]
fn what_is_left_of_an_object_is_used_where_no_whole_version_is_known() {
    let rule = |v: &str, simple: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: a, namespace: shop, labels: {{v: \"{v}\"}}}}\nspec: {{host: b, trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: 9}}}}, loadBalancer: {{simple: {simple}}}}}}}\n"
        )
    };
    let mut play = Play::default();
    play.step(&[("f", &rule("1", "ROUNT_ROBIN"))], "+a=1", &["unknown-enum-value"]);
    play.step(&[("f", &rule("2", "ROUNT_ROBIN"))], "+a=2", &["unknown-enum-value"]);
    play.step(&[("f", &rule("3", "ROUND_ROBIN"))], "+a=3", &[]);
    play.step(&[("f", &rule("4", "ROUNT_ROBIN"))], "", &["last-good-kept", "unknown-enum-value"]);
    play.step(&[("f", &rule("5", "ROUNT_ROBIN"))], "", &["last-good-kept", "unknown-enum-value"]);
    play.step(&[("f", &rule("6", "RANDOM"))], "+a=6", &[]);
}

#[test]
fn an_edit_that_makes_a_mesh_configuration_unreadable_leaves_the_one_before() {
    let mesh = |v: &str, text: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system, labels: {{v: \"{v}\"}}}}\ndata: {{mesh: '{text}'}}\n"
        )
    };
    let mut play = Play::default();
    // Nothing better is known, so what stands in for it is used.
    play.step(&[("f", &mesh("1", "trustDomain: [x"))], "+istio=1", &["yaml-syntax"]);
    play.step(&[("f", &mesh("2", "trustDomain: x"))], "+istio=2", &[]);
    play.step(&[("f", &mesh("3", "trustDomain: [x"))], "", &["last-good-kept", "yaml-syntax"]);
    play.step(&[("f", &mesh("4", "- trustDomain"))], "", &["last-good-kept", "yaml-syntax"]);
    play.step(&[("f", &mesh("5", "trustDomain: y"))], "+istio=5", &[]);
}

/// A renewal that goes wrong half-way leaves the certificate that was there.
#[test]
fn an_edit_that_makes_a_secret_useless_leaves_the_one_before() {
    let pieces = include_str!("../../../../tests/certificates/pieces.pem");
    let piece = |name: &str| {
        let from = pieces.find(&format!("# {name}\n")).expect("it is there") + name.len() + 3;
        let text = pieces[from..].split("# ").next().unwrap_or_default();
        text.lines().fold(String::new(), |indented, line| indented + "    " + line + "\n")
    };
    let secret = |v: &str, certificate: &str, key: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {{name: a, labels: {{v: \"{v}\"}}}}\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
            piece(certificate),
            piece(key)
        )
    };
    let mut play = Play::default();
    // Nothing better is known: what is right of it is used.
    play.step(&[("f", &secret("1", "p256", "other key"))], "+a=1", &["bad-secret"]);
    play.step(&[("f", &secret("2", "p256", "p256 key"))], "+a=2", &[]);
    play.step(&[("f", &secret("3", "other", "p256 key"))], "", &["last-good-kept", "bad-secret"]);
    play.step(&[("f", &secret("4", "request", "p256 key"))], "", &["last-good-kept", "bad-secret"]);
    play.step(&[("f", &secret("5", "other", "other key"))], "+a=5", &[]);
}
