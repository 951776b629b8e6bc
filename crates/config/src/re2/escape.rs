//! What stands for a character after a backslash.

use super::Fault;

/// The last character.
const LAST: u32 = 0x10_FFFF;

/// Reads an escaped character, which `rest` begins with.
pub(super) fn escape(rest: &mut &str) -> Result<u32, Fault> {
    let mut chars = rest[1..].chars();
    let Some(letter) = chars.next() else { return Err(Fault::TrailingBackslash) };
    let rune = match letter {
        '0'..='7' => octal(letter, &mut chars),
        'x' => hexadecimal(&mut chars),
        'a' => Some(0x07),
        'f' => Some(0x0C),
        'n' => Some(0x0A),
        'r' => Some(0x0D),
        't' => Some(0x09),
        'v' => Some(0x0B),
        _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => Some(u32::from(letter)),
        _ => None,
    };
    let read = rest.len() - chars.as_str().len();
    let rune = rune.ok_or_else(|| Fault::Escape(rest[..read].to_owned()))?;
    *rest = &rest[read..];
    Ok(rune)
}

/// Up to three digits; one that is not zero and stands alone is a back-reference.
fn octal(first: char, chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut value = first.to_digit(8)?;
    let mut digits = 1;
    while digits < 3
        && let Some(digit) = chars.clone().next().and_then(|char| char.to_digit(8))
    {
        value = value * 8 + digit;
        digits += 1;
        chars.next();
    }
    (first == '0' || digits > 1).then_some(value)
}

/// `\xFF`, or any number of digits in braces.
fn hexadecimal(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let first = chars.next()?;
    if first != '{' {
        return Some(first.to_digit(16)? * 16 + chars.next()?.to_digit(16)?);
    }
    let mut value = chars.next()?.to_digit(16)?;
    loop {
        match chars.next()? {
            '}' => return Some(value),
            digit => value = value * 16 + digit.to_digit(16)?,
        }
        if value > LAST {
            return None;
        }
    }
}
