use super::quoted;

#[test]
fn words_with_anything_special_are_quoted_for_a_shell() {
    assert_eq!(quoted("target/debug/fairlead"), "target/debug/fairlead");
    assert_eq!(quoted("my mesh"), "'my mesh'");
    assert_eq!(quoted("it's; $HOME"), r"'it'\''s; $HOME'");
    assert_eq!(quoted(""), "''");
}
