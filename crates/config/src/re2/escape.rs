//! Escaped characters.

use super::{Fault, lossy};

/// Reads an escaped character, which `rest` begins with.
pub(super) fn escape(rest: &mut &[u8]) -> Result<u8, Fault> {
    let mut after = &rest[1..];
    let Some(letter) = next(&mut after) else { return Err(Fault::TrailingBackslash) };
    let byte = match letter {
        b'0'..=b'7' => octal(letter, &mut after),
        b'x' => hexadecimal(&mut after),
        b'a' => Some(0x07),
        b'f' => Some(0x0C),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'v' => Some(0x0B),
        _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => Some(letter),
        _ => None,
    };
    let read = &rest[..rest.len() - after.len()];
    *rest = after;
    byte.ok_or_else(|| Fault::Escape(lossy(read)))
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

/// The value of a digit.
fn digit(byte: u8, radix: u32) -> Option<u32> {
    char::from(byte).to_digit(radix)
}

/// Up to three digits; a single one other than zero is a back-reference.
fn octal(first: u8, rest: &mut &[u8]) -> Option<u8> {
    let mut value = digit(first, 8)?;
    let mut digits = 1;
    while digits < 3
        && let Some(more) = rest.first().and_then(|byte| digit(*byte, 8))
    {
        value = value * 8 + more;
        digits += 1;
        next(rest);
    }
    u8::try_from(value).ok().filter(|_| first == b'0' || digits > 1)
}

/// `\xFF`, or any number of digits in braces.
fn hexadecimal(rest: &mut &[u8]) -> Option<u8> {
    let first = next(rest)?;
    if first != b'{' {
        return u8::try_from(digit(first, 16)? * 16 + digit(next(rest)?, 16)?).ok();
    }
    let mut value = digit(next(rest)?, 16)?;
    loop {
        match next(rest)? {
            b'}' => return u8::try_from(value).ok(),
            more => value = value * 16 + digit(more, 16)?,
        }
        u8::try_from(value).ok()?;
    }
}
