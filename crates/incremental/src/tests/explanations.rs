//! What the engine says about itself.

use super::toy::{Choice, Sum, Values, View, set_item};
use crate::{Cause, Db, Kind, Revision};

fn set(db: &mut Db, key: u8, group: u8, value: u8) {
    let mut changes = db.change();
    set_item(&mut changes, key, group, value);
    db.apply(changes);
    db.settle();
}

#[test]
fn an_explanation_lists_reads_in_order_and_names_the_cause() {
    let mut db = Db::new();
    set(&mut db, 1, 0, 2);
    set(&mut db, 2, 0, 1);
    let _sum = db.lease::<Sum>(&0);
    let first = db.explain::<Sum>(&0).unwrap();
    assert_eq!(first.cause, Cause::First);
    let reads: Vec<_> = first.reads.iter().map(|read| (read.name, read.key.as_str())).collect();
    assert_eq!(reads, [("by group", "0"), ("view", "1"), ("view", "2")]);

    set(&mut db, 9, 3, 2);
    set(&mut db, 2, 0, 3);
    let then = db.explain::<Sum>(&0).unwrap();
    assert_eq!((then.node.changed_at, then.verified_at), (Revision(4), Revision(4)));
    let Cause::Changed(cause) = &then.cause else { panic!("{then}") };
    assert_eq!((cause.kind, cause.name, cause.key.as_str()), (Kind::Query, "view", "2"));
    let view = db.explain_node(cause.id).unwrap();
    let Cause::Changed(cause) = &view.cause else { panic!("{view}") };
    assert_eq!(cause.name, "item");
    assert_eq!(db.explain_node(cause.id).unwrap().cause, Cause::Set);

    let expected = "query sum 0, changed at 4, verified at 4\n\
                    computed: query view 2, changed at 4\n  \
                      reads index by group 0, changed at 2\n  \
                      reads query view 1, changed at 2\n  \
                      reads query view 2, changed at 4\n";
    assert_eq!(then.to_string(), expected);
}

#[test]
fn what_is_not_in_memory_is_not_explained() {
    let db = Db::new();
    assert_eq!(db.explain::<Choice>(&0), None);
    assert_eq!(db.explain_collect::<Values>(&0), None);
}

#[test]
fn a_collection_is_explained_by_its_list_and_its_members() {
    let mut db = Db::new();
    set(&mut db, 1, 0, 2);
    let _values = db.lease_collect::<Values>(&0);
    set(&mut db, 2, 0, 2);
    let explained = db.explain_collect::<Values>(&0).unwrap();
    let reads: Vec<_> = explained.reads.iter().map(|read| (read.kind, read.key.as_str())).collect();
    assert_eq!(reads, [(Kind::Members, "0"), (Kind::Query, "1"), (Kind::Query, "2")]);
    assert!(explained.is_demanded);
}

#[test]
fn a_dormant_value_says_since_when_it_is_in_doubt() {
    let mut db = Db::new();
    set(&mut db, 1, 0, 2);
    drop(db.lease::<View>(&1));
    set(&mut db, 1, 0, 4);
    let view = db.explain::<View>(&1).unwrap();
    assert!(view.is_pending && !view.is_demanded);
    assert_eq!(view.verified_at, Revision(1));
}
