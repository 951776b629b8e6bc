use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Emissions, Entries, MemberEdit, Union};

/// What each member emits, repetitions included.
type State = BTreeMap<u32, Vec<(u8, u8)>>;

fn emissions(state: &State) -> Emissions<u8, u8> {
    let of_member = |(member, entries): (&u32, &Vec<(u8, u8)>)| {
        let member = *member;
        entries.clone().into_iter().map(move |(key, value)| (key, member, value))
    };
    state.iter().flat_map(of_member).collect()
}

fn emitted(state: &State, member: u32) -> Entries<u8, u8> {
    let entries = state.get(&member).into_iter().flatten().rev();
    entries.copied().collect::<BTreeMap<_, _>>().into_iter().collect()
}

fn edits(old: &State, new: &State) -> Vec<MemberEdit<u8, u8>> {
    let members: BTreeSet<u32> = old.keys().chain(new.keys()).copied().collect();
    let edit = |member| MemberEdit { member, old: emitted(old, member), new: emitted(new, member) };
    members.into_iter().filter(|member| old.get(member) != new.get(member)).map(edit).collect()
}

fn update(
    union: &mut Union<u8, u8>,
    old: &State,
    new: &State,
    emissions: &dyn Fn() -> Emissions<u8, u8>,
) -> bool {
    union.update(edits(old, new), &|left, right| left.cmp(&right), emissions)
}

/// Which members emit each key, by definition.
fn claims(state: &State) -> BTreeMap<u8, BTreeMap<u32, u8>> {
    let mut claims: BTreeMap<u8, BTreeMap<u32, u8>> = BTreeMap::new();
    for (member, entries) in state {
        for (key, value) in entries {
            claims.entry(*key).or_default().entry(*member).or_insert(*value);
        }
    }
    claims
}

fn state() -> impl Strategy<Value = State> {
    let entries = prop::collection::vec((0..6_u8, 0..3_u8), 0..4);
    prop::collection::btree_map(0..6_u32, entries, 0..6)
}

proptest! {
    #[test]
    fn updates_arrive_where_the_definition_does(states in prop::collection::vec((state(), any::<bool>()), 1..12)) {
        let mut union = Union::<u8, u8>::default();
        let mut old = State::new();
        for (new, rebuild) in states {
            let before = union.entries.clone();
            let changed = if rebuild {
                union.rebuild(emissions(&new))
            } else {
                update(&mut union, &old, &new, &|| emissions(&new))
            };
            let claims = claims(&new);
            let winners = claims.iter().map(|(key, claims)| (*key, *claims.first_key_value().unwrap().1));
            prop_assert!(union.entries.iter().map(|(key, value)| (*key, *value)).eq(winners));
            prop_assert_eq!(changed, before != union.entries);
            let contested: BTreeMap<_, _> = claims.into_iter().filter(|(_, claims)| claims.len() > 1).collect();
            let recorded: BTreeMap<_, BTreeMap<_, _>> =
                union.contested.iter().map(|(key, claims)| (*key, claims.iter().copied().collect())).collect();
            prop_assert_eq!(recorded, contested);
            prop_assert!(union.contested.values().all(|claims| claims.is_sorted_by_key(|(member, _)| member)));
            old = new;
        }
    }
}

#[test]
fn members_are_asked_for_only_when_a_new_conflict_arises() {
    let one = State::from([(1, vec![(7, 1)])]);
    let two = State::from([(1, vec![(7, 1)]), (2, vec![(8, 1)])]);
    let moved = State::from([(1, vec![(8, 2)]), (2, vec![(7, 1)])]);
    let clash = State::from([(1, vec![(8, 2)]), (2, vec![(7, 1), (8, 3)])]);
    let other = State::from([(1, vec![(8, 5)]), (2, vec![(7, 1), (8, 3)])]);
    let mut union = Union::<u8, u8>::default();
    let mut old = State::new();
    for (new, conflict) in [(one, false), (two, false), (moved, false), (clash, true), (other, false)] {
        let asked = Cell::new(false);
        update(&mut union, &old, &new, &|| {
            asked.set(true);
            emissions(&new)
        });
        assert_eq!(asked.get(), conflict, "{new:?}");
        old = new;
    }
}
