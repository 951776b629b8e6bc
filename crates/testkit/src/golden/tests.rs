use super::*;

fn case(root: &Path, name: &str, files: &[(&str, &str)]) {
    for (file, text) in files {
        write(&root.join(name).join(file), text).unwrap();
    }
}

fn outputs(pairs: &[(&str, &str)]) -> Outputs {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn equal_outputs_pass_and_inputs_are_read() {
    let root = tempfile::tempdir().unwrap();
    case(
        root.path(),
        "routing/weights",
        &[("in.yaml", "a: 1\n"), ("proxy.yaml", "p: 1\n"), ("out/cds.yaml", "x\n")],
    );
    let count = run(root.path(), Mode::Compare, |case| {
        assert_eq!((case.name.as_str(), case.input.as_str()), ("routing/weights", "a: 1\n"));
        assert_eq!(case.proxy.as_deref(), Some("p: 1\n"));
        Ok(outputs(&[("out/cds.yaml", "x\n")]))
    });
    assert_eq!(count, Ok(1));
}

#[test]
fn a_difference_shows_the_lines_that_changed() {
    let root = tempfile::tempdir().unwrap();
    let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    case(root.path(), "f/c", &[("in.yaml", ""), ("out/cds.yaml", old)]);
    let new = old.replace("5\n", "five\n");
    let problems = run(root.path(), Mode::Compare, |_| Ok(outputs(&[("out/cds.yaml", &new)]))).unwrap_err();
    assert_eq!(problems, "f/c/out/cds.yaml:\n  ...\n  2\n  3\n  4\n- 5\n+ five\n  6\n  7\n  8\n");
}

#[test]
fn a_missing_file_an_orphan_and_an_error_all_fail() {
    let root = tempfile::tempdir().unwrap();
    case(root.path(), "f/a", &[("in.yaml", ""), ("out/old.yaml", "x")]);
    case(root.path(), "f/b", &[("in.yaml", "")]);
    let problems = run(root.path(), Mode::Compare, |case| match case.name.as_str() {
        "f/a" => Ok(outputs(&[("diagnostics.yaml", "x")])),
        _ => Err("no such proxy".to_owned()),
    });
    let wanted = "f/a/diagnostics.yaml: there is no such golden file\n\
                  f/a/out/old.yaml: nothing produces this file\n\
                  f/b: no such proxy";
    assert_eq!(problems.unwrap_err(), wanted);
}

#[test]
fn an_update_writes_what_differs_and_removes_orphans() {
    let root = tempfile::tempdir().unwrap();
    case(root.path(), "f/a", &[("in.yaml", "kept"), ("out/old.yaml", "x")]);
    let made = |_: &Case| Ok(outputs(&[("out/new.yaml", "y\n")]));
    run(root.path(), Mode::Update, made).unwrap();
    assert_eq!(run(root.path(), Mode::Compare, made), Ok(1));
    let names = files(&root.path().join("f/a")).unwrap();
    assert_eq!(names, BTreeSet::from(["in.yaml".to_owned(), "out/new.yaml".to_owned()]));
}

#[test]
fn insertions_and_removals_are_told_apart() {
    assert_eq!(diff("a\nb\nc\n", "a\nc\nd\n"), "  a\n- b\n  c\n+ d\n");
    assert_eq!(diff("a\n", "a"), "only line ends differ\n");
}
