//! Splits the documents of a file as kubectl does: at lines that begin with `---`.

/// A part of a file that holds one document.
pub(super) struct Chunk<'a> {
    /// The text, without the separator's line unless content follows on it.
    pub(super) text: &'a str,
    /// Number of lines before it.
    pub(super) lines_before: usize,
}

/// The documents of `text`, in order. Directives (`%YAML`) stay with the document that follows them.
pub(super) fn documents(text: &str) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = Some(Chunk { text, lines_before: 0 });
    std::iter::from_fn(move || {
        let whole = rest.take()?;
        let Some((at, lines)) = next_separator(whole.text) else { return Some(whole) };
        rest = Some(Chunk { text: &whole.text[at..], lines_before: whole.lines_before + lines });
        Some(Chunk { text: &whole.text[..at], lines_before: whole.lines_before })
    })
    .filter(|chunk| !is_blank(chunk.text))
}

/// Byte offset and number of lines before the first separator that ends the document at the start of `text`.
fn next_separator(text: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut begun = false;
    for (lines, line) in text.split_inclusive('\n').enumerate() {
        if is_separator(line) {
            if begun {
                return Some((at, lines));
            }
            begun = true;
        } else if !is_blank(line) && !line.starts_with('%') {
            begun = true;
        }
        at += line.len();
    }
    None
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether `text` is nothing but blank lines, comments and separators.
fn is_blank(text: &str) -> bool {
    text.lines().all(|line| {
        let line = line.strip_prefix("---").unwrap_or(line).trim();
        line.is_empty() || line.starts_with('#')
    })
}
