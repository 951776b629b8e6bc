//! What opens with a parenthesis: groups and flags.

use super::{Fault, lossy, table};

/// The flags that change what an expression costs. `m` and `U` do not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    /// `i`
    pub(super) ignore_case: bool,
    /// `s`
    pub(super) dot_takes_newline: bool,
}

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
pub(super) fn opening(rest: &mut &[u8], flags: Flags) -> Result<Opening, Fault> {
    let text = *rest;
    if !text.starts_with(b"(?") {
        *rest = &text[1..];
        return Ok(Opening::Group { captures: true, flags });
    }
    if let Some(sign) =
        ["(?=", "(?!", "(?<=", "(?<!"].into_iter().find(|sign| text.starts_with(sign.as_bytes()))
    {
        return Err(Fault::LookAround(sign.to_owned()));
    }
    if let Some(name) = text.strip_prefix(b"(?P<").or_else(|| text.strip_prefix(b"(?<")) {
        let Some(end) = name.iter().position(|byte| *byte == b'>') else {
            return Err(Fault::GroupName(lossy(text)));
        };
        if !is_name(&name[..end]) {
            return Err(Fault::GroupName(lossy(&text[..=text.len() - name.len() + end])));
        }
        *rest = &name[end + 1..];
        return Ok(Opening::Group { captures: true, flags });
    }
    set_flags(rest, flags)
}

/// Reads `(?flags)` or `(?flags:`; flags after a `-` are unset.
fn set_flags(rest: &mut &[u8], mut flags: Flags) -> Result<Opening, Fault> {
    let text = *rest;
    let (mut unsets, mut is_bare) = (false, false);
    for (at, byte) in text.iter().enumerate().skip(2) {
        match byte {
            b'i' => flags.ignore_case = !unsets,
            b's' => flags.dot_takes_newline = !unsets,
            b'm' | b'U' => {}
            b'-' if !unsets => {
                (unsets, is_bare) = (true, true);
                continue;
            }
            b':' | b')' if !is_bare => {
                *rest = &text[at + 1..];
                let group = Opening::Group { captures: false, flags };
                return Ok(if *byte == b':' { group } else { Opening::Flags(flags) });
            }
            _ => return Err(Fault::Group(lossy(&text[..=at]))),
        }
        is_bare = false;
    }
    Err(Fault::Group(lossy(text)))
}

/// Letters, digits and `_`, in any order.
fn is_name(name: &[u8]) -> bool {
    let letters = table::group(b"L").unwrap_or_default();
    let is_letter = |byte: u8| letters.iter().any(|(low, high)| (*low..=*high).contains(&byte));
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_digit() || *byte == b'_' || is_letter(*byte))
}
