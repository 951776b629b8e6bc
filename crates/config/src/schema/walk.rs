//! Walks a document along the schema of its kind, and checks every field.

use crate::{
    Code, Diagnostic, Diagnostics, FieldPath, FieldPositions, Position, Segment, Severity, Subject,
    kind::UnknownFields,
    placeholder,
    printable::shown,
    yaml::{Entry, Node, Value, YamlDoc},
};

use super::{
    Field, Message, Schema, Shape,
    scalar::{self, Misfit},
    suggest::{self, Advice},
};

/// The state of a walk.
pub(crate) struct Walk<'a> {
    document: &'a YamlDoc,
    schema: &'a Schema,
    unknown: UnknownFields,
    path: FieldPath,
    positions: Vec<(String, Position)>,
    unreadable: Vec<FieldPath>,
    found: Diagnostics,
}

/// What a walk has found.
pub(crate) struct Walked {
    /// Where the fields are.
    pub(crate) positions: FieldPositions,
    /// What cannot be read, each with an error, or is not looked at.
    pub(crate) unreadable: Vec<FieldPath>,
    /// What is wrong or doubtful.
    pub(crate) findings: Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        document: &'a YamlDoc,
        schema: &'a Schema,
        on: Subject,
        unknown: UnknownFields,
    ) -> Self {
        let (path, found) = (FieldPath::root(), Diagnostics::on(on));
        Self { document, schema, unknown, path, positions: Vec::new(), unreadable: Vec::new(), found }
    }

    /// Checks the object's own fields; those in `skip` are not looked at.
    pub(crate) fn root(mut self, node: &Node, skip: &[&str]) -> Walked {
        let schema = self.schema;
        let skipped = skip.iter().filter(|name| schema.root.fields.contains_key(**name));
        self.unreadable.extend(skipped.map(|name| FieldPath::root().field((*name).to_owned())));
        self.message(&schema.root, "", node, skip);
        let Self { positions, unreadable, found, .. } = self;
        Walked { positions: positions.into_iter().collect(), unreadable, findings: found.into_vec() }
    }

    pub(crate) fn report(
        &mut self,
        severity: Severity,
        code: Code,
        position: Position,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let location = self.document.location(position);
        let diagnostic = self.found.add(severity, code, self.path.clone(), message);
        diagnostic.position = location;
        diagnostic
    }

    fn misfit(&mut self, position: Position, misfit: Misfit) {
        self.unreadable.push(self.path.clone());
        let diagnostic = self.report(Severity::Error, misfit.code, position, misfit.message);
        diagnostic.help = misfit.help;
    }

    /// A mapping with known fields at `here` (a pattern).
    fn message(&mut self, message: &Message, here: &str, node: &Node, skip: &[&str]) {
        let name = self.last_name();
        let Value::Map(entries) = &node.value else {
            let misfit = not_a_message(&name, message, node);
            self.misfit(node.position, misfit);
            return;
        };
        let mut meant = Vec::new();
        for entry in entries {
            if skip.contains(&&*entry.key) {
                continue;
            }
            match message.fields.get(&*entry.key) {
                Some(field) => self.field(message, field, entry),
                None => meant.extend(self.unknown_field(message, here, entry, entries)),
            }
        }
        for required in &message.required {
            let absent = node.get(required).is_none_or(Node::is_null);
            if absent && !meant.contains(required) {
                let text = format!("`{required}` is required");
                self.report(Severity::Error, Code::MissingField, node.position, text);
            }
        }
    }

    fn field(&mut self, message: &Message, field: &Field, entry: &Entry) {
        if entry.value.is_null() {
            return;
        }
        self.path.push(Segment::Field(entry.key.to_string().into()));
        let position = match &entry.value.value {
            Value::Scalar(_) => entry.value.position,
            Value::List(_) | Value::Map(_) => entry.key_position,
        };
        if self.document.file.is_some() {
            self.positions.push((self.path.to_string(), position));
        }
        if !field.translated {
            let text = format!("`{}` is accepted but has no effect yet", entry.key);
            self.report(Severity::Warning, Code::NotTranslated, entry.key_position, text);
        }
        if let Some(value) = entry.value.as_str().filter(|value| field.untranslated_values.contains(value)) {
            let text = format!("`{}: {value}` is accepted but has no effect yet", entry.key);
            self.report(Severity::Warning, Code::ValueNotTranslated, entry.value.position, text);
        }
        match &field.shape {
            Shape::Enum(values) => {
                let siblings = message.fields.iter().filter_map(|(name, field)| match &field.shape {
                    Shape::Enum(values) => Some((name.as_str(), values.as_slice())),
                    _ => None,
                });
                let fit = scalar::enumeration(&entry.key, values, &entry.value, siblings);
                self.fit(entry.value.position, fit);
            }
            shape => self.value(shape, &field.pattern, &entry.value),
        }
        self.path.pop();
    }

    fn fit(&mut self, position: Position, fit: Result<(), Misfit>) {
        if let Err(misfit) = fit {
            self.misfit(position, misfit);
        }
    }

    /// A value of any shape at `here` (a pattern).
    fn value(&mut self, shape: &Shape, here: &str, node: &Node) {
        let name = self.last_name();
        let fit = match shape {
            Shape::Message(message) => return self.message(message, here, node, &[]),
            Shape::List(item) => return self.list(item, here, node),
            Shape::Map(value) => return self.map(value, here, node),
            Shape::Text(format) => scalar::text(&name, *format, node),
            Shape::Bool => scalar::boolean(&name, node),
            Shape::Integer(range) => scalar::integer(&name, *range, node),
            Shape::Number => scalar::number(&name, node),
            Shape::IntOrString => scalar::int_or_string(&name, node),
            Shape::Enum(values) => scalar::enumeration(&name, values, node, std::iter::empty()),
        };
        if fit.is_ok() {
            self.note_yaml_1_1(node);
            self.note_placeholder(node);
        }
        self.fit(node.position, fit);
    }

    fn list(&mut self, item: &Shape, here: &str, node: &Node) {
        let Value::List(items) = &node.value else {
            let misfit = scalar::wrong_type(&self.last_name(), "a list", node);
            let misfit = match &node.value {
                Value::Scalar(scalar) => misfit.help(format!("write [{}]", shown(&scalar.text))),
                _ => misfit.help("put a dash before the first field of each item"),
            };
            self.misfit(node.position, misfit);
            return;
        };
        let here = format!("{here}[]");
        for (index, node) in items.iter().enumerate() {
            self.path.push(Segment::Index(index));
            if self.document.file.is_some() {
                self.positions.push((self.path.to_string(), node.position));
            }
            if node.is_null() {
                self.report(Severity::Error, Code::WrongType, node.position, "the item of the list is empty");
            } else {
                self.value(item, &here, node);
            }
            self.path.pop();
        }
    }

    fn map(&mut self, shape: &Shape, here: &str, node: &Node) {
        let Value::Map(entries) = &node.value else {
            let misfit = scalar::wrong_type(&self.last_name(), "a mapping", node);
            self.misfit(node.position, misfit);
            return;
        };
        let here = format!("{here}{{}}");
        for entry in entries {
            self.path.push(Segment::Key(entry.key.to_string()));
            if self.document.file.is_some() {
                self.positions.push((self.path.to_string(), entry.key_position));
            }
            self.note_written_key(entry);
            // Kubernetes reads an absent string as an empty one: `data: {tls.crt: }`.
            let is_empty_text = matches!((shape, self.unknown), (Shape::Text(_), UnknownFields::Skip(_)));
            // The API server drops such an entry: `headers: {x-user:}` would match every request.
            if entry.value.is_null() && matches!(shape, Shape::Message(_)) {
                self.unreadable.push(self.path.clone());
                let text = format!("`{}` has no value", shown(&entry.key));
                self.report(Severity::Error, Code::WrongType, entry.key_position, text)
                    .help("write {} for an empty value");
            } else if !(entry.value.is_null() && is_empty_text) {
                self.value(shape, &here, &entry.value);
            }
            self.path.pop();
        }
    }

    /// Warns if a YAML 1.2 parser reads the value differently.
    fn note_yaml_1_1(&mut self, node: &Node) {
        let Value::Scalar(scalar) = &node.value else { return };
        if scalar.differs_in_yaml_1_2() {
            let (text, meaning) = (shown(&scalar.text), scalar.as_json_text());
            let message = format!("kubectl reads `{text}` as {meaning}; other parsers read something else");
            let help = format!("write {meaning}, or \"{text}\" for the string");
            self.report(Severity::Warning, Code::Yaml11Value, node.position, message).help(help);
        }
    }

    /// Warns if a string of Istio's kinds contains a placeholder. In a ConfigMap it may be meant for another reader.
    fn note_placeholder(&mut self, node: &Node) {
        let Some(text) = node.as_str().filter(|_| self.unknown == UnknownFields::Refuse) else { return };
        if let Some(placeholder) = placeholder::first(text) {
            let message = format!("`{}` is taken literally", shown(placeholder));
            let help = placeholder::help(&shown(placeholder));
            self.report(Severity::Warning, Code::Placeholder, node.position, message).help(help);
        }
    }

    pub(crate) fn note_written_key(&mut self, entry: &Entry) {
        let Some(written) = &entry.written_key else { return };
        let written = shown(written);
        let message = format!("kubectl reads the bare key `{written}` as `{}`", entry.key);
        let help = format!("write \"{written}\" in quotes");
        self.report(Severity::Warning, Code::Yaml11Value, entry.key_position, message).help(help);
    }

    /// Reports a field that does not exist; returns the name that was probably meant.
    fn unknown_field(
        &mut self,
        message: &Message,
        here: &str,
        entry: &Entry,
        siblings: &[Entry],
    ) -> Option<String> {
        let advice = suggest::unknown_field(self.schema, message, here, entry, siblings);
        let severity = match (self.unknown, &advice) {
            (UnknownFields::Skip(real), advice)
                if real.contains(&&*entry.key) || !is_plain_typo(advice, &entry.key) =>
            {
                return None;
            }
            (UnknownFields::Warn, Advice::Elsewhere(_) | Advice::Unknown) => Severity::Warning,
            _ => Severity::Error,
        };
        let written = shown(entry.written_key.as_deref().unwrap_or(&entry.key));
        let code = match advice {
            Advice::Elsewhere(_) => Code::MisplacedField,
            _ if severity == Severity::Warning => Code::NotTranslated,
            _ => Code::UnknownField,
        };
        let text = match (code, here.is_empty()) {
            (Code::NotTranslated, _) => format!("`{written}` is not read"),
            (Code::MisplacedField, true) => format!("`{written}` does not belong at the top of the object"),
            (Code::MisplacedField, false) => format!("`{written}` does not belong in `{here}`"),
            (_, true) => format!("there is no field `{written}`"),
            (_, false) => format!("there is no field `{written}` in `{here}`"),
        };
        let (help, meant) = match advice {
            Advice::Sibling(name) => (format!("did you mean `{name}`?"), Some(name)),
            Advice::TakesValue(name) => {
                let value = entry.value.as_str().map(shown).unwrap_or_default();
                (format!("did you mean `{name}: {value}`?"), Some(name))
            }
            Advice::Elsewhere(place) => (suggest::way(here, &place), None),
            Advice::Unknown if message.fields.is_empty() => ("remove it".to_owned(), None),
            Advice::Unknown => {
                let names: Vec<_> = message.fields.keys().map(String::as_str).collect();
                (format!("the fields are {}", names.join(", ")), None)
            }
        };
        self.path.push(Segment::Field(entry.key.to_string().into()));
        self.report(severity, code, entry.key_position, text).help(help);
        self.path.pop();
        meant
    }

    /// The name of the field being looked at.
    fn last_name(&self) -> String {
        let name = self.path.segments().iter().rev().find_map(|segment| match segment {
            Segment::Field(name) => Some(name.to_string()),
            Segment::Key(key) => Some(shown(key)),
            Segment::Index(_) => None,
        });
        name.unwrap_or_else(|| "the object".to_owned())
    }
}

/// Whether the advice is a slip of the pen and not a field of a newer Kubernetes.
fn is_plain_typo(advice: &Advice, name: &str) -> bool {
    match advice {
        Advice::Sibling(meant) => {
            name.len() >= 4 && strsim::osa_distance(name, meant) <= if name.len() >= 9 { 2 } else { 1 }
        }
        _ => false,
    }
}

fn not_a_message(name: &str, message: &Message, node: &Node) -> Misfit {
    let misfit = scalar::wrong_type(name, "a mapping", node);
    match &node.value {
        Value::List(_) => misfit.help("write its fields without a dash"),
        _ if message.fields.is_empty() => misfit,
        _ => {
            let names: Vec<_> = message.fields.keys().map(|field| format!("`{field}`")).collect();
            misfit.help(format!("its fields are {}", names.join(", ")))
        }
    }
}
