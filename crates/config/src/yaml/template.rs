//! Templates of Helm, Jinja and the like, which are not YAML until they are rendered.

use crate::{Code, printable::shown};

use super::{
    fault::{Fault, position},
    split::Chunk,
};

/// The fault of a document that is not YAML because it is a template.
pub(super) fn fault(chunk: &Chunk<'_>) -> Option<Fault> {
    let (number, line) = chunk.text.lines().enumerate().find(|(_, line)| has_action(line))?;
    let line = line.trim();
    let message = format!("the file is a template: `{}` is not filled in", shown(line));
    let fault = Fault::new(Code::NotRendered, position(chunk.lines_before + number + 1, 1), message);
    Some(fault.with_help("render it first, as with `helm template`, and read what comes out"))
}

/// Whether a line has something that only a renderer understands. In quotes it may be meant for another reader.
fn has_action(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t', '-']);
    let value = line.split_once(": ").map_or(line, |(_, value)| value.trim_start());
    [line, value].iter().any(|text| text.starts_with("{{") || text.starts_with("{%"))
}
