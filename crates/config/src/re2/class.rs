//! Classes of characters: `[...]`, `\d`, `\pL`, `[:alpha:]`.

use super::{Fault, escape::escape, fold, parse::Flags, table};

/// Characters from one to another.
pub(super) type Range = (u32, u32);

/// The last character.
const LAST: u32 = 0x10_FFFF;

/// The names and ranges of `[:name:]`.
const POSIX: &[(&str, &[Range])] = &[
    ("alnum", &[(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)]),
    ("alpha", &[(0x41, 0x5A), (0x61, 0x7A)]),
    ("ascii", &[(0, 0x7F)]),
    ("blank", &[(0x09, 0x09), (0x20, 0x20)]),
    ("cntrl", &[(0, 0x1F), (0x7F, 0x7F)]),
    ("digit", DIGITS),
    ("graph", &[(0x21, 0x7E)]),
    ("lower", &[(0x61, 0x7A)]),
    ("print", &[(0x20, 0x7E)]),
    ("punct", &[(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)]),
    ("space", &[(0x09, 0x0D), (0x20, 0x20)]),
    ("upper", &[(0x41, 0x5A)]),
    ("word", WORD),
    ("xdigit", &[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)]),
];
const DIGITS: &[Range] = &[(0x30, 0x39)];
const SPACES: &[Range] = &[(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)];
const WORD: &[Range] = &[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)];

/// A set of characters.
#[derive(Clone, Debug, Default)]
pub(super) struct Class {
    ranges: Vec<Range>,
    added: u32,
}

impl Class {
    /// Every character.
    pub(super) fn all() -> Self {
        Self { ranges: vec![(0, LAST)], added: 1 }
    }

    /// Every character but one.
    pub(super) fn all_but(rune: u32) -> Self {
        Self { ranges: vec![(0, rune - 1), (rune + 1, LAST)], added: 2 }
    }

    /// Adds a range.
    fn add(&mut self, low: u32, high: u32) {
        self.ranges.push((low, high));
        self.added = self.added.saturating_add(1);
    }

    /// Adds a range, and what differs from it in case only.
    pub(super) fn add_folded(&mut self, low: u32, high: u32) {
        self.add(low, high);
        for other in fold::others_of_range(low, high) {
            self.add(other, other);
        }
    }

    fn add_as(&mut self, low: u32, high: u32, flags: Flags) {
        if flags.ignore_case { self.add_folded(low, high) } else { self.add(low, high) }
    }

    /// Adds a group, or all that is not in it.
    fn add_group(&mut self, group: &[Range], negated: bool, flags: Flags) {
        if !negated {
            for (low, high) in group {
                self.add_as(*low, *high, flags);
            }
            return;
        }
        let mut inside = Self::default();
        inside.add_group(group, false, flags);
        let outside = inside.sealed().negated();
        self.added = self.added.saturating_add(outside.added);
        self.ranges.extend(outside.ranges);
    }

    /// The set with its ranges in order, none touching another.
    pub(super) fn sealed(mut self) -> Self {
        self.ranges.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(self.ranges.len());
        for (low, high) in self.ranges {
            match merged.last_mut() {
                Some((_, last)) if low <= last.saturating_add(1) => *last = high.max(*last),
                _ => merged.push((low, high)),
            }
        }
        Self { ranges: merged, added: self.added }
    }

    /// All that is not in a sealed set.
    fn negated(self) -> Self {
        let mut outside = Vec::with_capacity(self.ranges.len() + 1);
        let mut next = 0;
        for (low, high) in self.ranges {
            if low > next {
                outside.push((next, low - 1));
            }
            next = high + 1;
        }
        if next <= LAST {
            outside.push((next, LAST));
        }
        Self { ranges: outside, added: self.added }
    }

    /// The ranges of a sealed set.
    pub(super) fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// How many ranges it was put together from.
    pub(super) fn added(&self) -> u32 {
        self.added
    }
}

/// Reads `[...]`, which `rest` begins with.
pub(super) fn bracketed(rest: &mut &str, flags: Flags, most_ranges: u32) -> Result<Class, Fault> {
    let mut class = Class::default();
    let mut text = &rest[1..];
    let negated = text.starts_with('^');
    if negated {
        text = &text[1..];
    }
    let mut is_first = true;
    loop {
        match text.chars().next() {
            None => return Err(Fault::OpenBracket),
            Some(']') if !is_first => break,
            Some(_) => {}
        }
        is_first = false;
        if !posix(&mut text, flags, &mut class)? && !named(&mut text, flags, &mut class)? {
            let (low, high) = range(&mut text)?;
            class.add_as(low, high, flags);
        }
        if class.added() > most_ranges {
            return Err(Fault::TooLarge);
        }
    }
    *rest = &text[1..];
    let class = class.sealed();
    Ok(if negated { class.negated() } else { class })
}

/// Reads one character or a range; a `-` before the closing bracket is itself.
fn range(text: &mut &str) -> Result<Range, Fault> {
    let all = *text;
    let low = character(text)?;
    if !text.starts_with('-') || text[1..].starts_with(']') || text.len() == 1 {
        return Ok((low, low));
    }
    *text = &text[1..];
    let high = character(text)?;
    if high < low {
        return Err(Fault::Range(all[..all.len() - text.len()].to_owned()));
    }
    Ok((low, high))
}

fn character(text: &mut &str) -> Result<u32, Fault> {
    if text.starts_with('\\') {
        return escape(text);
    }
    let char = text.chars().next().ok_or(Fault::OpenBracket)?;
    *text = &text[char.len_utf8()..];
    Ok(u32::from(char))
}

/// Reads `[:name:]` or `[:^name:]` if it stands there.
fn posix(text: &mut &str, flags: Flags, class: &mut Class) -> Result<bool, Fault> {
    let Some(inside) = text.strip_prefix("[:") else { return Ok(false) };
    let Some(end) = inside.find(":]") else { return Ok(false) };
    let name = &inside[..end];
    let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    let Some((_, group)) = POSIX.iter().find(|(known, _)| *known == name) else {
        return Err(Fault::Class(text[..end + 4].to_owned()));
    };
    class.add_group(group, negated, flags);
    *text = &inside[end + 2..];
    Ok(true)
}

/// Reads `\d`, `\pL` or one of their like if it stands there.
pub(super) fn named(text: &mut &str, flags: Flags, class: &mut Class) -> Result<bool, Fault> {
    let Some(escaped) = text.strip_prefix('\\') else { return Ok(false) };
    let Some(letter) = escaped.chars().next() else { return Ok(false) };
    let group = match letter.to_ascii_lowercase() {
        'd' => DIGITS,
        's' => SPACES,
        'w' => WORD,
        'p' => return unicode(text, flags, class).map(|()| true),
        _ => return Ok(false),
    };
    class.add_group(group, letter.is_ascii_uppercase(), flags);
    *text = &escaped[1..];
    Ok(true)
}

/// Reads `\pN`, `\p{Name}`, `\p{^Name}` and the same with `\P`.
fn unicode(text: &mut &str, flags: Flags, class: &mut Class) -> Result<(), Fault> {
    let after = &text[2..];
    let fault = |end: usize| Err(Fault::Class(text[..end].to_owned()));
    let (name, rest) = if let Some(inside) = after.strip_prefix('{') {
        let Some(end) = inside.find('}') else { return fault(text.len()) };
        (&inside[..end], &inside[end + 1..])
    } else {
        let length = after.chars().next().map_or(0, char::len_utf8);
        after.split_at(length)
    };
    let mut negated = text[1..].starts_with('P');
    let name = name.strip_prefix('^').map_or(name, |name| {
        negated = !negated;
        name
    });
    let Some(group) = table::group(name) else { return fault(text.len() - rest.len()) };
    class.add_group(group, negated, flags);
    *text = rest;
    Ok(())
}
