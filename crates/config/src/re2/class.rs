//! Classes of characters: `[...]`, `\d`, `\pL`, `[:alpha:]`.

use super::{
    Fault,
    escape::escape,
    group::Flags,
    lossy,
    table::{self, Range},
};

/// The names and ranges of `[:name:]`.
const POSIX: &[(&str, &[Range])] = &[
    ("alnum", &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')]),
    ("alpha", &[(b'A', b'Z'), (b'a', b'z')]),
    ("ascii", &[(0, 0x7F)]),
    ("blank", &[(b'\t', b'\t'), (b' ', b' ')]),
    ("cntrl", &[(0, 0x1F), (0x7F, 0x7F)]),
    ("digit", DIGITS),
    ("graph", &[(b'!', b'~')]),
    ("lower", &[(b'a', b'z')]),
    ("print", &[(b' ', b'~')]),
    ("punct", &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')]),
    ("space", &[(0x09, 0x0D), (b' ', b' ')]),
    ("upper", &[(b'A', b'Z')]),
    ("word", WORD),
    ("xdigit", &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')]),
];
const DIGITS: &[Range] = &[(b'0', b'9')];
const SPACES: &[Range] = &[(0x09, 0x0A), (0x0C, 0x0D), (b' ', b' ')];
const WORD: &[Range] = &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')];

/// A set of characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class([bool; 256]);

impl Class {
    /// No character.
    pub(super) fn none() -> Self {
        Self([false; 256])
    }

    /// Every character, or every one but the end of a line.
    pub(super) fn dot(takes_newline: bool) -> Self {
        let mut all = [true; 256];
        all[usize::from(b'\n')] = takes_newline;
        Self(all)
    }

    /// Adds a range, and the other case of its ASCII letters if case is ignored.
    fn add(&mut self, (low, high): Range, flags: Flags) {
        for byte in low..=high {
            self.0[usize::from(byte)] = true;
            if flags.ignore_case && byte.is_ascii_alphabetic() {
                self.0[usize::from(byte ^ 0x20)] = true;
            }
        }
    }

    /// Adds a group, or everything outside it.
    fn add_group(&mut self, group: &[Range], negated: bool, flags: Flags) {
        let mut other = Self::none();
        for range in group {
            other.add(*range, flags);
        }
        for (here, there) in self.0.iter_mut().zip(other.0) {
            *here |= there != negated;
        }
    }

    /// Whether every character is in it.
    pub(super) fn is_all(&self) -> bool {
        self.0 == [true; 256]
    }

    /// Number of its ranges.
    pub(super) fn ranges(&self) -> u32 {
        self.count(0..=255)
    }

    /// Number of its ranges that RE2 leaves out: capitals, if they are in it like the small letters.
    pub(super) fn capitals(&self) -> u32 {
        let letters = |first: u8| (first..first + 26).map(|byte| self.0[usize::from(byte)]);
        if !letters(b'A').eq(letters(b'a')) {
            return 0;
        }
        let around = u32::from(self.0[usize::from(b'A' - 1)] && self.0[usize::from(b'A')])
            + u32::from(self.0[usize::from(b'Z' + 1)] && self.0[usize::from(b'Z')]);
        // A range that begins before or ends after the letters stays.
        self.count(b'A'..=b'Z').saturating_sub(around)
    }

    fn count(&self, bytes: std::ops::RangeInclusive<u8>) -> u32 {
        let mut was_in = false;
        let mut ranges = 0;
        for byte in bytes {
            let is_in = self.0[usize::from(byte)];
            ranges += u32::from(is_in && !was_in);
            was_in = is_in;
        }
        ranges
    }
}

/// Reads `[...]`, which `rest` begins with.
pub(super) fn bracketed(rest: &mut &[u8], flags: Flags) -> Result<Class, Fault> {
    let mut class = Class::none();
    let mut text = &rest[1..];
    let negated = text.starts_with(b"^");
    if negated {
        text = &text[1..];
    }
    let mut is_first = true;
    while !text.starts_with(b"]") || is_first {
        is_first = false;
        if !posix(&mut text, flags, &mut class)? && !named(&mut text, flags, &mut class)? {
            class.add(range(&mut text)?, flags);
        }
    }
    *rest = &text[1..];
    if negated {
        class.0.iter_mut().for_each(|is_in| *is_in = !*is_in);
    }
    Ok(class)
}

/// Reads one character or a range; a `-` before the closing bracket is itself.
fn range(text: &mut &[u8]) -> Result<Range, Fault> {
    let all = *text;
    let low = character(text)?;
    if !text.starts_with(b"-") || text.len() == 1 || text[1] == b']' {
        return Ok((low, low));
    }
    *text = &text[1..];
    let high = character(text)?;
    if high < low {
        return Err(Fault::Range(lossy(&all[..all.len() - text.len()])));
    }
    Ok((low, high))
}

fn character(text: &mut &[u8]) -> Result<u8, Fault> {
    let byte = *text.first().ok_or(Fault::OpenBracket)?;
    if byte == b'\\' {
        return escape(text);
    }
    *text = &text[1..];
    Ok(byte)
}

/// Reads `[:name:]` or `[:^name:]` if it is next.
fn posix(text: &mut &[u8], flags: Flags, class: &mut Class) -> Result<bool, Fault> {
    let Some(inside) = text.strip_prefix(b"[:") else { return Ok(false) };
    let Some(end) = inside.windows(2).position(|pair| pair == b":]") else { return Ok(false) };
    let name = &inside[..end];
    let (negated, name) = name.strip_prefix(b"^").map_or((false, name), |name| (true, name));
    let Some((_, group)) = POSIX.iter().find(|(known, _)| known.as_bytes() == name) else {
        return Err(Fault::Class(lossy(&text[..end + 4])));
    };
    class.add_group(group, negated, flags);
    *text = &inside[end + 2..];
    Ok(true)
}

/// Reads `\d`, `\pL` or a similar class if it is next.
pub(super) fn named(text: &mut &[u8], flags: Flags, class: &mut Class) -> Result<bool, Fault> {
    let [b'\\', letter, rest @ ..] = *text else { return Ok(false) };
    let group = match letter.to_ascii_lowercase() {
        b'd' => DIGITS,
        b's' => SPACES,
        b'w' => WORD,
        b'p' => return unicode(text, flags, class).map(|()| true),
        _ => return Ok(false),
    };
    class.add_group(group, letter.is_ascii_uppercase(), flags);
    *text = rest;
    Ok(true)
}

/// Reads `\pN`, `\p{Name}`, `\p{^Name}` and the same with `\P`.
fn unicode(text: &mut &[u8], flags: Flags, class: &mut Class) -> Result<(), Fault> {
    let after = &text[2..];
    let fault = |rest: &[u8]| Err(Fault::Class(lossy(&text[..text.len() - rest.len()])));
    let (name, rest) = if let Some(inside) = after.strip_prefix(b"{") {
        let Some(end) = inside.iter().position(|byte| *byte == b'}') else { return fault(&[]) };
        (&inside[..end], &inside[end + 1..])
    } else {
        after.split_at(after.len().min(1))
    };
    let (unnegated, name) = name.strip_prefix(b"^").map_or((true, name), |name| (false, name));
    let negated = (text[1] == b'P') == unnegated;
    let Some(group) = table::group(name) else { return fault(rest) };
    class.add_group(group, negated, flags);
    *text = rest;
    Ok(())
}
