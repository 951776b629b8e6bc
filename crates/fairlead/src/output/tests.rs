use super::{Table, escaped};

#[test]
fn columns_are_as_wide_as_their_widest_cell_and_empty_cells_show() {
    let mut table = Table::new(&["NAME", "PORT"]);
    table.row(["a-long-name".to_owned(), "80".to_owned()]);
    table.row(["b".to_owned(), String::new()]);
    assert_eq!(table.render(true), "NAME          PORT\na-long-name   80\nb             -\n");
    assert_eq!(table.render(false), "a-long-name   80\nb             -\n");
}

#[test]
fn what_a_proxy_calls_itself_stays_in_its_cell() {
    let mut table = Table::new(&["NAME"]);
    table.row(["a\nb\u{1b}[31m\u{9b}2J".to_owned()]);
    assert_eq!(table.render(true), "NAME\na\\nb\\u{1b}[31m\\u{9b}2J\n");
}

#[test]
fn data_has_no_character_that_a_terminal_obeys() {
    let json = serde_json::json!({ "k\u{9b}": "a\nb\u{1b}[2J\u{9b}2J\u{7f}" });
    let pretty = serde_json::to_string_pretty(&json).expect("json");
    let obeyed = |text: &str| text.contains(|c: char| c.is_control() && c != '\n');
    assert!(obeyed(&pretty) && !obeyed(&escaped(&pretty)));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped(&pretty)).expect("json"), json);
    assert!(!obeyed(&fairlead_envoy::json::to_yaml(&json)));
}
