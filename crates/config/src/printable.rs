//! Makes text from outside safe to show: on one line, without terminal control sequences, and not too long.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

/// Maximum number of bytes shown of one text.
pub const MOST_BYTES: usize = 2048;

/// A text that is safe to show: unprintable characters are escaped as in Rust (`\n`, `\u{1b}`), and a long text is cut.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_BYTES && text.chars().all(prints) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(MOST_BYTES) + 8);
    // Writing to a text does not fail.
    let _ = Printing::new(&mut shown).write_str(text);
    Cow::Owned(shown)
}

/// A text within a message: short, on one line.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let clean: String = text.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MOST).is_some() { format!("{clean}…") } else { clean }
}

/// Whether a character is only what it looks like. Control characters move the cursor or end a line, and those that set
/// the direction of writing make a line look like another.
fn prints(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Passes on what is written, made safe to show.
#[derive(Debug)]
pub struct Printing<W> {
    to: W,
    left: usize,
    cut: bool,
}

impl<W: fmt::Write> Printing<W> {
    /// Writes to `to`, at most [`MOST_BYTES`].
    pub fn new(to: W) -> Self {
        Self { to, left: MOST_BYTES, cut: false }
    }
}

impl<W: fmt::Write> fmt::Write for Printing<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut {
            return Ok(());
        }
        let mut plain = 0;
        for (at, c) in text.char_indices() {
            let size = if prints(c) { c.len_utf8() } else { c.escape_default().len() };
            if size > self.left {
                self.cut = true;
                self.to.write_str(&text[plain..at])?;
                return self.to.write_char('…');
            }
            self.left -= size;
            if !prints(c) {
                self.to.write_str(&text[plain..at])?;
                write!(self.to, "{}", c.escape_default())?;
                plain = at + c.len_utf8();
            }
        }
        self.to.write_str(&text[plain..])
    }
}

#[cfg(test)]
mod tests;
