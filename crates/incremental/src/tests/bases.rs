//! Unions that are edited out of that of a base.

use imbl::OrdSet;
use proptest::prelude::*;

use super::toy::{All, Item, View, set_item};
use crate::{BasedCollect, BasedKey, Collect, Db, Reader, Stratum, UnionOf};

/// The items, each under its own key; those of the group of the key, and all of group 0, which is the base.
struct Seen;

impl Collect for Seen {
    type Key = u8;
    type Member = View;
    type OutKey = (u8, bool);
    type OutValue = u8;
    const NAME: &'static str = "seen";
    const STRATUM: Stratum = Stratum(20);

    fn members(cx: &Reader<'_>, group: &u8) -> OrdSet<u8> {
        let all = cx.index::<All>(&());
        let group_of = |key: &u8| cx.input::<Item>(key).map_or(0, |item| item.group);
        // A group sees those of group 0, but for each seventh, and its own.
        let sees = |key: &u8| group_of(key) == *group || (group_of(key) == 0 && key % 7 != *group);
        all.iter().copied().filter(sees).collect()
    }

    fn entries(item: &u8, value: &Option<u8>) -> impl IntoIterator<Item = ((u8, bool), u8)> {
        // The key changes with the value.
        value.map(|value| ((*item, value % 2 == 0), value))
    }
}

impl BasedCollect for Seen {
    const UNION: &'static str = "all_seen";
    const OWN: &'static str = "own_seen";
    const HIDDEN: &'static str = "hidden_seen";
}

impl BasedKey for u8 {
    fn base(&self) -> Option<u8> {
        Some(0)
    }
}

fn change(db: &mut Db, items: &[(u8, u8, u8)]) {
    let mut changes = db.change();
    for (key, group, value) in items {
        match group {
            4 => changes.remove::<Item>(*key),
            _ => set_item(&mut changes, *key, *group, *value),
        }
    }
    db.apply(changes);
    db.settle();
    db.assert_consistent();
}

proptest! {
    #[test]
    fn a_union_out_of_the_base_is_the_one_by_itself(
        steps in prop::collection::vec(
            prop::collection::vec((0_u8..40, 0_u8..5, 0_u8..9), 1..8),
            1..12,
        ),
    ) {
        let mut db = Db::new();
        let groups = [0, 1, 2, 3, 9];
        let unions = groups.map(|group| db.lease::<UnionOf<Seen>>(&group));
        let plain = groups.map(|group| db.lease_collect::<Seen>(&group));
        for items in steps {
            change(&mut db, &items);
            for (union, plain) in unions.iter().zip(&plain) {
                let union = union.value(&db);
                prop_assert_eq!(union.entries(), &plain.value(&db));
            }
        }
    }
}
