//! A toy domain that uses everything: several strata, dynamic reads, indexes, collections.
//!
//! The arithmetic means nothing. It is chosen so that results are often equal, which reads happen
//! depends on values, and members of a collection emit the same keys.

use std::sync::Arc;

use imbl::OrdSet;

use crate::{ChangeSet, Collect, Index, Input, Query, Reader, Stratum};

/// An item belongs to a group and has a value.
pub(super) struct Item;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ItemValue {
    pub(super) group: u8,
    pub(super) value: u8,
}

impl Input for Item {
    type Key = u8;
    type Value = ItemValue;
    const NAME: &'static str = "item";
}

/// What a group adds to the odd ones of its items.
pub(super) struct Rule;

impl Input for Rule {
    type Key = u8;
    type Value = u8;
    const NAME: &'static str = "rule";
}

pub(super) struct ByGroup;

impl Index for ByGroup {
    type Input = Item;
    type Bucket = u8;
    const NAME: &'static str = "by group";

    fn buckets(_: &u8, item: &ItemValue) -> Vec<u8> {
        // Large values are in the next group too.
        if item.value > 5 { vec![item.group, item.group + 1] } else { vec![item.group] }
    }
}

pub(super) struct All;

impl Index for All {
    type Input = Item;
    type Bucket = ();
    const NAME: &'static str = "all";

    fn buckets(_: &u8, _: &ItemValue) -> Vec<()> {
        vec![()]
    }
}

pub(super) struct View;

impl Query for View {
    type Key = u8;
    type Value = Option<u8>;
    const NAME: &'static str = "view";
    const STRATUM: Stratum = Stratum(10);

    fn compute(cx: &Reader<'_>, key: &u8) -> Option<u8> {
        let item = cx.input::<Item>(key)?;
        if item.value % 2 == 0 {
            return Some(item.value);
        }
        let rule = cx.input::<Rule>(&item.group).map_or(0, |rule| *rule);
        Some(item.value.wrapping_add(rule))
    }
}

pub(super) struct Sum;

impl Query for Sum {
    type Key = u8;
    type Value = u32;
    const NAME: &'static str = "sum";
    const STRATUM: Stratum = Stratum(20);

    fn compute(cx: &Reader<'_>, group: &u8) -> u32 {
        let keys = cx.index::<ByGroup>(group);
        keys.iter().filter_map(|key| *cx.get::<View>(key)).map(u32::from).sum()
    }
}

/// The values of a group, each with the item that has it. Items with equal values contend.
pub(super) struct Values;

impl Collect for Values {
    type Key = u8;
    type Member = View;
    type OutKey = u8;
    type OutValue = (u8, u8);
    const NAME: &'static str = "values";
    const STRATUM: Stratum = Stratum(20);

    fn members(cx: &Reader<'_>, group: &u8) -> OrdSet<u8> {
        let keys = cx.index::<ByGroup>(group);
        match cx.input::<Rule>(group) {
            Some(rule) if *rule % 3 == 1 => keys.iter().copied().filter(|key| key % 2 == 0).collect(),
            _ => keys,
        }
    }

    fn entries(key: &u8, value: &Option<u8>) -> impl IntoIterator<Item = (u8, (u8, u8))> {
        let mut entries = Vec::new();
        if let Some(value) = value {
            entries.push((value % 5, (*key, *value)));
            if *value > 3 {
                entries.push((100 + value % 2, (*key, 0)));
            }
            // There already, unless it is not: the first counts.
            entries.push((100, (*key, 1)));
        }
        entries
    }
}

/// Chooses what to read by what it has read.
pub(super) struct Choice;

impl Query for Choice {
    type Key = u8;
    type Value = u32;
    const NAME: &'static str = "choice";
    const STRATUM: Stratum = Stratum(30);

    fn compute(cx: &Reader<'_>, group: &u8) -> u32 {
        let sum = *cx.get::<Sum>(group);
        match sum % 3 {
            0 => u32::from(cx.get::<View>(&small(sum % 8)).unwrap_or(7)),
            1 => cx.collect::<Values>(&small(sum % 4)).values().map(|value| u32::from(value.0)).sum(),
            _ => *cx.get::<Sum>(&small((sum + 1) % 4)) % 2,
        }
    }
}

pub(super) struct Top;

impl Query for Top {
    type Key = u8;
    type Value = (u32, Vec<u8>);
    const NAME: &'static str = "top";
    const STRATUM: Stratum = Stratum(40);

    fn compute(cx: &Reader<'_>, group: &u8) -> (u32, Vec<u8>) {
        let choice = *cx.get::<Choice>(group);
        if choice.is_multiple_of(2) {
            return (choice % 4, Vec::new());
        }
        let values = cx.collect::<Values>(group);
        (*cx.get::<Choice>(&small(choice % 4)) % 4, values.keys().copied().collect())
    }
}

/// Collects over queries that read collections; its members come and go with the items.
pub(super) struct Tops;

impl Collect for Tops {
    type Key = u8;
    type Member = Top;
    type OutKey = u32;
    type OutValue = u8;
    const NAME: &'static str = "tops";
    const STRATUM: Stratum = Stratum(50);

    fn members(cx: &Reader<'_>, modulus: &u8) -> OrdSet<u8> {
        let all = cx.index::<All>(&());
        all.iter().filter_map(|key| cx.input::<Item>(key)).map(|item| item.group % (modulus + 1)).collect()
    }

    fn entries(group: &u8, top: &(u32, Vec<u8>)) -> impl IntoIterator<Item = (u32, u8)> {
        let keys = top.1.iter().map(|key| u32::from(*key) + 1000);
        std::iter::once(top.0).chain(keys).map(|key| (key, *group))
    }
}

pub(super) fn small(number: u32) -> u8 {
    u8::try_from(number).expect("callers pass small numbers")
}

pub(super) fn set_item(changes: &mut ChangeSet, key: u8, group: u8, value: u8) {
    changes.set::<Item>(key, Arc::new(ItemValue { group, value }));
}
