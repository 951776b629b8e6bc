//! Parser events → [`Node`] trees: anchors, merge keys, duplicate keys, limits.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Tag};

use crate::{Code, Position, printable::shown};

use super::{
    Entry, Meaning, Node, Scalar, Value,
    fault::{Fault, position},
    limits,
    split::Chunk,
};

/// The contents of one chunk of a file.
#[derive(Default)]
pub(super) struct Built {
    pub(super) roots: Vec<Node>,
    pub(super) faults: Vec<Fault>,
}

/// The documents of a chunk; at the first fault that leaves the structure unknown, the rest of it is skipped.
pub(super) fn documents(chunk: &Chunk<'_>) -> Built {
    let mut built = Built::default();
    if chunk.text.len() > limits::DOCUMENT_BYTES {
        let (size, limit) = (chunk.text.len(), limits::DOCUMENT_BYTES);
        let message = format!("the document has {size} bytes; the limit is {limit}");
        built.faults.push(Fault::new(Code::TooLarge, position(chunk.lines_before + 1, 1), message));
        return built;
    }
    let text = with_colons_marked(chunk.text);
    let mut builder = Builder::new(chunk);
    builder.colons_are_marked = matches!(text, Cow::Owned(_));
    for event in Parser::new_from_str_with_options(&text, options()) {
        let result = event
            .map_err(|error| builder.syntax(&error))
            .and_then(|(event, span)| builder.on_event(event, span.start));
        match result {
            Ok(Some(root)) if builder.faults.is_empty() => built.roots.push(root),
            Ok(_) => {}
            Err(fault) => {
                builder.faults.push(fault);
                break;
            }
        }
        if builder.faults.len() >= limits::FINDINGS {
            break;
        }
    }
    built.faults = builder.faults;
    if !built.faults.is_empty() {
        built.roots.clear();
    }
    built
}

/// Stands for a colon that is part of a bare word.
const MARK: char = '\u{e000}';

/// The text, with marks for colons that end a bare word just before `]`, `}` or `,`.
///
/// To kubectl's parser they are part of the word, as in `[10.0.0.1, 2001:db8::]`; by YAML 1.2 they make it a key. Those
/// in quotes and comments are marked too, which makes no difference: the mark is read as a colon.
fn with_colons_marked(text: &str) -> Cow<'_, str> {
    let ends_word = |at: usize| {
        let before = text[..at].chars().next_back();
        let is_bare = before
            .is_some_and(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | ']' | '}' | '[' | '{' | ','));
        is_bare && text[at + 1..].starts_with([']', '}', ','])
    };
    let marked: Vec<usize> = text.match_indices(':').map(|(at, _)| at).filter(|at| ends_word(*at)).collect();
    if marked.is_empty() || text.contains(MARK) {
        return text.into();
    }
    let mut with_marks = String::with_capacity(text.len() + marked.len() * MARK.len_utf8());
    let mut end = 0;
    for at in marked {
        with_marks.push_str(&text[end..at]);
        with_marks.push(MARK);
        end = at + 1;
    }
    with_marks.push_str(&text[end..]);
    with_marks.into()
}

fn options() -> Options {
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = limits::DEPTH;
    options.block_nesting_limit = limits::DEPTH;
    options
}

/// A list or mapping that is not closed yet.
enum Open {
    List {
        position: Position,
        anchor: usize,
        items: Vec<Node>,
    },
    Map {
        position: Position,
        anchor: usize,
        entries: Vec<Entry>,
        keys: BTreeSet<Box<str>>,
        merges: Vec<Node>,
        key: Option<Key>,
    },
}

/// A key that waits for its value.
struct Key {
    text: Box<str>,
    written: Option<Box<str>>,
    position: Position,
    merge: bool,
}

struct Builder {
    lines_before: usize,
    /// Whether [`MARK`] is a colon.
    colons_are_marked: bool,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    alias_nodes: usize,
    /// Bytes that anchors and aliases have added, and may add.
    copied: usize,
    may_copy: usize,
    faults: Vec<Fault>,
}

impl Builder {
    fn new(chunk: &Chunk<'_>) -> Self {
        Self {
            lines_before: chunk.lines_before,
            colons_are_marked: false,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            nodes: 0,
            alias_nodes: 0,
            copied: 0,
            may_copy: limits::ALIAS_BYTES.min(chunk.text.len().saturating_mul(limits::ALIAS_FACTOR)),
            faults: Vec::new(),
        }
    }

    fn position(&self, marker: Marker) -> Position {
        position(self.lines_before + marker.line(), marker.col() + 1)
    }

    fn syntax(&self, error: &ScanError) -> Fault {
        let at = self.position(*error.marker());
        let message = error.kind().to_string();
        match error.kind() {
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart => {
                Fault::new(Code::TabIndentation, at, message).with_help("indent with spaces")
            }
            ErrorKind::UnknownAnchor => Fault::new(Code::UnknownAlias, at, message),
            ErrorKind::RecursionLimitExceeded => too_deep(at),
            _ => Fault::new(Code::YamlSyntax, at, message),
        }
    }

    /// Takes the next event; returns the document that it completes.
    fn on_event(&mut self, event: Event<'_>, marker: Marker) -> Result<Option<Node>, Fault> {
        let at = self.position(marker);
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                (self.nodes, self.alias_nodes) = (0, 0);
                Ok(None)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text = if self.colons_are_marked { text.replace(MARK, ":").into() } else { text };
                let scalar = scalar_of(&text, style, tag.as_deref(), at)?;
                let merge = &*text == "<<" && style == ScalarStyle::Plain;
                self.complete(Node { position: at, value: Value::Scalar(scalar) }, anchor, merge)
            }
            Event::Alias(id) => self.alias(id, at),
            Event::SequenceStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "seq", at)?;
                self.push(Open::List { position: at, anchor, items: Vec::new() }, at)
            }
            Event::MappingStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), "map", at)?;
                let (entries, keys, merges) = (Vec::new(), BTreeSet::new(), Vec::new());
                self.push(Open::Map { position: at, anchor, entries, keys, merges, key: None }, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => Ok(None),
        }
    }

    fn push(&mut self, open: Open, at: Position) -> Result<Option<Node>, Fault> {
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(Fault::new(Code::BadMapKey, at, "a list or mapping cannot be a key"));
        }
        if self.open.len() >= limits::DEPTH {
            return Err(too_deep(at));
        }
        self.open.push(open);
        Ok(None)
    }

    fn close(&mut self) -> Result<Option<Node>, Fault> {
        match self.open.pop().expect("the parser balances starts and ends") {
            Open::List { position, anchor, items } => {
                self.complete(Node { position, value: Value::List(items) }, anchor, false)
            }
            Open::Map { position, anchor, mut entries, mut keys, merges, .. } => {
                for merged in merges {
                    merge(merged, &mut entries, &mut keys)?;
                }
                self.complete(Node { position, value: Value::Map(entries) }, anchor, false)
            }
        }
    }

    fn alias(&mut self, id: usize, at: Position) -> Result<Option<Node>, Fault> {
        let Some(target) = self.anchors.get(&id) else {
            return Err(Fault::new(Code::UnknownAlias, at, "the alias refers to a value that contains it"));
        };
        self.alias_nodes += target.count();
        if self.alias_nodes > limits::ALIAS_NODES {
            let message = format!("aliases expand to more than {} values", limits::ALIAS_NODES);
            return Err(Fault::new(Code::AliasExpansion, at, message));
        }
        if self.open.len() + target.height() > limits::DEPTH {
            return Err(too_deep(at));
        }
        let bytes = target.bytes();
        self.copy(bytes, at)?;
        let node = Node { position: at, value: self.anchors[&id].value.clone() };
        self.complete(node, 0, false)
    }

    /// Accounts for a copy before it is made.
    fn copy(&mut self, bytes: usize, at: Position) -> Result<(), Fault> {
        self.copied = self.copied.saturating_add(bytes);
        if self.copied <= self.may_copy {
            return Ok(());
        }
        let message = format!("anchors and aliases make more than {} bytes of the document", self.may_copy);
        Err(Fault::new(Code::AliasExpansion, at, message)
            .with_help("write the values out, or use fewer aliases"))
    }

    /// Puts a complete value where it belongs: into the open collection, or out as the document.
    fn complete(&mut self, node: Node, anchor: usize, merge: bool) -> Result<Option<Node>, Fault> {
        self.nodes += 1;
        if self.nodes > limits::NODES {
            let message = format!("the document has more than {} values", limits::NODES);
            return Err(Fault::new(Code::TooManyNodes, node.position, message));
        }
        if anchor != 0 {
            self.copy(node.bytes(), node.position)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => return Ok((!node.is_null()).then_some(node)),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { key: waiting @ None, .. }) => *waiting = Some(key_of(node, merge)?),
            Some(Open::Map { key, entries, keys, merges, .. }) => {
                let Key { text, written, position, merge } =
                    key.take().expect("the arm above takes the other case");
                if merge {
                    merges.push(node);
                } else if keys.insert(text.clone()) {
                    entries.push(Entry {
                        key: text,
                        written_key: written,
                        key_position: position,
                        value: node,
                    });
                } else {
                    let message = format!("the key `{}` appears twice", shown(&text));
                    self.faults
                        .push(Fault::new(Code::DuplicateKey, position, message).with_help("remove one"));
                }
            }
        }
        Ok(None)
    }
}

/// Adds the entries of a merged mapping, or of a list of them, whose keys are new.
fn merge(from: Node, entries: &mut Vec<Entry>, keys: &mut BTreeSet<Box<str>>) -> Result<(), Fault> {
    match from.value {
        Value::Map(merged) => {
            entries.extend(merged.into_iter().filter(|entry| keys.insert(entry.key.clone())));
            Ok(())
        }
        Value::List(maps) if maps.iter().all(|map| matches!(map.value, Value::Map(_))) => {
            maps.into_iter().try_for_each(|map| merge(map, entries, keys))
        }
        _ => Err(Fault::new(Code::BadMergeKey, from.position, "`<<` takes a mapping or a list of mappings")),
    }
}

fn too_deep(at: Position) -> Fault {
    Fault::new(Code::TooDeep, at, format!("the document is nested deeper than {} levels", limits::DEPTH))
}

fn key_of(node: Node, merge: bool) -> Result<Key, Fault> {
    let at = node.position;
    let Value::Scalar(scalar) = node.value else {
        return Err(Fault::new(Code::BadMapKey, at, "a list or mapping cannot be a key"));
    };
    if scalar.meaning == Meaning::Null {
        return Err(
            Fault::new(Code::BadMapKey, at, "a key cannot be null").with_help("put the key in quotes")
        );
    }
    let text: Box<str> = scalar.as_json_text().into();
    let written = (text != scalar.text).then_some(scalar.text);
    Ok(Key { text, written, position: at, merge })
}

fn scalar_of(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Result<Scalar, Fault> {
    let Some(tag) = tag else {
        return Ok(if style == ScalarStyle::Plain { Scalar::bare(text) } else { Scalar::quoted(text) });
    };
    let meaning = super::scalar::meaning(text);
    let fits = match tag.core_suffix() {
        Some("str") => return Ok(Scalar::quoted(text)),
        Some("int") => matches!(meaning, Meaning::Integer(_)),
        Some("float") => matches!(meaning, Meaning::Integer(_) | Meaning::Float(_)),
        Some("bool") => matches!(meaning, Meaning::Bool(_)),
        Some("null") => matches!(meaning, Meaning::Null),
        _ => {
            let message = format!("the tag `{}` has no meaning here", shown(tag.original().as_ref()));
            return Err(Fault::new(Code::UnsupportedTag, at, message).with_help("remove the tag"));
        }
    };
    if fits {
        return Ok(Scalar { text: text.into(), meaning, bare: false });
    }
    let message = format!("the value is not what its tag `{}` says", shown(tag.original().as_ref()));
    Err(Fault::new(Code::UnsupportedTag, at, message))
}

fn check_tag(tag: Option<&Tag>, expected: &str, at: Position) -> Result<(), Fault> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(expected) => {
            let message = format!("the tag `{}` has no meaning here", shown(tag.original().as_ref()));
            Err(Fault::new(Code::UnsupportedTag, at, message).with_help("remove the tag"))
        }
        _ => Ok(()),
    }
}
