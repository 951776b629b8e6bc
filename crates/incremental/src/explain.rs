//! Explains the value of a node: what it read, and what caused its computation.

use std::fmt;

use crate::core::Core;
use crate::node::{NodeRef, State};
use crate::terms::{Kind, Revision};

/// Identifies a node for [`Db::explain_node`](crate::Db::explain_node).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) NodeRef);

/// A node as it appears in an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The id with which to explain it in turn.
    pub id: NodeId,
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: &'static str,
    /// Its key in debug form.
    pub key: String,
    /// When its value changed last.
    pub changed_at: Revision,
}

/// The cause of a node's last computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It had no value.
    First,
    /// This dependency had changed, and perhaps others with it.
    Changed(Mention),
    /// A dependency had changed that no longer exists.
    Gone,
    /// It is a fact or a bucket, which changes set.
    Set,
}

/// What is known about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The node itself.
    pub node: Mention,
    /// The newest revision for which its value is known to be right.
    pub verified_at: Revision,
    /// Whether something it read may have changed since then.
    pub is_pending: bool,
    /// Whether a lease needs it, directly or not.
    pub is_demanded: bool,
    /// The cause of its last computation.
    pub cause: Cause,
    /// What it read then, in the order of the first read.
    pub reads: Vec<Mention>,
}

impl Core {
    pub(crate) fn explain(&self, id: u32) -> Explanation {
        let node = self.node(id);
        let kind = self.ingredient_of(id).kind;
        let is_base = matches!(kind, Kind::Input | Kind::Index);
        let verified_at = match node.state {
            State::Fresh if is_base => self.revision,
            State::Fresh if node.demand > 0 => self.fresh_at.max(node.verified_at),
            _ => node.verified_at,
        };
        let cause = match node.cause {
            _ if is_base => Cause::Set,
            None => Cause::First,
            Some(cause) if self.is_alive(cause) => Cause::Changed(self.mention(cause.id)),
            Some(_) => Cause::Gone,
        };
        Explanation {
            node: self.mention(id),
            verified_at: Revision(verified_at),
            is_pending: node.state != State::Fresh,
            is_demanded: node.demand > 0,
            cause,
            reads: node.deps.iter().map(|&dep| self.mention(dep)).collect(),
        }
    }

    fn mention(&self, id: u32) -> Mention {
        let ingredient = self.ingredient_of(id);
        Mention {
            id: NodeId(self.reference(id)),
            kind: ingredient.kind,
            name: ingredient.name,
            key: self.key_text(id),
            changed_at: Revision(self.node(id).changed_at),
        }
    }
}

impl fmt::Display for Mention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}, changed at {}", self.kind, self.name, self.key, self.changed_at.0)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = if self.is_pending { ", may have changed since" } else { "" };
        writeln!(f, "{}, verified at {}{pending}", self.node, self.verified_at.0)?;
        match &self.cause {
            Cause::First => writeln!(f, "computed: first demand")?,
            Cause::Changed(cause) => writeln!(f, "computed: {cause}")?,
            Cause::Gone => writeln!(f, "computed: a dependency that is gone")?,
            Cause::Set => writeln!(f, "set from outside")?,
        }
        for read in &self.reads {
            writeln!(f, "  reads {read}")?;
        }
        Ok(())
    }
}
