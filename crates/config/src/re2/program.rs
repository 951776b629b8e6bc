//! Upper bounds of the instructions in RE2's program for the parts of an expression.
//!
//! RE2 flattens a program into lists of instructions: each byte range, assertion and end of a group is one, and each
//! branch to something that is a jump target elsewhere is one more. RE2's simplifications (common prefixes of
//! alternatives, nested repetitions) are not taken into account.

use super::{class::Class, group::Flags};

/// A part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Instructions.
    pub(super) size: u32,
    /// Maximum number of copies that counted repetitions make of something in it.
    pub(super) copies: u32,
    /// Number of the instructions it may begin with.
    first: u32,
    /// Whether it may match nothing.
    can_be_empty: bool,
    /// Whether something jumps to its beginning. A branch to it may then hold a copy of the first instructions.
    is_target: bool,
    /// The instructions for capitals that it is spared, but not if it becomes one class with other alternatives.
    spared: u32,
    /// Whether it is any one byte. RE2 marks a loop of these before the match with one more instruction.
    is_any_byte: bool,
}

impl Part {
    /// Matches nothing.
    pub(super) const EMPTY: Self = Self {
        size: 1,
        copies: 1,
        first: 1,
        can_be_empty: true,
        is_target: false,
        spared: 0,
        is_any_byte: false,
    };
    /// A place, as `^`.
    pub(super) const ASSERTION: Self = Self::EMPTY;
    /// Any byte.
    pub(super) const ANY_BYTE: Self = Self { can_be_empty: false, is_any_byte: true, ..Self::EMPTY };
    /// Failure, the match, and the loop before an expression that is not anchored.
    pub(super) const FRAME: u32 = 4;

    /// A character.
    pub(super) fn literal(byte: u8, flags: Flags) -> Self {
        let spared = u32::from(flags.ignore_case && byte.is_ascii_alphabetic());
        Self { spared, can_be_empty: false, ..Self::EMPTY }
    }

    /// One of a class of characters.
    pub(super) fn class(class: &Class) -> Self {
        let spared = class.capitals();
        let size = (class.ranges() - spared).max(1);
        Self { size, first: size, spared, can_be_empty: false, is_any_byte: class.is_all(), ..Self::EMPTY }
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
            // A common prefix of alternatives is factored out, which may leave the last part alone.
            spared: last.spared,
            is_any_byte: false,
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

    /// The cost of a branch to it.
    fn branch(self) -> u32 {
        if self.is_target { self.first } else { 0 }
    }

    /// A group that captures: its beginning and its end.
    pub(super) fn captured(self) -> Self {
        let size = self.size.saturating_add(2);
        Self { size, first: 1, is_target: false, spared: 0, is_any_byte: false, ..self }
    }

    /// `{least,most}`.
    pub(super) fn counted(self, least: u32, most: Option<u32>) -> Self {
        let times = most.unwrap_or(least).max(1);
        Self { copies: self.copies.saturating_mul(times), ..self.repeated(least, most) }
    }

    /// Repeated at least `least` and at most `most` times.
    pub(super) fn repeated(self, least: u32, most: Option<u32>) -> Self {
        let copies = self.size.saturating_mul(most.unwrap_or(least).max(1));
        let branches = match (least, most) {
            (_, Some(0)) => return Self { copies: self.copies, ..Self::EMPTY },
            (_, None) if self.can_be_empty => 4,
            (0, None) => 1,
            (_, None) => 2,
            (_, Some(most)) => most - least,
        };
        let marks = u32::from(most.is_none() && self.is_any_byte);
        let size =
            copies.saturating_add(branches + marks).saturating_add(branches.saturating_mul(self.branch()));
        Self {
            size,
            copies: self.copies,
            first: self.first.saturating_add(1),
            can_be_empty: least == 0 || self.can_be_empty,
            is_target: self.is_target || (most.is_none() && least <= 1),
            spared: 0,
            is_any_byte: false,
        }
    }
}
