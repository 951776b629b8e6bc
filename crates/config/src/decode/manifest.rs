//! What every object has: `apiVersion`, `kind` and `metadata`.

use std::sync::Arc;

use crate::{
    Code, Config, ConfigKey, Diagnostic, FieldPath, Kind, LabelSet, Position, ReadFrom, Severity, Subject,
    Timestamp, foreign,
    kind::METADATA,
    printable::shown,
    schema::{scalar, suggest},
    syntax,
    unread::{Place, Sort},
    untranslated::annotations,
    yaml::{Meaning, Node, Value, YamlDoc},
};

use super::security;

/// Default of `metadata.namespace`, as kubectl's.
const DEFAULT_NAMESPACE: &str = "default";

/// A copy of the whole object that kubectl leaves behind; nothing reads it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a document is.
pub(super) enum Header<'a> {
    Object(Manifest<'a>),
    List(ListHeader),
    Unread(Sort, Place),
}

/// A list of objects; items of a typed list need not say their kind.
pub(super) struct ListHeader {
    pub(super) kind: String,
    api_version: String,
}

/// An object of a kind that is read.
pub(super) struct Manifest<'a> {
    pub(super) document: &'a YamlDoc,
    pub(super) node: &'a Node,
    pub(super) kind: Kind,
}

/// Finds out which kind of object or list `node` is.
pub(super) fn identify<'a>(
    document: &'a YamlDoc,
    node: &'a Node,
    list: Option<&ListHeader>,
) -> Result<Header<'a>, Box<Diagnostic>> {
    let finding = |severity, code, position, message: String| {
        let on = Subject::File(document.file_name());
        let mut diagnostic = Box::new(Diagnostic::new(severity, on, code, FieldPath::root(), message));
        diagnostic.position = document.location(position);
        diagnostic
    };
    let not_an_object = |message: &str| {
        let mut diagnostic = finding(Severity::Error, Code::NotAnObject, node.position, message.to_owned());
        diagnostic.help("begin an object with `apiVersion:` and `kind:`");
        diagnostic
    };
    let at = |position| Place {
        name: name_of(node),
        on: Subject::File(document.file_name()),
        position: document.location(position),
    };
    if let (None, Some(file)) = (list, &document.file)
        && let Some(foreign) = foreign::recognize(file, node)
    {
        let Some(command) = foreign.rendered_by() else {
            let place = Place { name: String::new(), ..at(node.position) };
            return Ok(Header::Unread(Sort::Document(foreign), place));
        };
        let directory = file.rsplit_once('/').map_or(".", |(directory, _)| directory);
        let text =
            format!("{} are not rendered here, and their templates and patches are not read", foreign.what());
        let mut diagnostic = finding(Severity::Info, Code::NotRendered, node.position, text);
        diagnostic.help(format!("render it first and read what comes out: {command} {}", shown(directory)));
        return Err(diagnostic);
    }
    if !matches!(node.value, Value::Map(_)) {
        return Err(not_an_object(&format!("the document is {}, not an object", node.type_name())));
    }
    let inherited = list.map(|list| (list.kind.trim_end_matches("List"), list.api_version.as_str()));
    let header = |field: &str| match node.get(field).filter(|value| !value.is_null()) {
        Some(value) => value.as_str().map(Some).ok_or_else(|| {
            let misfit = scalar::no_text(field, value);
            let mut diagnostic = finding(Severity::Error, misfit.code, value.position, misfit.message);
            diagnostic.help = misfit.help;
            diagnostic
        }),
        None => Ok(None),
    };
    let kind = header("kind")?.or(inherited.map(|(kind, _)| kind)).filter(|kind| !kind.is_empty());
    let kind = kind.ok_or_else(|| not_an_object("the object has no `kind`"))?;
    let version = header("apiVersion")?.or(inherited.map(|(_, version)| version));
    let version = version.ok_or_else(|| not_an_object("the object has no `apiVersion`"))?;
    if kind.ends_with("List") && node.get("items").is_some() {
        if list.is_some() {
            return Err(not_an_object("an item of a list is a list"));
        }
        return Ok(Header::List(ListHeader { kind: kind.to_owned(), api_version: version.to_owned() }));
    }
    let (group, short_version) = version.rsplit_once('/').unwrap_or(("", version));
    let position = |field: &str| node.get(field).map_or(node.position, |value| value.position);
    let mut named = Kind::ALL.into_iter().filter(|known| known.name() == kind);
    let exact = named.clone().find(|known| known.group() == group);
    let meant = || named.find(|known| known.is_istio() && is_meant_as_istio(version));
    let Some(known) = exact.or_else(meant) else {
        let Some((meant, meant_version)) = misspelt(kind, group) else {
            let restricts = security::restricts(kind, group, node);
            let sort = Sort::Kind { kind: shown(kind), version: shown(version), restricts };
            return Ok(Header::Unread(sort, at(position("kind"))));
        };
        let text = format!("there is no kind {} in {}", shown(kind), shown(version));
        let mut diagnostic = finding(Severity::Error, Code::UnknownKind, position("kind"), text);
        diagnostic.help(format!("did you mean `kind: {meant}` of {meant_version}?"));
        return Err(diagnostic);
    };
    if known.group() != group || !known.versions().contains(&short_version) {
        let text = format!("{kind} has no version {}", shown(version));
        let mut diagnostic = finding(Severity::Error, Code::UnsupportedVersion, position("apiVersion"), text);
        let versions: Vec<_> = known.versions().iter().map(|version| api_version(known, version)).collect();
        diagnostic.help(format!("the versions are {}", versions.join(", ")));
        return Err(diagnostic);
    }
    Ok(Header::Object(Manifest { document, node, kind: known }))
}

/// Whether `version` is a misspelling of one of Istio's: `v1`, `networking.istio.io`, `network.istio.io/v1`.
fn is_meant_as_istio(version: &str) -> bool {
    !version.contains('/') || version.contains("istio")
}

fn api_version(kind: Kind, version: &str) -> String {
    if kind.group().is_empty() { version.to_owned() } else { format!("{}/{version}", kind.group()) }
}

/// The kind that was probably meant by `kind` of `group`, and its version: both are close to it, and not both are equal.
fn misspelt(kind: &str, group: &str) -> Option<(&'static str, String)> {
    // Kinds of Istio and Kubernetes that are not read and close to one that is.
    if ["WorkloadGroup", "PodList", "NodeList"].contains(&kind) {
        return None;
    }
    let is_close = |known: &str| {
        known == group || !group.is_empty() && suggest::nearest(group, std::iter::once(known), 2).is_some()
    };
    let read = Kind::ALL.into_iter().filter(|known| is_close(known.group()));
    let read = read.map(|known| (known.name(), api_version(known, known.versions()[0])));
    let policies = security::KINDS.iter().filter(|_| is_close(security::GROUP));
    let policies = policies.map(|known| (*known, format!("{}/v1", security::GROUP)));
    let all: Vec<_> = read.chain(policies).collect();
    let nearest = suggest::nearest(kind, all.iter().map(|(known, _)| *known), 2)?;
    all.into_iter()
        .find(|(known, version)| *known == nearest && (*known != kind || !version.starts_with(group)))
}

/// The name of an object of any kind, for a message.
fn name_of(node: &Node) -> String {
    let text = |field| node.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Node::as_str);
    let name = shown(text("name").unwrap_or("without a name"));
    format!("{}/{name}", shown(text("namespace").unwrap_or(DEFAULT_NAMESPACE)))
}

impl Manifest<'_> {
    fn field(&self, name: &str) -> Option<&Node> {
        self.node.get("metadata").and_then(|metadata| metadata.get(name)).filter(|node| !node.is_null())
    }

    /// The identity of the object; or, if it has none, what is wrong.
    pub(super) fn key(&self) -> Result<ConfigKey, Box<Diagnostic>> {
        let path = FieldPath::root().field("metadata");
        let finding = |code, path: FieldPath, node: &Node, message: String| {
            let on = Subject::File(self.document.file_name());
            let mut diagnostic = Box::new(Diagnostic::new(Severity::Error, on, code, path, message));
            diagnostic.position = self.document.location(node.position);
            diagnostic
        };
        let Some(name) = self.field("name") else {
            let node = self.node.get("metadata").unwrap_or(self.node);
            let mut text = format!("the {} has no name", self.kind);
            if self.field("generateName").is_some() {
                text += "; `generateName` needs an API server";
            }
            return Err(finding(Code::MissingField, path.field("name"), node, text));
        };
        let no_text = |field: &'static str, node: &Node| {
            let misfit = scalar::no_text(field, node);
            let mut diagnostic = finding(misfit.code, path.clone().field(field), node, misfit.message);
            diagnostic.help = misfit.help;
            diagnostic
        };
        let name_text = text_of(name).ok_or_else(|| no_text("name", name))?;
        if let Err(why) = syntax::subdomain(name_text) {
            let text = format!("`{}` cannot be a name: {why}", shown(name_text));
            return Err(finding(Code::BadMetadata, path.field("name"), name, text));
        }
        let namespace = match self.field("namespace") {
            _ if !self.kind.is_namespaced() => "",
            None => DEFAULT_NAMESPACE,
            Some(node) => {
                let text = text_of(node).ok_or_else(|| no_text("namespace", node))?;
                if let Err(why) = syntax::label(text) {
                    let text = format!("`{}` cannot be a namespace: {why}", shown(text));
                    return Err(finding(Code::BadMetadata, path.field("namespace"), node, text));
                }
                text
            }
        };
        Ok(ConfigKey::new(self.kind, namespace, name_text))
    }

    /// The annotations that Istio acts on and that have no effect here, with their object.
    pub(super) fn idle_annotations(&self) -> impl Iterator<Item = (String, Place)> {
        let entries = match self.field("annotations").map(|annotations| &annotations.value) {
            Some(Value::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().filter(|entry| annotations::is_idle(&entry.key)).map(|entry| {
            let on = Subject::File(self.document.file_name());
            let position = self.document.location(entry.key_position);
            (shown(&entry.key), Place { name: name_of(self.node), on, position })
        })
    }

    /// The object with its identity, metadata and place, without its spec.
    pub(super) fn header(&self, key: &ConfigKey, diagnostics: &mut Vec<Diagnostic>) -> Config<()> {
        let mut reader = Reader { manifest: self, key, diagnostics };
        reader.check_names();
        let created = self.field("creationTimestamp").and_then(|node| reader.created(node));
        let (labels, annotations) = (reader.texts("labels"), reader.texts("annotations"));
        let read_from = match (&self.document.file, self.field("resourceVersion").and_then(text_of)) {
            (Some(path), _) => {
                let Position { line, column } = self.node.position;
                ReadFrom::File { path: path.clone(), line, column, positions: Arc::default() }
            }
            (None, Some(version)) => ReadFrom::ResourceVersion(version.into()),
            (None, None) => ReadFrom::None,
        };
        Config { labels, annotations, created, read_from, ..Config::new(key.clone(), ()) }
    }
}

/// The text of a name. A bare number or boolean is not one: kubectl would send it as such.
fn text_of(node: &Node) -> Option<&str> {
    node.as_str()
}

struct Reader<'a, 'b> {
    manifest: &'b Manifest<'a>,
    key: &'b ConfigKey,
    diagnostics: &'b mut Vec<Diagnostic>,
}

impl Reader<'_, '_> {
    fn report(
        &mut self,
        severity: Severity,
        code: Code,
        path: FieldPath,
        at: Position,
        message: String,
    ) -> &mut Diagnostic {
        let mut diagnostic =
            Diagnostic::new(severity, Subject::Object(self.key.clone()), code, path, message);
        diagnostic.position = self.manifest.document.location(at);
        self.diagnostics.push(diagnostic);
        self.diagnostics.last_mut().expect("one was pushed just now")
    }

    /// Looks for misspelt fields; unknown ones are left alone, as Kubernetes adds some now and then.
    fn check_names(&mut self) {
        const READ: [&str; 5] = ["name", "namespace", "labels", "annotations", "creationTimestamp"];
        let manifest = self.manifest;
        let Some(Value::Map(entries)) = manifest.node.get("metadata").map(|metadata| &metadata.value) else {
            return;
        };
        for entry in entries {
            if READ.contains(&&*entry.key) || METADATA.contains(&&*entry.key) {
                continue;
            }
            if let Some(meant) = suggest::nearest(&entry.key, READ.into_iter(), 2) {
                let path = FieldPath::root().field("metadata").field(entry.key.to_string());
                let text = format!("there is no field `{}` in `metadata`", shown(&entry.key));
                self.report(Severity::Error, Code::UnknownField, path, entry.key_position, text)
                    .help(format!("did you mean `{meant}`?"));
            }
        }
    }

    fn created(&mut self, node: &Node) -> Option<Timestamp> {
        match text_of(node).unwrap_or_default().parse() {
            Ok(created) => Some(created),
            Err(error) => {
                let path = FieldPath::root().field("metadata").field("creationTimestamp");
                let text = format!("the creation time is invalid: {error}");
                self.report(Severity::Error, Code::BadMetadata, path, node.position, text);
                None
            }
        }
    }

    /// Labels or annotations.
    fn texts(&mut self, field: &'static str) -> LabelSet {
        let path = FieldPath::root().field("metadata").field(field);
        let manifest = self.manifest;
        let Some(node) = manifest.field(field) else { return LabelSet::default() };
        let Value::Map(entries) = &node.value else {
            let text = format!("`{field}` takes a mapping, not {}", node.type_name());
            self.report(Severity::Error, Code::WrongType, path, node.position, text);
            return LabelSet::default();
        };
        let mut texts = Vec::with_capacity(entries.len());
        for entry in entries.iter().filter(|entry| &*entry.key != LAST_APPLIED) {
            let path = path.clone().key(entry.key.to_string());
            if let Some(written) = &entry.written_key {
                let text = format!("kubectl reads the bare key `{}` as `{}`", shown(written), entry.key);
                self.report(Severity::Warning, Code::Yaml11Value, path.clone(), entry.key_position, text)
                    .help(format!("write \"{}\" in quotes", shown(written)));
            }
            // Kubernetes allows capital letters in keys of annotations.
            let name = if field == "labels" { entry.key.to_string() } else { entry.key.to_lowercase() };
            if let Err(why) = syntax::qualified_name(&name) {
                let text = format!("`{}` cannot be a key of `{field}`: {why}", shown(&entry.key));
                self.report(Severity::Error, Code::BadMetadata, path.clone(), entry.key_position, text);
            }
            match &entry.value.value {
                Value::Scalar(scalar) if scalar.meaning == Meaning::Text => {
                    if let (true, Err(why)) = (field == "labels", syntax::label_value(&scalar.text)) {
                        let text = format!("`{}` cannot be the value of a label: {why}", shown(&scalar.text));
                        self.report(Severity::Error, Code::BadMetadata, path, entry.value.position, text);
                    }
                    texts.push((&*entry.key, &*scalar.text));
                }
                Value::Scalar(scalar) if scalar.meaning == Meaning::Null => texts.push((&*entry.key, "")),
                _ => {
                    let misfit = scalar::no_text(&shown(&entry.key), &entry.value);
                    self.report(Severity::Error, misfit.code, path, entry.value.position, misfit.message)
                        .help = misfit.help;
                }
            }
        }
        texts.into_iter().collect()
    }
}
