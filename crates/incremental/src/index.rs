//! Indexes: the keys of one input's facts, grouped into buckets while changes are applied.

use std::any::TypeId;

use imbl::OrdSet;

use crate::bucket::{Bucket, IndexOver, insert, remove};
use crate::core::{Core, Ingredient};
use crate::define::{Index, Input};
use crate::input::{self, never_recomputed};
use crate::node::State;
use crate::table::{Data, Erased, Table};
use crate::terms::Kind;

type InputKey<I> = <<I as Index>::Input as Input>::Key;

/// The ingredient of an index. A new one groups the existing facts.
pub(crate) fn ingredient<I: Index>(core: &mut Core) -> u16 {
    let marker = TypeId::of::<(Kind, Bucket<I>)>();
    if let Some(known) = core.known_ingredient(marker) {
        return known;
    }
    let ingredient = core.ingredient(marker, &|| {
        let table = Table::new::<I::Bucket>(Data::edited::<Bucket<InputKey<I>>>());
        Ingredient::new(Kind::Index, I::NAME, 0, table, never_recomputed)
    });
    let over = input::ingredient::<I::Input>(core);
    let (insert, remove) = (insert::<InputKey<I>>, remove::<InputKey<I>>);
    core.add_index(over, IndexOver { ingredient, buckets: buckets::<I>, insert, remove });
    ingredient
}

impl Core {
    fn add_index(&mut self, over: u16, index: IndexOver) {
        self.ingredients[usize::from(over)].indexes.push(index);
        for row in self.table(over).rows() {
            let value = self.table(over).value(row).cloned();
            self.maintain(over, row, index, None, value.as_ref());
        }
    }
}

/// The node and the keys of a bucket, empty or not.
pub(crate) fn observe<I: Index>(core: &mut Core, bucket: &I::Bucket) -> (u32, OrdSet<InputKey<I>>) {
    let ingredient = ingredient::<I>(core);
    let id = core.node_of(ingredient, bucket, State::Fresh);
    (id, core.edited::<Bucket<InputKey<I>>>(id).keys())
}

fn buckets<I: Index>(facts: &Table, row: u32, value: &Erased, index: &mut Table) -> Vec<u32> {
    let value = value.downcast_ref().expect("an index is registered under its input");
    let buckets = I::buckets(facts.key(row), value);
    buckets.iter().map(|bucket| index.find_or_insert(bucket)).collect()
}
