//! Random histories: the engine agrees with a database that was made from the same facts at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use proptest::prelude::*;

use super::toy::{ByGroup, Choice, Item, ItemValue, Rule, Sum, Top, Tops, Values, View};
use crate::{ChangeSet, CollectLease, Db, Lease};

#[derive(Clone, Debug)]
enum Step {
    SetItem(u8, u8, u8),
    RemoveItem(u8),
    SetRule(u8, u8),
    RemoveRule(u8),
    /// Applies what was set and removed since the last time.
    Apply,
    Settle,
    Lease(u8, u8),
    Release(usize),
    Collect(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..8_u8, 0..4_u8, 0..10_u8).prop_map(|(key, group, value)| Step::SetItem(key, group, value)),
        3 => (0..8_u8).prop_map(Step::RemoveItem),
        2 => (0..4_u8, 0..6_u8).prop_map(|(group, rule)| Step::SetRule(group, rule)),
        1 => (0..4_u8).prop_map(Step::RemoveRule),
        3 => Just(Step::Apply),
        4 => Just(Step::Settle),
        5 => (0..6_u8, 0..4_u8).prop_map(|(kind, key)| Step::Lease(kind, key)),
        3 => any::<usize>().prop_map(Step::Release),
        1 => (0..4_u64).prop_map(Step::Collect),
    ]
}

/// A lease on one of the roots of the toy domain.
enum Root {
    View(u8, Lease<View>),
    Sum(u8, Lease<Sum>),
    Choice(u8, Lease<Choice>),
    Top(u8, Lease<Top>),
    Values(u8, CollectLease<Values>),
    Tops(u8, CollectLease<Tops>),
}

#[derive(Debug, PartialEq)]
enum RootValue {
    View(Option<u8>),
    Number(u32),
    Top((u32, Vec<u8>)),
    Values(OrdMap<u8, (u8, u8)>),
    Tops(OrdMap<u32, u8>),
}

impl Root {
    fn lease(db: &mut Db, kind: u8, key: u8) -> Self {
        match kind {
            0 => Self::View(key, db.lease(&key)),
            1 => Self::Sum(key, db.lease(&key)),
            2 => Self::Choice(key, db.lease(&key)),
            3 => Self::Top(key, db.lease(&key)),
            4 => Self::Values(key, db.lease_collect(&key)),
            _ => Self::Tops(key, db.lease_collect(&key)),
        }
    }

    fn same(&self, db: &mut Db) -> Self {
        let (kind, key) = match self {
            Self::View(key, _) => (0, *key),
            Self::Sum(key, _) => (1, *key),
            Self::Choice(key, _) => (2, *key),
            Self::Top(key, _) => (3, *key),
            Self::Values(key, _) => (4, *key),
            Self::Tops(key, _) => (5, *key),
        };
        Self::lease(db, kind, key)
    }

    fn value(&self, db: &Db) -> RootValue {
        match self {
            Self::View(_, lease) => RootValue::View(*lease.value(db)),
            Self::Sum(_, lease) => RootValue::Number(*lease.value(db)),
            Self::Choice(_, lease) => RootValue::Number(*lease.value(db)),
            Self::Top(_, lease) => RootValue::Top((*lease.value(db)).clone()),
            Self::Values(_, lease) => RootValue::Values(lease.value(db)),
            Self::Tops(_, lease) => RootValue::Tops(lease.value(db)),
        }
    }
}

/// The facts as a plain map would hold them.
#[derive(Clone, Default)]
struct Facts {
    items: BTreeMap<u8, ItemValue>,
    rules: BTreeMap<u8, u8>,
}

impl Facts {
    fn change(&mut self, step: &Step, changes: &mut ChangeSet) {
        match *step {
            Step::SetItem(key, group, value) => {
                self.items.insert(key, ItemValue { group, value });
                changes.set::<Item>(key, Arc::new(ItemValue { group, value }));
            }
            Step::RemoveItem(key) => {
                self.items.remove(&key);
                changes.remove::<Item>(key);
            }
            Step::SetRule(group, rule) => {
                self.rules.insert(group, rule);
                changes.set::<Rule>(group, Arc::new(rule));
            }
            Step::RemoveRule(group) => {
                self.rules.remove(&group);
                changes.remove::<Rule>(group);
            }
            _ => {}
        }
    }

    fn database(&self) -> Db {
        let mut db = Db::new();
        let mut changes = db.change();
        for (key, item) in &self.items {
            changes.set::<Item>(*key, Arc::new(*item));
        }
        for (group, rule) in &self.rules {
            changes.set::<Rule>(*group, Arc::new(*rule));
        }
        db.apply(changes);
        db
    }
}

struct Run {
    db: Db,
    /// What the database has been told, and what it will be told at the next `Apply`.
    applied: Facts,
    facts: Facts,
    changes: ChangeSet,
    roots: Vec<Root>,
}

impl Run {
    fn new() -> Self {
        let mut db = Db::new();
        // One index is registered up front; the other finds its facts at the first read.
        db.register_index::<ByGroup>();
        let changes = db.change();
        Self { db, applied: Facts::default(), facts: Facts::default(), changes, roots: Vec::new() }
    }

    fn apply(&mut self) {
        self.db.apply(std::mem::take(&mut self.changes));
        self.applied = self.facts.clone();
    }

    fn step(&mut self, step: &Step) {
        self.facts.change(step, &mut self.changes);
        match *step {
            Step::Apply => self.apply(),
            Step::Settle => {
                self.db.settle();
                self.check_values();
            }
            Step::Lease(kind, key) => {
                self.roots.push(Root::lease(&mut self.db, kind, key));
                self.check_values();
            }
            Step::Release(at) if !self.roots.is_empty() => {
                self.roots.swap_remove(at % self.roots.len());
            }
            Step::Collect(grace) => {
                self.db.collect_garbage(grace);
            }
            _ => {}
        }
        self.db.assert_consistent();
    }

    /// Compares every leased value with one computed from scratch.
    fn check_values(&self) {
        let mut fresh = self.applied.database();
        for root in &self.roots {
            let expected = root.same(&mut fresh);
            assert_eq!(root.value(&self.db), expected.value(&fresh));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_history_gives_the_values_of_a_fresh_database(steps in prop::collection::vec(step(), 1..120)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.apply();
        run.db.settle();
        run.check_values();
    }

    #[test]
    fn a_report_names_exactly_the_leased_roots_that_changed(steps in prop::collection::vec(step(), 1..80)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.db.settle();
        let before: Vec<_> = run.roots.iter().map(|root| root.value(&run.db)).collect();
        run.apply();
        let settled = run.db.settle();
        for (root, before) in run.roots.iter().zip(before) {
            let id = match root {
                Root::View(_, lease) => lease.id(),
                Root::Sum(_, lease) => lease.id(),
                Root::Choice(_, lease) => lease.id(),
                Root::Top(_, lease) => lease.id(),
                Root::Values(_, lease) => lease.id(),
                Root::Tops(_, lease) => lease.id(),
            };
            prop_assert_eq!(settled.has_changed(id), root.value(&run.db) != before);
        }
    }

    #[test]
    fn order_and_batching_of_changes_do_not_matter(
        steps in prop::collection::vec((0..8_u8, prop::option::of((0..4_u8, 0..10_u8))), 1..40),
        cuts in prop::collection::vec(any::<bool>(), 40),
        settle in any::<bool>(),
    ) {
        let step_of = |&(key, item): &(u8, Option<(u8, u8)>)| match item {
            Some((group, value)) => Step::SetItem(key, group, value),
            None => Step::RemoveItem(key),
        };
        // One batch, against many batches in the order of the keys, with values in between.
        let (mut whole, mut split) = (Run::new(), Run::new());
        for run in [&mut whole, &mut split] {
            for kind in 0..6 {
                for key in 0..4 {
                    run.step(&Step::Lease(kind, key));
                }
            }
        }
        for step in &steps {
            whole.step(&step_of(step));
        }
        whole.apply();
        whole.db.settle();
        let mut sorted = steps.clone();
        sorted.sort_by_key(|step| step.0);
        for (step, cut) in sorted.iter().zip(cuts) {
            split.step(&step_of(step));
            if cut {
                split.step(&Step::Apply);
                if settle {
                    split.step(&Step::Settle);
                }
            }
        }
        split.apply();
        split.db.settle();
        for (left, right) in whole.roots.iter().zip(&split.roots) {
            prop_assert_eq!(left.value(&whole.db), right.value(&split.db));
        }
    }

    #[test]
    fn nothing_remains_when_all_leases_are_dropped(steps in prop::collection::vec(step(), 1..80)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.roots.clear();
        run.db.collect_garbage(0);
        run.db.assert_consistent();
        let stats = run.db.stats();
        prop_assert_eq!((stats.nodes(), stats.edges()), (0, 0));
        let facts = (run.applied.items.len() + run.applied.rules.len()) as u64;
        prop_assert_eq!(stats.lines.iter().map(|line| line.facts).sum::<u64>(), facts);
    }
}
