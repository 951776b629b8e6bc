//! One pass over an expression: a stack of open groups, each with the alternative being read.

use super::{
    Expression, Fault, MOST_PROGRAM,
    class::{self, Class},
    escape::escape,
    group::{self, Flags, Opening},
    lossy,
    program::Part,
};

/// Maximum number of repetitions, alone or multiplied by those around or within.
const MOST_REPETITIONS: u32 = 1000;

/// Reads an expression as Envoy's RE2 does.
pub fn parse(pattern: &str) -> Result<Expression, Fault> {
    Parser { rest: pattern.as_bytes(), ..Parser::default() }.all()
}

#[derive(Default)]
struct Parser<'a> {
    rest: &'a [u8],
    flags: Flags,
    /// Whether the last thing read was a repetition.
    repeated: bool,
    level: Level,
    open: Vec<Open>,
    groups: u32,
}

/// A group that is not closed yet, and what precedes it.
struct Open {
    outside: Level,
    flags: Flags,
    captures: bool,
}

/// The parts read between the parentheses of one group.
#[derive(Default)]
struct Level {
    /// The alternatives that are complete.
    alternatives: Option<Part>,
    /// What precedes `last` in this alternative.
    before: Option<Part>,
    /// The last part, which a repetition would repeat.
    last: Option<Part>,
}

impl Level {
    fn push(&mut self, part: Part) {
        if let Some(last) = self.last.replace(part) {
            self.before = Some(Part::sequence(self.before.take(), last));
        }
    }

    fn close_alternative(&mut self) {
        let last = self.last.take().unwrap_or(Part::EMPTY);
        let alternative = Part::sequence(self.before.take(), last);
        self.alternatives = Some(Part::choice(self.alternatives.take(), alternative));
    }

    fn finish(mut self) -> Part {
        self.close_alternative();
        self.alternatives.unwrap_or(Part::EMPTY)
    }
}

impl<'a> Parser<'a> {
    fn all(mut self) -> Result<Expression, Fault> {
        while !self.rest.is_empty() {
            self.item()?;
        }
        if !self.open.is_empty() {
            return Err(Fault::OpenGroup);
        }
        let program = self.level.finish().size.saturating_add(Part::FRAME);
        if program > MOST_PROGRAM {
            return Err(Fault::TooLarge);
        }
        Ok(Expression { groups: self.groups, program })
    }

    fn item(&mut self) -> Result<(), Fault> {
        let after_repetition = std::mem::take(&mut self.repeated);
        let part = match self.rest[0] {
            b'(' => return self.open_group(),
            b')' => return self.close_group(),
            b'|' => {
                self.take(1);
                self.level.close_alternative();
                return Ok(());
            }
            b'\\' => return self.backslash(),
            b'[' => Part::class(&class::bracketed(&mut self.rest, self.flags)?),
            first => {
                if let Some((length, least, most)) = repetition(self.rest) {
                    let operator = self.take(length);
                    return self.repeat(operator, (least, most), after_repetition);
                }
                self.take(1);
                match first {
                    b'^' | b'$' => Part::ASSERTION,
                    b'.' => Part::class(&Class::dot(self.flags.dot_takes_newline)),
                    _ => Part::literal(first, self.flags),
                }
            }
        };
        self.level.push(part);
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    fn open_group(&mut self) -> Result<(), Fault> {
        match group::opening(&mut self.rest, self.flags)? {
            Opening::Flags(flags) => self.flags = flags,
            Opening::Group { captures, flags } => {
                // Flags before the colon end with the group, as those within it.
                let flags = std::mem::replace(&mut self.flags, flags);
                self.open.push(Open { outside: std::mem::take(&mut self.level), flags, captures });
                self.groups += u32::from(captures);
            }
        }
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), Fault> {
        self.take(1);
        let Some(open) = self.open.pop() else { return Err(Fault::StrayParenthesis) };
        let inside = std::mem::replace(&mut self.level, open.outside).finish();
        self.flags = open.flags;
        self.level.push(if open.captures { inside.captured() } else { inside });
        Ok(())
    }

    fn repeat(
        &mut self,
        operator: &[u8],
        (least, most): (u32, Option<u32>),
        after_repetition: bool,
    ) -> Result<(), Fault> {
        let is_lazy = self.rest.starts_with(b"?");
        if is_lazy {
            self.take(1);
        }
        let shown = || lossy(operator) + if is_lazy { "?" } else { "" };
        if after_repetition {
            return Err(Fault::DoubleRepetition(shown()));
        }
        if most.is_some_and(|most| most < least) {
            return Err(Fault::Backwards(shown()));
        }
        if most.unwrap_or(least) > MOST_REPETITIONS {
            return Err(Fault::TooManyRepetitions(shown()));
        }
        let Some(part) = self.level.last.take() else { return Err(Fault::NothingToRepeat(shown())) };
        let is_counted = operator.starts_with(b"{");
        let part = if is_counted { part.counted(least, most) } else { part.repeated(least, most) };
        if part.copies > MOST_REPETITIONS {
            return Err(Fault::TooManyRepetitions(shown()));
        }
        self.level.last = Some(part);
        self.repeated = true;
        Ok(())
    }

    fn backslash(&mut self) -> Result<(), Fault> {
        let part = match self.rest.get(1) {
            Some(b'b' | b'B' | b'A' | b'z') => {
                self.take(2);
                Part::ASSERTION
            }
            Some(b'C') => {
                self.take(2);
                Part::ANY_BYTE
            }
            Some(b'Q') => {
                self.take(2);
                self.quoted();
                return Ok(());
            }
            _ => {
                let mut class = Class::none();
                if class::named(&mut self.rest, self.flags, &mut class)? {
                    Part::class(&class)
                } else {
                    Part::literal(escape(&mut self.rest)?, self.flags)
                }
            }
        };
        self.level.push(part);
        Ok(())
    }

    /// Everything up to `\E`, or to the end, is literal.
    fn quoted(&mut self) {
        while !self.rest.is_empty() {
            if self.rest.starts_with(b"\\E") {
                self.take(2);
                return;
            }
            let byte = self.take(1)[0];
            self.level.push(Part::literal(byte, self.flags));
        }
    }
}

/// Reads `*`, `+`, `?`, `{n}`, `{n,}` or `{n,m}`: its length, and the numbers of repetitions. Everything else that
/// begins with a brace is literal.
fn repetition(text: &[u8]) -> Option<(usize, u32, Option<u32>)> {
    match text[0] {
        b'*' => return Some((1, 0, None)),
        b'+' => return Some((1, 1, None)),
        b'?' => return Some((1, 0, Some(1))),
        _ => {}
    }
    let (least, rest) = number(text.strip_prefix(b"{")?)?;
    let (most, rest) = match rest.strip_prefix(b",") {
        None => (Some(least), rest),
        Some(rest) if rest.starts_with(b"}") => (None, rest),
        Some(rest) => number(rest).map(|(most, rest)| (Some(most), rest))?,
    };
    let rest = rest.strip_prefix(b"}")?;
    Some((text.len() - rest.len(), least, most))
}

/// Reads a number without leading zeros and with at most nine digits.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    if length > 9 || (length > 1 && digits[0] == b'0') {
        return None;
    }
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}
