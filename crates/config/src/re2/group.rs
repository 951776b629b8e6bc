//! What opens with a parenthesis: groups and flags.

use super::{Fault, parse::Flags, table};

/// What a parenthesis opens.
pub(super) enum Opening {
    /// A group.
    Group {
        /// Whether it captures.
        captures: bool,
        /// The flags within.
        flags: Flags,
    },
    /// Nothing: `(?i)` sets the flags from here on.
    Flags(Flags),
}

/// Reads it; `rest` begins with the parenthesis.
pub(super) fn opening(rest: &mut &str, flags: Flags) -> Result<Opening, Fault> {
    let text = *rest;
    if !text.starts_with("(?") {
        *rest = &text[1..];
        return Ok(Opening::Group { captures: true, flags });
    }
    if let Some(sign) = ["(?=", "(?!", "(?<=", "(?<!"].into_iter().find(|sign| text.starts_with(sign)) {
        return Err(Fault::LookAround(sign.to_owned()));
    }
    if let Some(name) = text.strip_prefix("(?P<").or_else(|| text.strip_prefix("(?<")) {
        let end = name.find('>').ok_or_else(|| Fault::GroupName(text.to_owned()))?;
        if !is_name(&name[..end]) {
            return Err(Fault::GroupName(text[..=text.len() - name.len() + end].to_owned()));
        }
        *rest = &name[end + 1..];
        return Ok(Opening::Group { captures: true, flags });
    }
    set_flags(rest, flags)
}

/// Reads `(?flags)` or `(?flags:`; flags after a `-` are unset.
fn set_flags(rest: &mut &str, mut flags: Flags) -> Result<Opening, Fault> {
    let text = *rest;
    let (mut unsets, mut is_bare) = (false, false);
    for (at, char) in text.char_indices().skip(2) {
        let end = at + char.len_utf8();
        match char {
            'i' => flags.ignore_case = !unsets,
            's' => flags.dot_takes_newline = !unsets,
            'm' | 'U' => {}
            '-' if !unsets => {
                (unsets, is_bare) = (true, true);
                continue;
            }
            ':' | ')' if !is_bare => {
                *rest = &text[end..];
                let group = Opening::Group { captures: false, flags };
                return Ok(if char == ':' { group } else { Opening::Flags(flags) });
            }
            _ => return Err(Fault::Group(text[..end].to_owned())),
        }
        is_bare = false;
    }
    Err(Fault::Group(text.to_owned()))
}

/// Letters, marks, digits and connectors, in any order.
fn is_name(name: &str) -> bool {
    let is_part = |char: char| {
        if char.is_ascii() {
            return char.is_ascii_alphanumeric() || char == '_';
        }
        let rune = u32::from(char);
        let is_in = |group| table::group(group).is_some_and(|ranges| table::contains(ranges, rune));
        ["L", "Mn", "Mc", "Nd", "Nl", "Pc"].into_iter().any(is_in)
    };
    !name.is_empty() && name.chars().all(is_part)
}
