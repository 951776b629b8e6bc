//! What must be true of the internals between any two operations.

use std::collections::{BTreeMap, BTreeSet};

use crate::Db;
use crate::node::State;
use crate::terms::Kind;

impl Db {
    /// Panics when edges, demand or states contradict each other.
    pub(crate) fn assert_consistent(&self) {
        let core = self.core();
        let freed: BTreeSet<u32> = core.free.iter().copied().collect();
        let all = 0..u32::try_from(core.nodes.len()).expect("node ids are u32");
        let alive: BTreeSet<u32> = all.filter(|id| !freed.contains(id)).collect();
        let mut readers: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        let mut demand: BTreeMap<u32, u32> = BTreeMap::new();
        for &id in &alive {
            let node = core.node(id);
            *demand.entry(id).or_default() += node.leases;
            assert_eq!(node.deps.iter().collect::<BTreeSet<_>>().len(), node.deps.len(), "an edge twice");
            for &dep in &node.deps {
                assert!(alive.contains(&dep), "an edge to a dropped node");
                readers.entry(dep).or_default().insert(id);
                *demand.entry(dep).or_default() += u32::from(node.demand > 0);
            }
        }
        let mut nodes = vec![0_u64; core.ingredients.len()];
        let mut edges = vec![0_u64; core.ingredients.len()];
        for &id in &alive {
            let node = core.node(id);
            nodes[usize::from(node.ingredient)] += 1;
            edges[usize::from(node.ingredient)] += node.deps.len() as u64;
            let listed: BTreeSet<u32> = node.readers.to_vec().into_iter().collect();
            assert_eq!(listed, readers.remove(&id).unwrap_or_default(), "readers of {}", core.key_text(id));
            assert_eq!(
                node.demand,
                demand[&id],
                "demand of {} {}",
                core.ingredient_of(id).name,
                core.key_text(id)
            );
            assert!(!node.is_unread() || node.listed, "an unread node is not a candidate");
            match node.state {
                State::New => panic!("a node without a value outside a computation"),
                State::Fresh => {}
                State::Dirty => assert!(node.demand > 0, "a dormant node is queued"),
                State::Stale => {
                    assert_eq!(node.demand, 0, "a demanded node is in doubt");
                    for reader in listed {
                        assert_eq!(core.node(reader).state, State::Stale, "doubt has not reached a reader");
                    }
                }
            }
        }
        for (index, ingredient) in core.ingredients.iter().enumerate() {
            assert_eq!(
                (ingredient.nodes, ingredient.edges),
                (nodes[index], edges[index]),
                "{}",
                ingredient.name
            );
            let slots = ingredient.table.len() as u64;
            match ingredient.kind {
                Kind::Input => assert!(slots <= ingredient.facts + ingredient.nodes, "a slot without use"),
                Kind::Index => assert!(slots >= ingredient.nodes),
                _ => assert_eq!(slots, ingredient.nodes),
            }
            assert!(ingredient.kind == Kind::Input || ingredient.facts == 0);
        }
        assert!(core.computing.is_empty());
        let queued = core.queue.values().flatten();
        let queued: BTreeSet<u32> = queued.filter(|node| core.is_alive(**node)).map(|node| node.id).collect();
        for &id in &alive {
            assert!(
                core.node(id).state != State::Dirty || queued.contains(&id),
                "a dirty node is not queued"
            );
        }
        let told_and_dirty = core.changed_members.keys().all(|id| core.node(*id).state == State::Dirty);
        assert!(told_and_dirty, "told members of a collection that is not dirty");
    }
}
