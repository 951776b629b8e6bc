//! The typed half of nodes: keys and values of one ingredient, by row.
//!
//! Types are known only where keys are hashed and compared, and where values are handed out. Rows, nodes and free lists
//! do not depend on types and are compiled once.

use std::any::Any;
use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::terms::Key;

/// Marks a fact or bucket without a node, as it was not read.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// A value of an erased type.
pub(crate) type Erased = Arc<dyn Any + Send + Sync>;

/// The value in its own type.
pub(crate) fn typed<V: Send + Sync + 'static>(value: Erased) -> Arc<V> {
    value.downcast().expect("the values of an ingredient are of one type")
}

/// Whether two values of an ingredient are equal.
pub(crate) fn equal<V: PartialEq + 'static>(left: &Erased, right: &Erased) -> bool {
    left.downcast_ref::<V>() == right.downcast_ref::<V>()
}

/// What an ingredient stores beside its keys, a row for each.
pub(crate) enum Data {
    /// Facts or results; `None` if absent or not computed yet. Facts stay without a node.
    Values { rows: Vec<Option<Erased>>, kept: bool },
    /// Values that the engine edits in place.
    Rows(Box<dyn Rows>),
}

impl Data {
    pub(crate) fn facts() -> Self {
        Self::Values { rows: Vec::new(), kept: true }
    }

    pub(crate) fn results() -> Self {
        Self::Values { rows: Vec::new(), kept: false }
    }

    pub(crate) fn edited<T: Row>() -> Self {
        Self::Rows(Box::new(Vec::<T>::new()))
    }

    fn grow(&mut self) {
        match self {
            Self::Values { rows, .. } => rows.push(None),
            Self::Rows(rows) => rows.grow(),
        }
    }

    fn clear(&mut self, row: u32) {
        match self {
            Self::Values { rows, .. } => rows[row as usize] = None,
            Self::Rows(rows) => rows.clear(row),
        }
    }

    fn outlives_node(&self, row: u32) -> bool {
        match self {
            Self::Values { rows, kept } => *kept && rows[row as usize].is_some(),
            Self::Rows(rows) => rows.outlives_node(row),
        }
    }
}

/// A value that is edited in place.
pub(crate) trait Row: Default + Send + 'static {
    /// Whether the row is still needed when its node is dropped.
    fn outlives_node(&self) -> bool;
}

pub(crate) trait Rows: Any + Send {
    fn grow(&mut self);
    fn clear(&mut self, row: u32);
    fn outlives_node(&self, row: u32) -> bool;
}

impl<T: Row> Rows for Vec<T> {
    fn grow(&mut self) {
        self.push(T::default());
    }

    fn clear(&mut self, row: u32) {
        self[row as usize] = T::default();
    }

    fn outlives_node(&self, row: u32) -> bool {
        self[row as usize].outlives_node()
    }
}

/// The keys of the rows; `None` for a free row.
trait Keys: Any + Send {
    fn hash(&self, row: u32) -> u64;
    fn compare(&self, left: u32, right: u32) -> Ordering;
    fn text(&self, row: u32) -> String;
    fn clear(&mut self, row: u32);
}

fn hash<K: Key>(key: &K) -> u64 {
    FxBuildHasher.hash_one(key)
}

fn key_at<K>(keys: &[Option<K>], row: u32) -> &K {
    keys[row as usize].as_ref().expect("a live node or fact refers to an occupied row")
}

impl<K: Key> Keys for Vec<Option<K>> {
    fn hash(&self, row: u32) -> u64 {
        hash(key_at(self, row))
    }

    fn compare(&self, left: u32, right: u32) -> Ordering {
        key_at(self, left).cmp(key_at(self, right))
    }

    fn text(&self, row: u32) -> String {
        format!("{:?}", key_at(self, row))
    }

    fn clear(&mut self, row: u32) {
        self[row as usize] = None;
    }
}

pub(crate) struct Table {
    rows: HashTable<u32>,
    nodes: Vec<u32>,
    free: Vec<u32>,
    keys: Box<dyn Keys>,
    data: Data,
}

impl Table {
    pub(crate) fn new<K: Key>(data: Data) -> Self {
        let keys = Box::new(Vec::<Option<K>>::new());
        Self { rows: HashTable::new(), nodes: Vec::new(), free: Vec::new(), keys, data }
    }

    pub(crate) fn find<K: Key>(&self, key: &K) -> Option<u32> {
        let keys = self.keys::<K>();
        self.find_where(hash(key), &|row| keys[row as usize].as_ref() == Some(key))
    }

    pub(crate) fn find_or_insert<K: Key>(&mut self, key: &K) -> u32 {
        let keys = self.keys::<K>();
        let hash = hash(key);
        if let Some(row) = self.find_where(hash, &|row| keys[row as usize].as_ref() == Some(key)) {
            return row;
        }
        let row = self.occupy(hash);
        let keys: &mut dyn Any = &mut *self.keys;
        let keys = keys.downcast_mut::<Vec<Option<K>>>().expect("a table has keys of one type");
        match keys.get_mut(row as usize) {
            Some(free) => *free = Some(key.clone()),
            None => keys.push(Some(key.clone())),
        }
        row
    }

    pub(crate) fn key<K: Key>(&self, row: u32) -> &K {
        key_at(self.keys::<K>(), row)
    }

    fn keys<K: Key>(&self) -> &Vec<Option<K>> {
        let keys: &dyn Any = &*self.keys;
        keys.downcast_ref().expect("a table has keys of one type")
    }

    /// The rows that are edited in place.
    pub(crate) fn edited<T: Row>(&self) -> &Vec<T> {
        let Data::Rows(rows) = &self.data else { unreachable!("only facts and results are plain values") };
        let rows: &dyn Any = &**rows;
        rows.downcast_ref().expect("a table has rows of one type")
    }

    pub(crate) fn edited_mut<T: Row>(&mut self) -> &mut Vec<T> {
        let Data::Rows(rows) = &mut self.data else {
            unreachable!("only facts and results are plain values")
        };
        let rows: &mut dyn Any = &mut **rows;
        rows.downcast_mut().expect("a table has rows of one type")
    }

    fn find_where(&self, hash: u64, is_it: &dyn Fn(u32) -> bool) -> Option<u32> {
        self.rows.find(hash, |&row| is_it(row)).copied()
    }

    /// Takes a row for a key with this hash, which is added next.
    fn occupy(&mut self, hash: u64) -> u32 {
        let row = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(NO_NODE);
            self.data.grow();
            u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 rows fit in memory")
        });
        let keys = &self.keys;
        self.rows.insert_unique(hash, row, |&row| keys.hash(row));
        row
    }

    pub(crate) fn remove(&mut self, row: u32) {
        let known = self.rows.find_entry(self.keys.hash(row), |&other| other == row);
        known.expect("an occupied row is found under its key").remove();
        self.keys.clear(row);
        self.data.clear(row);
        self.nodes[row as usize] = NO_NODE;
        self.free.push(row);
    }

    /// Forgets the node of a row, and the row with it unless its data is still needed.
    pub(crate) fn detach(&mut self, row: u32) {
        if self.is_needed(row) {
            self.nodes[row as usize] = NO_NODE;
        } else {
            self.remove(row);
        }
    }

    /// Whether a row has data that need no node.
    pub(crate) fn is_needed(&self, row: u32) -> bool {
        self.data.outlives_node(row)
    }

    pub(crate) fn node(&self, row: u32) -> u32 {
        self.nodes[row as usize]
    }

    pub(crate) fn set_node(&mut self, row: u32, node: u32) {
        self.nodes[row as usize] = node;
    }

    pub(crate) fn value(&self, row: u32) -> Option<&Erased> {
        let Data::Values { rows, .. } = &self.data else {
            unreachable!("facts and results are plain values")
        };
        rows[row as usize].as_ref()
    }

    pub(crate) fn replace(&mut self, row: u32, value: Option<Erased>) -> Option<Erased> {
        let Data::Values { rows, .. } = &mut self.data else {
            unreachable!("facts and results are plain values")
        };
        std::mem::replace(&mut rows[row as usize], value)
    }

    /// The occupied rows, in no particular order.
    pub(crate) fn rows(&self) -> Vec<u32> {
        self.rows.iter().copied().collect()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.rows.len() + self.free.len(), self.nodes.len());
        assert!(
            self.rows
                .iter()
                .all(|&row| self.find_where(self.keys.hash(row), &|other| other == row).is_some())
        );
        self.rows.len()
    }

    pub(crate) fn compare(&self, left: u32, right: u32) -> Ordering {
        self.keys.compare(left, right)
    }

    pub(crate) fn key_text(&self, row: u32) -> String {
        self.keys.text(row)
    }
}
