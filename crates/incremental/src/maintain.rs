//! Keeping indexes up to date while facts are written.

use crate::bucket::{EditBucket, IndexOver};
use crate::core::Core;
use crate::table::{Erased, NO_NODE, Table};

impl Core {
    /// Updates the buckets of an index after a fact has changed, or for a fact that is older than the index.
    pub(crate) fn maintain(
        &mut self,
        input: u16,
        row: u32,
        index: IndexOver,
        old: Option<&Erased>,
        new: Option<&Erased>,
    ) {
        let [facts, buckets] = self.two_tables(input, index.ingredient);
        let mut rows = |value: Option<&Erased>| {
            let mut rows = value.map_or_else(Vec::new, |value| (index.buckets)(facts, row, value, buckets));
            rows.sort_unstable();
            rows.dedup();
            rows
        };
        let (old, new) = (rows(old), rows(new));
        for &bucket in old.iter().filter(|bucket| new.binary_search(bucket).is_err()) {
            self.edit_bucket(input, row, index.ingredient, bucket, index.remove);
        }
        for &bucket in new.iter().filter(|bucket| old.binary_search(bucket).is_err()) {
            self.edit_bucket(input, row, index.ingredient, bucket, index.insert);
        }
    }

    fn edit_bucket(&mut self, input: u16, row: u32, index: u16, bucket: u32, edit: EditBucket) {
        let [facts, buckets] = self.two_tables(input, index);
        let changed = edit(facts, row, buckets, bucket);
        let node = buckets.node(bucket);
        if node == NO_NODE && !buckets.is_needed(bucket) {
            buckets.remove(bucket);
        }
        debug_assert!(
            changed,
            "`{}`: `buckets` is not a function of key and value",
            self.ingredients[usize::from(index)].name
        );
        if node != NO_NODE {
            self.notify(node, None);
        }
    }

    fn two_tables(&mut self, left: u16, right: u16) -> [&mut Table; 2] {
        let both = self.ingredients.get_disjoint_mut([usize::from(left), usize::from(right)]);
        both.expect("an input and an index over it are two ingredients")
            .map(|ingredient| &mut ingredient.table)
    }
}
