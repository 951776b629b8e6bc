//! YAML (and JSON) text → [`Node`] trees with positions, read as `kubectl` reads it.
//!
//! `granit-parser` parses the syntax; the meaning of a bare scalar is decided here, by the YAML 1.1 rules that
//! kubectl's parser follows. Documents are split before parsing, so that a broken one does not affect the others. Size,
//! depth, number of values and alias expansion are limited: see [`limits`].

mod build;
mod fault;
pub(crate) mod json;
pub mod limits;
mod node;
mod scalar;
mod split;
mod template;

use std::sync::Arc;

use fault::{Fault, position};
pub use node::{Entry, Node, Value};
pub use scalar::{Meaning, Scalar};

use crate::{
    Code, Diagnostic, FieldPath, Location, Position, Severity, Subject, placeholder, printable::shown,
};

/// One document of a file.
#[derive(Clone, Debug)]
pub struct YamlDoc {
    /// Path of the file; none if the document is not from a file.
    pub file: Option<Arc<str>>,
    /// The document.
    pub root: Node,
}

impl YamlDoc {
    /// The name that findings use for the file.
    pub(crate) fn file_name(&self) -> Arc<str> {
        self.file.clone().unwrap_or_else(|| "object".into())
    }

    /// A position in the file.
    pub(crate) fn location(&self, position: Position) -> Option<Location> {
        let file = self.file.clone()?;
        Some(Location { file, line: position.line, column: position.column })
    }
}

/// The contents of a file.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The documents that are well-formed and not empty.
    pub documents: Vec<YamlDoc>,
    /// What is wrong with the others.
    pub diagnostics: Vec<Diagnostic>,
    /// Number of documents that could not be read.
    pub broken: usize,
}

/// Reads the documents of a file.
pub fn parse(file: &str, bytes: &[u8]) -> Parsed {
    let file: Arc<str> = file.into();
    let mut parsed = Parsed::default();
    let text = match text_of(bytes) {
        Ok(text) => text,
        Err(fault) => {
            parsed.broken = 1;
            parsed.diagnostics.push(diagnostic(&file, fault));
            return parsed;
        }
    };
    let mut is_template = false;
    for chunk in split::documents(text) {
        let mut built = build::documents(&chunk);
        if !built.faults.is_empty()
            && let Some(fault) = template::fault(&chunk)
        {
            // The other faults of a template come from its language; one finding about the file is enough.
            built.faults.clear();
            parsed.broken += 1;
            if !is_template {
                parsed.diagnostics.push(diagnostic(&file, fault));
            }
            is_template = true;
        }
        explain_placeholders(&mut built.faults, &chunk);
        parsed
            .documents
            .extend(built.roots.into_iter().map(|root| YamlDoc { file: Some(file.clone()), root }));
        parsed.broken += usize::from(!built.faults.is_empty());
        parsed.diagnostics.extend(built.faults.into_iter().map(|fault| diagnostic(&file, fault)));
    }
    parsed
}

/// Explains that a line is not YAML because of a placeholder: `{number: ${PORT}}`.
fn explain_placeholders(faults: &mut [Fault], chunk: &split::Chunk<'_>) {
    for fault in faults.iter_mut().filter(|fault| matches!(fault.code, Code::YamlSyntax | Code::BadMapKey)) {
        let number = usize::try_from(fault.position.line).unwrap_or_default();
        let line =
            number.checked_sub(chunk.lines_before + 1).and_then(|number| chunk.text.lines().nth(number));
        if let Some(placeholder) = line.and_then(placeholder::first) {
            fault.help = Some(placeholder::help(&shown(placeholder)));
        }
    }
}

/// The text of a file: UTF-8 without its byte order mark, within the size limit.
fn text_of(bytes: &[u8]) -> Result<&str, Fault> {
    let start = Position { line: 1, column: 1 };
    if bytes.len() > limits::FILE_BYTES {
        let message = format!("the file has {} bytes; the limit is {}", bytes.len(), limits::FILE_BYTES);
        return Err(Fault::new(Code::TooLarge, start, message).with_help("split the file"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Fault::new(Code::NotUtf8, start, "the file is UTF-16").with_help("save it as UTF-8"));
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = 1 + before[line_start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        let byte = bytes[error.valid_up_to()];
        let message = format!("byte 0x{byte:02x} is not part of UTF-8 text");
        Fault::new(Code::NotUtf8, position(line, column), message).with_help("save the file as UTF-8")
    })
}

fn diagnostic(file: &Arc<str>, fault: Fault) -> Diagnostic {
    let Fault { code, position, message, help } = fault;
    Diagnostic {
        on: Subject::File(file.clone()),
        path: FieldPath::root(),
        code,
        severity: Severity::Error,
        message,
        help,
        position: Some(Location { file: file.clone(), line: position.line, column: position.column }),
    }
}

#[cfg(test)]
mod tests;
