//! Counts for metrics and leak tests.

use crate::core::Core;
use crate::terms::{Kind, Revision};

/// The size of the engine and how much it has computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The newest revision.
    pub revision: Revision,
    /// One line per defined type that has been used, by kind and name.
    pub lines: Vec<StatsLine>,
}

/// The counts of one input, index, query or collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsLine {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: &'static str,
    /// Nodes in memory. Facts and buckets have one only while something reads them.
    pub nodes: u64,
    /// Reads that those nodes made in their last computations.
    pub edges: u64,
    /// For inputs: facts that are set.
    pub facts: u64,
    /// Computations since the start, first ones included.
    pub recomputed: u64,
}

impl Stats {
    /// The line of one type, if that has been used.
    pub fn line(&self, kind: Kind, name: &str) -> Option<&StatsLine> {
        self.lines.iter().find(|line| line.kind == kind && line.name == name)
    }

    /// Nodes in memory.
    pub fn nodes(&self) -> u64 {
        self.lines.iter().map(|line| line.nodes).sum()
    }

    /// Edges in memory.
    pub fn edges(&self) -> u64 {
        self.lines.iter().map(|line| line.edges).sum()
    }
}

impl Core {
    pub(crate) fn stats(&self) -> Stats {
        let mut lines: Vec<_> = self
            .ingredients
            .iter()
            .map(|ingredient| StatsLine {
                kind: ingredient.kind,
                name: ingredient.name,
                nodes: ingredient.nodes,
                edges: ingredient.edges,
                facts: ingredient.facts,
                recomputed: ingredient.recomputed,
            })
            .collect();
        lines.sort_by_key(|line| (line.kind, line.name));
        Stats { revision: Revision(self.revision), lines }
    }
}
