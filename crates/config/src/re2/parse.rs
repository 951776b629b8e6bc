//! One pass over an expression: a stack of open groups, and of each the alternative that is being read.

use super::{
    Expression, Fault, MOST_PROGRAM,
    class::{self, Class},
    escape::escape,
    group::{self, Opening},
    program::Part,
};

/// Most repetitions, alone or multiplied by those around or within.
const MOST_REPETITIONS: u32 = 1000;

/// Most ranges of character classes in one expression: letters (`\pL`) have 659.
const MOST_RANGES: u32 = 1 << 15;

/// A range takes as long to count as so many instructions of a program.
const COST_OF_RANGE: u32 = 4;

/// The flags that change what an expression costs. `m` and `U` do not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    /// `i`
    pub(super) ignore_case: bool,
    /// `s`
    pub(super) dot_takes_newline: bool,
}

/// Reads an expression, and says what that and its program cost: instructions, and ranges of classes.
pub(crate) fn measure(pattern: &str) -> (Result<Expression, Fault>, u32) {
    let mut parser = Parser { rest: pattern, ..Parser::default() };
    let result = parser.all();
    let program = result.as_ref().map_or(0, |expression| expression.program);
    (result, parser.ranges.saturating_mul(COST_OF_RANGE).saturating_add(program))
}

#[derive(Default)]
struct Parser<'a> {
    rest: &'a str,
    flags: Flags,
    /// Whether the last thing read was a repetition.
    repeated: bool,
    level: Level,
    open: Vec<Open>,
    groups: u32,
    /// Ranges of character classes so far.
    ranges: u32,
}

/// A group that is not closed yet, and what stood before it.
struct Open {
    outside: Level,
    flags: Flags,
    captures: bool,
}

/// What has been read between the parentheses of one group.
#[derive(Default)]
struct Level {
    /// The alternatives that are complete.
    alternatives: Option<Part>,
    /// What precedes `last` in this alternative.
    before: Option<Part>,
    /// The last thing, which a repetition would repeat.
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
    fn all(&mut self) -> Result<Expression, Fault> {
        while !self.rest.is_empty() {
            self.item()?;
        }
        if !self.open.is_empty() {
            return Err(Fault::OpenGroup);
        }
        let program = std::mem::take(&mut self.level).finish().size.saturating_add(Part::FRAME);
        if program > MOST_PROGRAM {
            return Err(Fault::TooLarge);
        }
        Ok(Expression { groups: self.groups, program })
    }

    fn item(&mut self) -> Result<(), Fault> {
        let Some(first) = self.rest.chars().next() else { return Ok(()) };
        let after_repetition = std::mem::take(&mut self.repeated);
        match first {
            '(' => return self.open_group(),
            ')' => return self.close_group(),
            '*' | '+' | '?' => {
                let operator = self.take(1);
                return self.repeat(operator, simple_repetition(first), after_repetition);
            }
            '{' => {
                if let Some((text, least, most)) = counted(self.rest) {
                    self.rest = &self.rest[text.len()..];
                    return self.repeat(text, (least, most), after_repetition);
                }
            }
            '|' => {
                self.take(1);
                self.level.close_alternative();
                return Ok(());
            }
            '^' | '$' => {
                self.take(1);
                self.level.push(Part::ONE);
                return Ok(());
            }
            '.' => {
                self.take(1);
                let newline = u32::from('\n');
                let any = if self.flags.dot_takes_newline { Class::all() } else { Class::all_but(newline) };
                return self.class(&any);
            }
            '[' => {
                let class = class::bracketed(&mut self.rest, self.flags, MOST_RANGES)?;
                return self.class(&class);
            }
            '\\' => return self.backslash(),
            _ => {}
        }
        self.take(first.len_utf8());
        self.literal(u32::from(first))
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    fn open_group(&mut self) -> Result<(), Fault> {
        let captures = match group::opening(&mut self.rest, self.flags)? {
            Opening::Flags(flags) => {
                self.flags = flags;
                return Ok(());
            }
            Opening::Group { captures, flags } => {
                // Flags before the colon end with the group, as those within it.
                let outside = std::mem::replace(&mut self.flags, flags);
                self.open.push(Open { outside: std::mem::take(&mut self.level), flags: outside, captures });
                captures
            }
        };
        self.groups += u32::from(captures);
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
        operator: &str,
        (least, most): (u32, Option<u32>),
        after_repetition: bool,
    ) -> Result<(), Fault> {
        let lazy = self.rest.starts_with('?');
        if lazy {
            self.take(1);
        }
        let shown = || if lazy { format!("{operator}?") } else { operator.to_owned() };
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
        let part =
            if operator.starts_with('{') { part.counted(least, most) } else { part.repeated(least, most) };
        if part.copies > MOST_REPETITIONS {
            return Err(Fault::TooManyRepetitions(shown()));
        }
        self.level.last = Some(part);
        self.repeated = true;
        Ok(())
    }

    fn backslash(&mut self) -> Result<(), Fault> {
        match self.rest.as_bytes().get(1) {
            Some(b'b' | b'B' | b'A' | b'z' | b'C') => {
                self.take(2);
                self.level.push(Part::ONE);
                Ok(())
            }
            Some(b'Q') => {
                self.take(2);
                let quoted = self.rest.split("\\E").next().unwrap_or_default();
                self.take(quoted.len());
                if !self.rest.is_empty() {
                    self.take(2);
                }
                quoted.chars().try_for_each(|char| self.literal(u32::from(char)))
            }
            _ => {
                let mut class = Class::default();
                if class::named(&mut self.rest, self.flags, &mut class)? {
                    return self.class(&class.sealed());
                }
                let rune = escape(&mut self.rest)?;
                self.literal(rune)
            }
        }
    }

    fn literal(&mut self, rune: u32) -> Result<(), Fault> {
        if self.flags.ignore_case && super::fold::others(rune).next().is_some() {
            let mut class = Class::default();
            class.add_folded(rune, rune);
            return self.class(&class.sealed());
        }
        self.level.push(Part::literal(rune));
        Ok(())
    }

    fn class(&mut self, class: &Class) -> Result<(), Fault> {
        self.ranges = self.ranges.saturating_add(class.added());
        if self.ranges > MOST_RANGES {
            return Err(Fault::TooLarge);
        }
        self.level.push(Part::class(class));
        Ok(())
    }
}

/// How often what precedes `*`, `+` or `?` comes.
fn simple_repetition(operator: char) -> (u32, Option<u32>) {
    match operator {
        '*' => (0, None),
        '+' => (1, None),
        _ => (0, Some(1)),
    }
}

/// Reads `{n}`, `{n,}` or `{n,m}`; everything else that begins with a brace is literal.
fn counted(text: &str) -> Option<(&str, u32, Option<u32>)> {
    let inside = text.strip_prefix('{')?;
    let (least, rest) = number(inside)?;
    let (most, rest) = match rest.strip_prefix(',') {
        None => (Some(least), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => {
            let (most, rest) = number(rest)?;
            (Some(most), rest)
        }
    };
    let rest = rest.strip_prefix('}')?;
    Some((&text[..text.len() - rest.len()], least, most))
}

/// Reads a number without leading zeros and with at most nine digits.
fn number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 9 || (digits > 1 && text.starts_with('0')) {
        return None;
    }
    Some((text[..digits].parse().ok()?, &text[digits..]))
}
