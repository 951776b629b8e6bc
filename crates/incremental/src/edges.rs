//! Edges, demand and the push of invalidation.
//!
//! A node is *demanded* while a lease holds it or a demanded node read it, else it is *dormant*. A change makes
//! demanded readers dirty one step at a time, because each of them decides whether the wave goes on. Dormant readers
//! are not recomputed, so the mark travels up to all of them at once; each node is marked once, however many changes
//! follow.

use rustc_hash::FxHashSet;

use crate::core::Core;
use crate::node::{Node, State};
use crate::table::Erased;
use crate::terms::Kind;

impl Core {
    /// Stores what a computation of `id` read; the value is of the current revision from now on.
    pub(crate) fn complete(&mut self, id: u32, mut reads: Vec<u32>) {
        self.count_reads(reads.len());
        let mark = self.next_mark();
        reads.retain(|&dep| {
            let first = self.nodes[dep as usize].mark != mark;
            self.nodes[dep as usize].mark = mark;
            first
        });
        self.replace_deps(id, reads);
        self.complete_in_place(id);
    }

    /// Counts the reads of a computation of settling.
    fn count_reads(&mut self, reads: usize) {
        if self.settling {
            self.settled_reads += u64::try_from(reads).unwrap_or(u64::MAX);
        }
    }

    /// As [`complete`](Self::complete), for a computation that made `reads` reads and keeps its other dependencies.
    pub(crate) fn complete_with(&mut self, id: u32, reads: usize, added: &[u32], removed: &[u32]) {
        self.count_reads(reads);
        let node = self.node_mut(id);
        if !removed.is_empty() {
            let removed: FxHashSet<u32> = removed.iter().copied().collect();
            node.deps.retain(|dep| !removed.contains(dep));
        }
        node.deps.extend_from_slice(added);
        self.link(id, added);
        self.unlink(id, removed);
        self.complete_in_place(id);
    }

    fn complete_in_place(&mut self, id: u32) {
        let revision = self.revision;
        let settling = self.settling;
        let node = self.node_mut(id);
        node.state = State::Fresh;
        node.verified_at = revision;
        let ingredient = usize::from(node.ingredient);
        self.ingredients[ingredient].recomputed += 1;
        self.ingredients[ingredient].resettled += u64::from(settling);
        let innermost = self.computing.pop();
        debug_assert_eq!(innermost, Some(id));
    }

    fn replace_deps(&mut self, id: u32, mut new: Vec<u32>) {
        if self.node(id).deps == new {
            return;
        }
        new.shrink_to_fit();
        let old = std::mem::take(&mut self.node_mut(id).deps);
        let added = self.missing_from(&old, &new);
        let removed = self.missing_from(&new, &old);
        self.node_mut(id).deps = new;
        // Additions first, so that dependencies of both lists, direct or not, never go dormant in between.
        self.link(id, &added);
        self.unlink(id, &removed);
    }

    /// The elements of `list` that are not in `base`.
    fn missing_from(&mut self, base: &[u32], list: &[u32]) -> Vec<u32> {
        let mark = self.next_mark();
        for &dep in base {
            self.node_mut(dep).mark = mark;
        }
        list.iter().copied().filter(|&dep| self.node(dep).mark != mark).collect()
    }

    /// Adds the reverse edges of new dependencies.
    fn link(&mut self, id: u32, added: &[u32]) {
        self.count_edges(id, added.len(), true);
        let demanded = self.node(id).demand > 0;
        for &dep in added {
            debug_assert!(self.node(dep).level < self.node(id).level, "edges lead to lower levels");
            self.node_mut(dep).readers.insert(id);
            if demanded {
                self.demand(dep);
            }
        }
    }

    /// Removes the reverse edges of former dependencies.
    pub(crate) fn unlink(&mut self, id: u32, removed: &[u32]) {
        self.count_edges(id, removed.len(), false);
        let demanded = self.node(id).demand > 0;
        for &dep in removed {
            self.node_mut(dep).readers.remove(id);
            if demanded {
                self.undemand(dep);
            }
            self.list_if_unread(dep);
        }
    }

    fn count_edges(&mut self, id: u32, count: usize, added: bool) {
        let ingredient = usize::from(self.node(id).ingredient);
        let edges = &mut self.ingredients[ingredient].edges;
        let count = count as u64;
        *edges = if added { *edges + count } else { *edges - count };
    }

    /// Makes a node a candidate of the garbage collector if it has no reader and no lease.
    pub(crate) fn list_if_unread(&mut self, id: u32) {
        let reference = self.reference(id);
        let node = self.node_mut(id);
        if node.is_unread() && !node.listed {
            node.listed = true;
            self.unread.push(reference);
        }
    }

    /// Adds one reason to keep a node fresh. A node that was dormant passes the demand on.
    pub(crate) fn demand(&mut self, id: u32) {
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            let node = self.node_mut(id);
            node.demand += 1;
            if node.demand == 1 {
                debug_assert_eq!(node.state, State::Fresh, "who demands a node has read it");
                stack.extend_from_slice(&node.deps);
            }
        }
    }

    /// Removes one reason. A node that goes dormant withdraws its own demand.
    pub(crate) fn undemand(&mut self, id: u32) {
        let fresh_at = self.fresh_at;
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            let node = self.node_mut(id);
            node.demand -= 1;
            if node.demand > 0 {
                continue;
            }
            stack.extend_from_slice(&node.deps);
            if node.state == State::Dirty {
                // It was not recomputed for the newest revision, and now will not be: readers that went dormant before
                // it look fresh but are not.
                node.state = State::Fresh;
                self.changed_members.remove(&id);
                self.mark_stale(id);
            } else {
                node.verified_at = fresh_at;
            }
        }
    }

    /// Marks a dormant node and all its readers: their values may be out of date.
    fn mark_stale(&mut self, id: u32) {
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            let node = self.node_mut(id);
            debug_assert_eq!(node.demand, 0, "a demanded node is dirty, not stale");
            if node.state == State::Fresh {
                node.state = State::Stale;
                stack.extend(node.readers.to_vec());
            }
        }
    }

    /// Tells the readers of a node that its value changed in this revision.
    ///
    /// `old` is the previous value, if any: collections need it to find the entries to remove.
    pub(crate) fn notify(&mut self, id: u32, old: Option<&Erased>) {
        let revision = self.revision;
        let cause = self.reference(id);
        let node = self.node_mut(id);
        node.changed_at = revision;
        let leased = node.leases > 0;
        let readers = node.readers.to_vec();
        if leased {
            self.changed_roots.push(cause);
        }
        for reader in readers {
            let Node { demand, state, level, .. } = *self.node(reader);
            if demand == 0 {
                self.mark_stale(reader);
                continue;
            }
            if state == State::Fresh {
                let reference = self.reference(reader);
                self.queue.entry(level).or_default().push(reference);
                let node = self.node_mut(reader);
                node.state = State::Dirty;
                node.cause = Some(cause);
            }
            if let Some(old) = old
                && self.ingredient_of(reader).kind == Kind::Collect
            {
                self.changed_members.entry(reader).or_default().push((id, old.clone()));
            }
        }
    }
}
