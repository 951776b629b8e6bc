use super::Table;

#[test]
fn columns_are_as_wide_as_their_widest_cell_and_empty_cells_show() {
    let mut table = Table::new(&["NAME", "PORT"]);
    table.row(["a-long-name".to_owned(), "80".to_owned()]);
    table.row(["b".to_owned(), String::new()]);
    assert_eq!(table.render(true), "NAME          PORT\na-long-name   80\nb             -\n");
    assert_eq!(table.render(false), "a-long-name   80\nb             -\n");
}
