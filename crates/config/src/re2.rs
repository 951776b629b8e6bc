//! The expressions that Envoy accepts: RE2's grammar, and the cost of RE2's program.
//!
//! Envoy compiles each expression with RE2 (Perl classes, no ICU) and rejects programs larger than its runtime key
//! `re2.max_program_size.error_level`. It matches bytes and not characters (RE2's Latin-1): `é` is two, so that `[é]`
//! is one of two bytes, `é*` repeats the second one, and `\x{100}` does not exist.
//!
//! [`parse`] answers in one pass over the text. It builds no tree and compiles nothing: [`Expression::program`] is an
//! upper bound.
//!
//! Spec: <https://github.com/google/re2/wiki/Syntax>, and RE2 itself where the page is silent.
//! `crates/fairlead/tests/soak/expressions.rs` compares both answers with those of a real Envoy.

mod class;
mod escape;
mod group;
mod parse;
mod program;
mod table;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::printable::shown;

pub use parse::parse;

/// Maximum program size in Fairlead's bootstrap; istio-proxy's has the same.
pub const MOST_PROGRAM: u32 = 32_768;

/// Maximum program size of an Envoy whose bootstrap sets none.
pub const DEFAULT_PROGRAM: u32 = 100;

/// Properties of an expression that RE2 accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expression {
    /// Number of capturing groups: `\1` to this in a substitution.
    pub groups: u32,
    /// Upper bound of the instructions in RE2's program.
    pub program: u32,
}

/// Why RE2 rejects an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A `[` is not closed.
    OpenBracket,
    /// A `(` is not closed.
    OpenGroup,
    /// A `)` has no `(`.
    StrayParenthesis,
    /// A backslash is at the end.
    TrailingBackslash,
    /// An unknown escape sequence.
    Escape(String),
    /// An unknown character class.
    Class(String),
    /// A range of characters runs backwards.
    Range(String),
    /// A repetition repeats nothing.
    NothingToRepeat(String),
    /// A repetition repeats a repetition.
    DoubleRepetition(String),
    /// A repetition whose second number is the smaller one.
    Backwards(String),
    /// Repetitions are more than 1,000, alone or one within the other.
    TooManyRepetitions(String),
    /// Look-around.
    LookAround(String),
    /// The text after `(?` has no meaning.
    Group(String),
    /// The name of a group is invalid.
    GroupName(String),
    /// The program is, or may be, larger than [`MOST_PROGRAM`].
    TooLarge,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenBracket => f.write_str("a `[` is not closed"),
            Self::OpenGroup => f.write_str("a `(` is not closed"),
            Self::StrayParenthesis => f.write_str("a `)` has no `(`"),
            Self::TrailingBackslash => f.write_str("a backslash is at the end"),
            Self::Escape(text) => match text.as_bytes() {
                [b'\\', b'1'..=b'9', ..] => {
                    write!(f, "back-references such as `{}` are not supported", shown(text))
                }
                _ => write!(f, "`{}` has no meaning", shown(text)),
            },
            Self::Class(text) => write!(f, "`{}` is not a character class", shown(text)),
            Self::Range(text) => write!(f, "the range `{}` runs backwards", shown(text)),
            Self::NothingToRepeat(text) => write!(f, "`{text}` has nothing to repeat"),
            Self::DoubleRepetition(text) => write!(f, "`{text}` repeats a repetition"),
            Self::Backwards(text) => write!(f, "`{text}` has a maximum below its minimum"),
            Self::TooManyRepetitions(text) => {
                write!(f, "`{text}` repeats more than 1000 times, alone or with the repetitions in it")
            }
            Self::LookAround(text) => write!(f, "look-around such as `{text}` is not supported"),
            Self::Group(text) => {
                write!(f, "`{}` begins no group and sets no flags of i, m, s and U", shown(text))
            }
            Self::GroupName(text) => write!(f, "`{}` does not name a group", shown(text)),
            Self::TooLarge => write!(f, "its program may have more than {MOST_PROGRAM} instructions"),
        }
    }
}

/// A part of an expression, which may end within a character.
fn lossy(part: &[u8]) -> String {
    String::from_utf8_lossy(part).into_owned()
}
