//! A row of the conformance page.

use fairlead_xds::Protocol;

use crate::child::Child;

/// One situation, and what the server must do.
pub(crate) struct Row {
    /// Unique; the letters name the subject.
    pub(crate) id: &'static str,
    /// What the client does.
    pub(crate) situation: &'static str,
    /// What the server must do.
    pub(crate) answer: &'static str,
    /// Who says so.
    pub(crate) source: &'static str,
    pub(crate) body: Body,
}

/// How a row is proved.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// A script, see [`script`](crate::script).
    Script(Variants, &'static str),
    /// What is done to a server in a process of its own, see `transport`.
    Transport(fn(&Child) -> Result<(), String>),
}

/// The variants of the protocol in which a situation exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variants {
    Both,
    Delta,
    StateOfTheWorld,
}

impl Variants {
    pub(crate) fn list(self) -> &'static [Protocol] {
        match self {
            Self::Both => &[Protocol::Delta, Protocol::StateOfTheWorld],
            Self::Delta => &[Protocol::Delta],
            Self::StateOfTheWorld => &[Protocol::StateOfTheWorld],
        }
    }
}

impl Body {
    /// The variants as the page has them.
    pub(crate) fn variants(self) -> &'static str {
        match self {
            Self::Script(Variants::Both, _) => "both",
            Self::Script(Variants::Delta, _) => "delta",
            Self::Script(Variants::StateOfTheWorld, _) => "sotw",
            Self::Transport(_) => "transport",
        }
    }
}

/// A row of a script for both variants.
pub(crate) const fn both(
    id: &'static str,
    situation: &'static str,
    answer: &'static str,
    source: &'static str,
    script: &'static str,
) -> Row {
    Row { id, situation, answer, source, body: Body::Script(Variants::Both, script) }
}

/// A row of a script for delta alone.
pub(crate) const fn delta(
    id: &'static str,
    situation: &'static str,
    answer: &'static str,
    source: &'static str,
    script: &'static str,
) -> Row {
    Row { id, situation, answer, source, body: Body::Script(Variants::Delta, script) }
}

/// A row of a script for the state of the world alone.
pub(crate) const fn sotw(
    id: &'static str,
    situation: &'static str,
    answer: &'static str,
    source: &'static str,
    script: &'static str,
) -> Row {
    Row { id, situation, answer, source, body: Body::Script(Variants::StateOfTheWorld, script) }
}
