//! Explains what a resource was computed from: the engine's explanation, followed down to the objects.

use std::{collections::BTreeSet, fmt::Write as _};

use fairlead_incremental::{Db, Explanation};
use fairlead_translate::publication::{PublicationKey, SetsOf, ViewKey, ViewOf};

/// Maximum depth of an explanation: a whole mesh is below every publication.
const DEPTH: usize = 12;
const LINES: usize = 500;

/// Maximum number of nodes visited: the core does nothing else meanwhile.
const VISITS: usize = 50_000;

/// Describes what the view of a proxy and its resources were computed from, each node once. With `needles`, only the
/// branches in which some key contains one of them (a host, the name of an object).
pub fn explain(db: &Db, key: &PublicationKey, view: &ViewKey, needles: &[String]) -> Option<String> {
    let roots = [db.explain::<ViewOf>(key)?, db.explain::<SetsOf>(view)?];
    let mut teller = Teller { db, needles, text: String::new(), lines: 0, told: BTreeSet::new() };
    for root in &roots {
        teller.node(root, 0);
    }
    if teller.lines >= LINES {
        let _ = writeln!(teller.text, "… cut at {LINES} lines");
    }
    Some(teller.text)
}

struct Teller<'a> {
    db: &'a Db,
    needles: &'a [String],
    text: String,
    lines: usize,
    told: BTreeSet<fairlead_incremental::NodeId>,
}

impl Teller<'_> {
    /// Describes a node and what it read, each node once. Returns whether any of it was included.
    fn node(&mut self, node: &Explanation, depth: usize) -> bool {
        let enough = depth > DEPTH || self.lines >= LINES || self.told.len() >= VISITS;
        if enough || !self.told.insert(node.node.id) {
            return false;
        }
        let before = (self.text.len(), self.lines);
        let mention = &node.node;
        // Writing to a String does not fail.
        let _ = writeln!(
            self.text,
            "{:indent$}{} {} {} (changed at revision {})",
            "",
            mention.kind,
            mention.name,
            shortened(&mention.key),
            mention.changed_at.0,
            indent = depth * 2
        );
        self.lines += 1;
        let mut wanted =
            self.needles.is_empty() || self.needles.iter().any(|needle| mention.key.contains(needle));
        for read in &node.reads {
            if let Some(read) = self.db.explain_node(read.id) {
                wanted |= self.node(&read, depth + 1);
            }
        }
        if !wanted {
            self.text.truncate(before.0);
            self.lines = before.1;
        }
        wanted
    }
}

/// The beginning of a key for a line: keys may hold whole views.
fn shortened(key: &str) -> String {
    const SHOWN: usize = 160;
    match key.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}
