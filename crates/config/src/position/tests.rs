use super::*;
use crate::path;

fn at(line: u32) -> Position {
    Position { line, column: 1 }
}

#[test]
fn a_field_is_found_by_its_path_or_by_the_nearest_around_it() {
    let fields = [("spec", 1), ("spec.hosts", 2), ("spec.hosts[0]", 3), ("spec.http[0].name", 4)];
    let positions: FieldPositions =
        fields.into_iter().map(|(path, line)| (path.to_owned(), at(line))).collect();
    assert_eq!(positions.len(), 4);
    assert_eq!(positions.exact(&path!("hosts"[0])), Some(at(3)));
    assert_eq!(positions.exact(&path!("http"[0])), None);
    assert_eq!(positions.nearest(&path!("http"[0])), Some(at(1)));
    assert_eq!(positions.nearest(&path!("http"[0]."name")), Some(at(4)));
    assert_eq!(positions.nearest(&FieldPath::root().field("metadata")), None);
}

#[test]
fn of_a_path_that_comes_twice_the_last_position_counts() {
    let positions: FieldPositions =
        [("spec".to_owned(), at(1)), ("spec".to_owned(), at(2))].into_iter().collect();
    assert_eq!((positions.len(), positions.exact(&path!())), (1, Some(at(2))));
}
