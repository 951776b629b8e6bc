//! How many instructions RE2's program has for each part of an expression, at most.
//!
//! RE2 flattens a program into lists of instructions: each byte range, assertion and end of a group is one, and each
//! branch to something that is jumped to from elsewhere is one more.
//! What RE2 makes smaller (common beginnings of alternatives, repetitions of repetitions) is counted in full.

use super::class::{Class, Range};

mod bytes;

/// A part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Instructions.
    pub(super) size: u32,
    /// The most copies that counted repetitions make of something in it.
    pub(super) copies: u32,
    /// How many of the instructions it may begin with.
    first: u32,
    /// Whether it may match nothing.
    can_be_empty: bool,
    /// Whether something jumps to its beginning. A branch to it may then hold a copy of the first instructions.
    is_target: bool,
    /// The instructions for capitals that a class is spared, and is not as one of several alternatives.
    spared: u32,
}

impl Part {
    /// Matches nothing.
    pub(super) const EMPTY: Self =
        Self { size: 1, copies: 1, first: 1, can_be_empty: true, is_target: false, spared: 0 };
    /// An assertion, or any byte.
    pub(super) const ONE: Self = Self::EMPTY;
    /// Failure, the match, and the loop before an expression that is not anchored.
    pub(super) const FRAME: u32 = 4;

    /// A character.
    pub(super) fn literal(rune: u32) -> Self {
        Self { size: bytes::length(rune), can_be_empty: false, ..Self::EMPTY }
    }

    /// One of a class of characters.
    pub(super) fn class(class: &Class) -> Self {
        let ranges = without_capitals(class.ranges());
        let spared = u32::try_from(class.ranges().len() - ranges.len()).unwrap_or(u32::MAX);
        let (size, first) = bytes::program(&ranges);
        Self { size, first, spared, can_be_empty: false, ..Self::EMPTY }
    }

    /// One after the other.
    pub(super) fn sequence(before: Option<Self>, last: Self) -> Self {
        let Some(begin) = before else { return last };
        let second = if begin.can_be_empty { last.first } else { 0 };
        Self {
            size: begin.size.saturating_add(last.size),
            copies: begin.copies.max(last.copies),
            first: begin.first.saturating_add(second),
            can_be_empty: begin.can_be_empty && last.can_be_empty,
            is_target: begin.is_target || (begin.can_be_empty && last.is_target),
            spared: 0,
        }
    }

    /// One or the other.
    pub(super) fn choice(others: Option<Self>, last: Self) -> Self {
        let Some(others) = others else { return last };
        let (others, last) = (others.branched(), last.branched());
        Self {
            size: others.size.saturating_add(last.size),
            copies: others.copies.max(last.copies),
            first: others.first.saturating_add(last.first),
            can_be_empty: others.can_be_empty || last.can_be_empty,
            ..Self::EMPTY
        }
    }

    /// As one of several alternatives.
    fn branched(self) -> Self {
        let more = self.branch().saturating_add(self.spared);
        Self { size: self.size.saturating_add(more), first: self.first.saturating_add(self.spared), ..self }
    }

    /// What a branch to it costs.
    fn branch(self) -> u32 {
        if self.is_target { self.first } else { 0 }
    }

    /// A group that captures: its beginning and its end.
    pub(super) fn captured(self) -> Self {
        let size = self.size.saturating_add(2);
        Self { size, first: 1, is_target: false, spared: 0, ..self }
    }

    /// `{least,most}`.
    pub(super) fn counted(self, least: u32, most: Option<u32>) -> Self {
        let times = most.unwrap_or(least).max(1);
        Self { copies: self.copies.saturating_mul(times), ..self.repeated(least, most) }
    }

    /// So many times, one after the other.
    pub(super) fn repeated(self, least: u32, most: Option<u32>) -> Self {
        let copies = self.size.saturating_mul(most.unwrap_or(least).max(1));
        let branches = match (least, most) {
            (_, Some(0)) => return Self { copies: self.copies, ..Self::EMPTY },
            (_, None) if self.can_be_empty => 4,
            (0, None) => 1,
            (_, None) => 2,
            (_, Some(most)) => most - least,
        };
        let size = copies.saturating_add(branches).saturating_add(branches.saturating_mul(self.branch()));
        Self {
            size,
            copies: self.copies,
            first: self.first.saturating_add(1),
            can_be_empty: least == 0 || self.can_be_empty,
            is_target: self.is_target || (most.is_none() && least <= 1),
            spared: 0,
        }
    }
}

/// A class that treats `A` to `Z` as `a` to `z` has one instruction for both.
fn without_capitals(ranges: &[Range]) -> Vec<Range> {
    let letters = |first: char, last: char| {
        let (first, last) = (u32::from(first), u32::from(last));
        ranges
            .iter()
            .filter(move |(low, high)| *low <= last && *high >= first)
            .map(move |(low, high)| ((*low).max(first) - first, (*high).min(last) - first))
    };
    let alike = letters('A', 'Z').eq(letters('a', 'z'));
    let capitals = |(low, high): &Range| *low >= u32::from('A') && *high <= u32::from('Z');
    ranges.iter().copied().filter(|range| !(alike && capitals(range))).collect()
}
