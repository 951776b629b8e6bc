//! The instructions for a class of characters, which RE2 matches byte by byte.

use std::collections::BTreeMap;

use super::super::class::Range;

/// The largest characters of one, two, three and four bytes.
const LAST: [u32; 4] = [0x7F, 0x7FF, 0xFFFF, 0x10_FFFF];

/// How many bytes a character has.
pub(super) fn length(rune: u32) -> u32 {
    LAST.iter().map(|last| u32::from(rune > *last)).sum::<u32>() + 1
}

/// How many instructions a class has, and how many of them it may begin with.
pub(super) fn program(ranges: &[Range]) -> (u32, u32) {
    let mut builder = Builder::default();
    let mut begin = None;
    for &(low, high) in ranges {
        builder.range(low, high, &mut begin);
    }
    let Some(begin) = begin else { return (1, 1) };
    let mut first = 0;
    builder.bytes(begin, |_, _| first += 1);
    (builder.flattened(begin), first)
}

/// An instruction, by its place in the list.
type Id = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instruction {
    /// A byte in a range, and what comes then; nothing at the end of the character.
    Byte { low: u8, high: u8, then: Option<Id> },
    /// The one or the other.
    Either(Id, Id),
}

/// Compiles ranges as RE2 does: common ends are shared by lookup, common beginnings with the range before.
#[derive(Default)]
struct Builder {
    list: Vec<Instruction>,
    /// Ends that have been made, and may be shared.
    ends: BTreeMap<(u8, u8, Option<Id>), Id>,
    is_shared: Vec<bool>,
}

impl Builder {
    /// Adds a range of characters: as ranges of texts with equally many bytes that differ in their last ones only.
    fn range(&mut self, low: u32, high: u32, begin: &mut Option<Id>) {
        if (low, high) == (0x80, 0x10_FFFF) {
            return self.all_but_ascii(begin);
        }
        let mut split = |at: u32| {
            self.range(low, at, begin);
            self.range(at + 1, high, begin);
        };
        if let Some(last) = LAST.into_iter().find(|last| low <= *last && *last < high) {
            return split(last);
        }
        if high > LAST[0] {
            for bits in [6, 12, 18] {
                let mask = (1_u32 << bits) - 1;
                if low & !mask != high & !mask {
                    if low & mask != 0 {
                        return split(low | mask);
                    }
                    if high & mask != mask {
                        return split((high & !mask) - 1);
                    }
                }
            }
        }
        self.text(low, high, begin);
    }

    /// Adds the texts from one character to another of the same length.
    fn text(&mut self, low: u32, high: u32, begin: &mut Option<Id>) {
        let (from, to) = (encoded(low), encoded(high));
        let count = length(low) as usize;
        let mut next = None;
        for index in (0..count).rev() {
            let (low, high) = (from[index], to[index]);
            let is_last = index + 1 == count && count > 1;
            next = Some(if is_last || (low < high && index != 0) {
                self.shared_byte(low, high, next)
            } else {
                self.byte(low, high, next)
            });
        }
        *begin = self.join(*begin, next);
    }

    /// All that is not ASCII: only the number of bytes is looked at.
    fn all_but_ascii(&mut self, begin: &mut Option<Id>) {
        let mut then = None;
        for (low, high) in [(0xC2, 0xDF), (0xE0, 0xEF), (0xF0, 0xF4)] {
            then = Some(self.byte(0x80, 0xBF, then));
            let first = self.byte(low, high, then);
            *begin = Some(match *begin {
                None => first,
                Some(others) => self.push(Instruction::Either(others, first)),
            });
        }
    }

    fn push(&mut self, instruction: Instruction) -> Id {
        self.list.push(instruction);
        self.is_shared.push(false);
        self.list.len() - 1
    }

    fn byte(&mut self, low: u8, high: u8, then: Option<Id>) -> Id {
        self.push(Instruction::Byte { low, high, then })
    }

    fn shared_byte(&mut self, low: u8, high: u8, then: Option<Id>) -> Id {
        if let Some(id) = self.ends.get(&(low, high, then)) {
            return *id;
        }
        let id = self.byte(low, high, then);
        self.ends.insert((low, high, then), id);
        self.is_shared[id] = true;
        id
    }

    /// Adds a text to others, sharing its beginning with the last of them.
    fn join(&mut self, others: Option<Id>, text: Option<Id>) -> Option<Id> {
        let (Some(others), Some(text)) = (others, text) else { return others.or(text) };
        let last = match self.list[others] {
            Instruction::Either(_, last) => last,
            Instruction::Byte { .. } => others,
        };
        let (Instruction::Byte { low, high, then }, Instruction::Byte { low: l, high: h, then: rest }) =
            (self.list[last], self.list[text])
        else {
            return Some(self.push(Instruction::Either(others, text)));
        };
        if (low, high) != (l, h) {
            return Some(self.push(Instruction::Either(others, text)));
        }
        let then = self.join(then, rest);
        let joined = Instruction::Byte { low, high, then };
        if !self.is_shared[last] {
            self.list[last] = joined;
            return Some(others);
        }
        // What others share cannot be changed: the beginning gets one of its own.
        let own = self.push(joined);
        match self.list[others] {
            Instruction::Either(first, _) => {
                self.list[others] = Instruction::Either(first, own);
                Some(others)
            }
            Instruction::Byte { .. } => Some(own),
        }
    }

    /// How many instructions are left when each thing that is jumped to has become a list without branches.
    fn flattened(&self, begin: Id) -> u32 {
        let mut is_target = vec![false; self.list.len()];
        let mut uses = vec![0_u32; self.list.len()];
        let mut targets = vec![begin];
        let mut size = 0;
        is_target[begin] = true;
        while let Some(target) = targets.pop() {
            self.bytes(target, |id, then| {
                size += 1;
                uses[id] += 1;
                if let Some(then) = then.filter(|then| !is_target[*then]) {
                    is_target[then] = true;
                    targets.push(then);
                }
            });
        }
        // A byte in several lists is jumped to, and so has a list of its own.
        size + count(uses.iter().zip(is_target).filter(|(uses, is_target)| **uses > 1 && !is_target).count())
    }

    /// Calls back with the bytes that come next at an instruction, and what comes after each.
    fn bytes(&self, at: Id, mut found: impl FnMut(Id, Option<Id>)) {
        let mut open = vec![at];
        while let Some(id) = open.pop() {
            match self.list[id] {
                Instruction::Byte { then, .. } => found(id, then),
                Instruction::Either(first, second) => open.extend([first, second]),
            }
        }
    }
}

fn count(instructions: usize) -> u32 {
    u32::try_from(instructions).unwrap_or(u32::MAX)
}

/// A character in UTF-8, or in its like for surrogates.
fn encoded(rune: u32) -> [u8; 4] {
    let byte = |mark: u8, shift: u32| mark | (rune >> shift).to_le_bytes()[0];
    let tail = |shift: u32| 0x80 | ((rune >> shift).to_le_bytes()[0] & 0x3F);
    match length(rune) {
        1 => [byte(0, 0), 0, 0, 0],
        2 => [byte(0xC0, 6), tail(0), 0, 0],
        3 => [byte(0xE0, 12), tail(6), tail(0), 0],
        _ => [byte(0xF0, 18), tail(12), tail(6), tail(0)],
    }
}
