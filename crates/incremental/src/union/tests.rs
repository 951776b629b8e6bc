use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdSet;
use proptest::prelude::*;

use super::{MemberChange, Members, Union};
use crate::{Collect, Query, Reader, Stratum};

/// A member's value is the list of its entries.
struct Lists;

impl Query for Lists {
    type Key = u8;
    type Value = Vec<(u8, u8)>;
    const NAME: &'static str = "lists";
    const STRATUM: Stratum = Stratum(1);
    fn compute(_: &Reader<'_>, _: &u8) -> Vec<(u8, u8)> {
        Vec::new()
    }
}

struct Merged;

impl Collect for Merged {
    type Key = ();
    type Member = Lists;
    type OutKey = u8;
    type OutValue = u8;
    const NAME: &'static str = "merged";
    const STRATUM: Stratum = Stratum(2);
    fn members(_: &Reader<'_>, (): &()) -> OrdSet<u8> {
        OrdSet::new()
    }
    fn entries(_: &u8, value: &Vec<(u8, u8)>, emit: &mut dyn FnMut(u8, u8)) {
        for (key, value) in value {
            emit(*key, *value);
        }
    }
}

type State = BTreeMap<u8, Arc<Vec<(u8, u8)>>>;

fn members(state: &State) -> Members<Merged> {
    state.iter().map(|(key, value)| (*key, value.clone())).collect()
}

fn changes(old: &State, new: &State) -> BTreeMap<u8, MemberChange<Merged>> {
    let keys = old.keys().chain(new.keys());
    keys.filter(|key| old.get(*key) != new.get(*key))
        .map(|key| (*key, MemberChange { old: old.get(key).cloned(), new: new.get(key).cloned() }))
        .collect()
}

/// Which members emit each key, by definition.
fn claims(state: &State) -> BTreeMap<u8, BTreeMap<u8, u8>> {
    let mut claims: BTreeMap<u8, BTreeMap<u8, u8>> = BTreeMap::new();
    for (member, entries) in state {
        for (key, value) in &**entries {
            claims.entry(*key).or_default().entry(*member).or_insert(*value);
        }
    }
    claims
}

fn state() -> impl Strategy<Value = State> {
    let entries = prop::collection::vec((0..6_u8, 0..3_u8), 0..4);
    prop::collection::btree_map(0..6_u8, entries.prop_map(Arc::new), 0..6)
}

proptest! {
    #[test]
    fn updates_arrive_where_the_definition_does(states in prop::collection::vec((state(), any::<bool>()), 1..12)) {
        let mut union = Union::<Merged>::default();
        let mut old = State::new();
        for (new, rebuild) in states {
            let before = union.entries.clone();
            let changed = if rebuild {
                union.rebuild(&members(&new))
            } else {
                union.update(&changes(&old, &new), || members(&new))
            };
            let claims = claims(&new);
            let winners = claims.iter().map(|(key, claims)| (*key, *claims.first_key_value().unwrap().1));
            prop_assert!(union.entries.iter().map(|(key, value)| (*key, *value)).eq(winners));
            prop_assert_eq!(changed, before != union.entries);
            let contested: BTreeMap<_, _> = claims.into_iter().filter(|(_, claims)| claims.len() > 1).collect();
            prop_assert_eq!(&union.contested, &contested);
            old = new;
        }
    }
}

#[test]
fn members_are_asked_for_only_when_a_new_conflict_arises() {
    let one = State::from([(1, Arc::new(vec![(7, 1)]))]);
    let two = State::from([(1, Arc::new(vec![(7, 1)])), (2, Arc::new(vec![(8, 1)]))]);
    let moved = State::from([(1, Arc::new(vec![(8, 2)])), (2, Arc::new(vec![(7, 1)]))]);
    let clash = State::from([(1, Arc::new(vec![(8, 2)])), (2, Arc::new(vec![(7, 1), (8, 3)]))]);
    let other = State::from([(1, Arc::new(vec![(8, 5)])), (2, Arc::new(vec![(7, 1), (8, 3)]))]);
    let mut union = Union::<Merged>::default();
    let mut old = State::new();
    for (new, conflict) in [(one, false), (two, false), (moved, false), (clash, true), (other, false)] {
        let mut asked = false;
        union.update(&changes(&old, &new), || {
            asked = true;
            members(&new)
        });
        assert_eq!(asked, conflict, "{new:?}");
        old = new;
    }
}
