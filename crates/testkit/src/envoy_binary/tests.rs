use super::*;

#[test]
fn a_named_binary_wins_over_the_fetched_one() {
    let here = repository().join("Cargo.toml");
    let chosen = choose(Some(here.clone()), &repository().join("clippy.toml")).unwrap();
    assert_eq!(chosen, here);
}

#[test]
fn a_named_binary_that_is_missing_is_an_error_even_if_one_was_fetched() {
    let error = choose(Some(PathBuf::from("/nowhere/envoy")), &repository().join("Cargo.toml")).unwrap_err();
    assert_eq!(error.to_string(), "FAIRLEAD_ENVOY names `/nowhere/envoy`, which is not a file");
}

#[test]
fn without_a_binary_the_error_names_the_script() {
    let error = choose(None, Path::new("/nowhere/envoy")).unwrap_err();
    assert!(error.to_string().contains("tests/tools/fetch-envoy.sh"), "{error}");
    assert!(repository().join("tests/tools/fetch-envoy.sh").is_file());
}
