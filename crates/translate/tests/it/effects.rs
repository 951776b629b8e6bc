//! Fields that are said to have no effect have none, and all others have one.
//!
//! Objects of the golden cases and of `effects/` are changed one field at a time: the field is left out or gets another
//! value. If what the proxy is sent differs then, the field has an effect. So a row too many or too few in the table of
//! what has no effect (`crates/config/src/untranslated.rs`) fails here, as does a field that nobody has an example of.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use fairlead_config::{Change, Diagnostic, Kind, Severity, decode_file, leaves};
use fairlead_testkit::golden;
use fairlead_translate::publication::Sets;
use serde_json::{Value, json};

use crate::{mesh::Mesh, proxy_file::ProxyFile};

/// Objects, and whom they are for.
struct Specimen {
    name: String,
    documents: Vec<Value>,
    proxy: ProxyFile,
    /// Whether it is not a golden case.
    is_extra: bool,
    /// What is sent of it as it is.
    before: OnceCell<(Sets, Vec<Diagnostic>)>,
}

/// A kind, or MeshConfig.
type Of = Option<Kind>;

/// A proxy and objects that have what the golden cases lack.
const EXTRA: &[(&str, &str)] = &[
    ("sidecar", include_str!("effects/sidecar.yaml")),
    ("gateway", include_str!("effects/gateway.yaml")),
    ("mesh", include_str!("effects/mesh.yaml")),
];

/// Fields that change nothing and are none the worse for it.
const NOBODY_ACTS_ON: &[(Of, &str, &str)] = &[
    (
        Some(Kind::DestinationRule),
        "spec.trafficPolicy.outlierDetection.consecutiveErrors",
        "nobody has an effect for it, as FL0240 says",
    ),
    (Some(Kind::Sidecar), "spec.egress[].port.name", "a name for people"),
    (Some(Kind::Sidecar), "spec.ingress[].port.name", "a name for people"),
    (Some(Kind::ServiceEntry), "spec.location", "only mutual TLS would tell inside from outside"),
    (Some(Kind::ServiceEntry), "spec.endpoints[].serviceAccount", "only mutual TLS would ask for it"),
    (Some(Kind::WorkloadEntry), "spec.serviceAccount", "only mutual TLS would ask for it"),
    (None, "rootNamespace", "it is compared with the control plane's own (FL0241)"),
];

fn is_acted_on_by_nobody(of: Of, place: &str) -> bool {
    NOBODY_ACTS_ON.iter().any(|(kind, known, _)| (*kind, *known) == (of, place))
}

impl Specimen {
    fn all() -> Vec<Self> {
        let cases = golden::cases(&golden::root()).expect("the golden files can be read");
        let golden = cases.into_iter().map(|case| {
            let proxy = ProxyFile::parse(case.proxy.as_deref()).expect("proxy.yaml is well formed");
            let documents = documents(&case.input);
            Self { name: case.name, documents, proxy, is_extra: false, before: OnceCell::new() }
        });
        // MeshConfig has one localityLbSetting, and its parts exclude each other.
        let mesh = EXTRA[2].1;
        let with = |setting| mesh.replace("enabled: true", setting);
        let others = [
            ("mesh-distribute", with("distribute: [{from: r1/*, to: {r1/z1: 80, r2/z2: 20}}]")),
            ("mesh-failover", with("failover: [{from: r1, to: r2}]")),
        ];
        let extra =
            EXTRA.iter().map(|(name, text)| (*name, (*text).to_owned())).chain(others).map(|(name, text)| {
                let (proxy, objects) = text.split_once("\n---\n").expect("a proxy, then objects");
                let proxy = ProxyFile::parse(Some(proxy)).expect("the first document is a proxy");
                let documents = documents(objects);
                Self { name: name.to_owned(), documents, proxy, is_extra: true, before: OnceCell::new() }
            });
        extra.chain(golden).collect()
    }

    fn before(&self) -> &(Sets, Vec<Diagnostic>) {
        self.before.get_or_init(|| self.sent(&self.documents))
    }

    /// What the proxy is sent, and the errors among the findings.
    fn sent(&self, documents: &[Value]) -> (Sets, Vec<Diagnostic>) {
        let (mut mesh, mut errors) = (Mesh::empty(), Vec::new());
        let mut objects = Vec::new();
        for document in documents {
            let decoded = decode_file("in.json", packed(document).to_string().as_bytes());
            errors.extend(decoded.diagnostics.into_iter().filter(|found| found.severity == Severity::Error));
            objects.extend(decoded.objects.into_iter().map(Change::Set));
        }
        mesh.change(objects.into_iter().collect());
        errors.extend(mesh.diagnostics().into_iter().filter(|found| found.severity == Severity::Error));
        ((*mesh.publication_of(&self.proxy)).clone(), errors)
    }
}

/// The documents of a text; the text of a MeshConfig is unpacked into the fields that it has.
fn documents(text: &str) -> Vec<Value> {
    let parsed: Vec<Value> = serde_saphyr::from_multiple(text).expect("specimens are well formed");
    let mut all: Vec<_> = parsed.into_iter().filter(|document| !document.is_null()).collect();
    for document in &mut all {
        if let Some(mesh) = document.pointer_mut("/data/mesh") {
            let text = mesh.as_str().expect("the mesh configuration is a text");
            *mesh = serde_saphyr::from_str(text).expect("the mesh configuration is well formed");
        }
    }
    all
}

fn packed(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(mesh) = document.pointer_mut("/data/mesh") {
        *mesh = Value::String(mesh.to_string());
    }
    document
}

fn kind_of(document: &Value) -> Option<Kind> {
    let group = document["apiVersion"].as_str().and_then(|version| version.rsplit_once('/'));
    let group = group.map_or("", |(group, _)| group);
    Kind::ALL.into_iter().find(|kind| document["kind"] == kind.name() && group == kind.group())
}

/// The fields of a document that hold values: by their place as the schema has it, and as a pointer.
fn fields(document: &Value) -> Vec<(Of, String, String)> {
    let (of, start) = match kind_of(document) {
        None => return Vec::new(),
        Some(Kind::ConfigMap) => (None, "/data/mesh"),
        Some(kind) => (Some(kind), ""),
    };
    let known: BTreeSet<_> = leaves(of).into_iter().map(|(place, _, _)| place).collect();
    let mut found = Vec::new();
    if let Some(value) = document.pointer(start) {
        collect(value, "", start, &known, &mut |place, pointer| found.push((of, place, pointer)));
    }
    found
}

fn collect(
    value: &Value,
    place: &str,
    pointer: &str,
    known: &BTreeSet<String>,
    found: &mut impl FnMut(String, String),
) {
    if known.contains(place) {
        found(place.to_owned(), pointer.to_owned());
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let field = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                let start = format!("{place}{{}}");
                let is_map = known.iter().any(|known| known.starts_with(&start));
                let place = if is_map { start } else { field };
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                collect(value, &place, &pointer, known, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{place}[]"), &format!("{pointer}/{index}"), known, found);
            }
        }
        _ => {}
    }
}

/// The same fields stand in several places of a DestinationRule.
fn general(of: Of, place: &str) -> String {
    let policy = ["spec.subsets[].trafficPolicy.", "spec.trafficPolicy.", "portLevelSettings[]."];
    match of {
        Some(Kind::DestinationRule) if place.contains("trafficPolicy.") => {
            let rest = policy.iter().fold(place, |rest, start| rest.strip_prefix(start).unwrap_or(rest));
            format!("spec.trafficPolicy.{rest}")
        }
        _ => place.to_owned(),
    }
}

/// Documents in which a field is absent or has another value.
fn changed(documents: &[Value], at: usize, pointer: &str) -> Vec<Vec<Value>> {
    let (parent, key) = pointer.rsplit_once('/').expect("a field is in something");
    let key = key.replace("~1", "/").replace("~0", "~");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut documents = documents.to_vec();
        change(documents[at].pointer_mut(parent).expect("it was found there"));
        documents
    };
    let absent = with(&|parent| match parent {
        Value::Object(fields) => drop(fields.remove(&key)),
        Value::Array(items) => drop(items.remove(key.parse().expect("an index"))),
        _ => {}
    });
    let old = documents[at].pointer(pointer).expect("it was found there");
    let others = others(old).into_iter().map(|value| {
        with(&|parent| match parent {
            Value::Object(fields) => drop(fields.insert(key.clone(), value.clone())),
            Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value.clone(),
            _ => {}
        })
    });
    std::iter::once(absent).chain(others).collect()
}

/// Other values of the same type.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(number) => number.as_i64().map_or_else(Vec::new, |n| vec![json!(n + 1), json!(n - 1)]),
        Value::String(text) => {
            vec![json!(format!("{text}x")), json!("7s"), json!("other.example"), json!("INTERNAL")]
        }
        Value::Array(items) if items.len() > 1 => vec![json!(items[..items.len() - 1])],
        Value::Object(entries) => {
            // As many keys, with the values of their neighbours, and of one key another one.
            let mut turned: Vec<_> = entries.values().cloned().collect();
            turned.rotate_left(1);
            let turned: serde_json::Map<_, _> = entries.keys().cloned().zip(turned).collect();
            let other = entries.keys().map(|key| (key.clone(), json!("other")));
            vec![Value::Object(turned), Value::Object(other.collect())]
        }
        _ => Vec::new(),
    }
}

/// What is known of a field.
#[derive(Default)]
struct Seen {
    /// Where it is, and nothing differs without it.
    idle: Vec<String>,
    /// Where something differs.
    effective: Option<String>,
}

/// The kinds whose every field is known here, and MeshConfig.
fn kinds() -> impl Iterator<Item = Of> {
    Kind::ALL.into_iter().filter(|kind| kind.is_istio()).map(Some).chain([None])
}

type All = BTreeMap<(Of, String), Seen>;

/// What becomes of fields that are changed where they are.
fn change(specimens: &[Specimen], all: &mut All) {
    for specimen in specimens {
        let documents = specimen.documents.iter().enumerate();
        let fields =
            documents.flat_map(|(at, document)| fields(document).into_iter().map(move |field| (at, field)));
        for (at, (of, place, pointer)) in fields {
            let seen = all.entry((of, general(of, &place))).or_default();
            seen.note(specimen, specimen.before(), &pointer, changed(&specimen.documents, at, &pointer));
        }
    }
}

/// What becomes of fields that are added where they are not, to what they are in.
fn add(specimens: &[Specimen], all: &mut All) {
    for of in kinds() {
        for (place, has_effect, samples) in leaves(of) {
            let has_effect = has_effect && !is_acted_on_by_nobody(of, &place);
            let seen = all.entry((of, general(of, &place))).or_default();
            let is_settled = seen.effective.is_some() || general(of, &place) != place;
            let samples = &samples[..if has_effect { samples.len() } else { samples.len().min(3) }];
            for specimen in
                specimens.iter().filter(|specimen| !is_settled && (has_effect || specimen.is_extra))
            {
                if seen.effective.is_some() || !has_effect && seen.idle.len() >= ENOUGH {
                    break;
                }
                let with = |sample| added(&specimen.documents, of, &place, sample);
                for (nth, without) in with(&Value::Null).into_iter().enumerate() {
                    // Where what it is in cannot be empty, there is nothing without it.
                    let own = (without != specimen.documents).then(|| specimen.sent(&without));
                    let before = own.as_ref().filter(|own| own.1.len() <= specimen.before().1.len());
                    let before = before.unwrap_or_else(|| specimen.before());
                    let with = samples.iter().filter_map(|sample| with(sample).into_iter().nth(nth));
                    seen.note(specimen, before, &place, with.collect());
                }
            }
        }
    }
}

/// In so many places a field without effect is tried; those where it should have an effect come first.
const ENOUGH: usize = 4;

impl Seen {
    fn note(
        &mut self,
        specimen: &Specimen,
        before: &(Sets, Vec<Diagnostic>),
        place: &str,
        changes: Vec<Vec<Value>>,
    ) {
        if self.effective.is_some() {
            return;
        }
        let name = format!("{} {place}", specimen.name);
        let mut is_taken = false;
        for documents in changes {
            let (sent, errors) = specimen.sent(&documents);
            // What is refused tells nothing.
            if errors.len() > before.1.len() {
                continue;
            }
            is_taken = true;
            if sent != before.0 {
                self.effective = Some(name);
                return;
            }
        }
        if is_taken {
            self.idle.push(name);
        }
    }
}

/// The documents with a field at a place where it is not: at each such place, once.
fn added(documents: &[Value], of: Of, place: &str, sample: &Value) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let start = if of.is_none() { "/data/mesh" } else { "" };
        if kind_of(document) != Some(of.unwrap_or(Kind::ConfigMap)) || document.pointer(start).is_none() {
            continue;
        }
        let mut forms = Vec::new();
        insert(document.pointer(start).expect("it is there"), place, sample, &mut forms);
        for form in forms {
            let mut documents = documents.to_vec();
            *documents[at].pointer_mut(start).expect("it is there") = form;
            all.push(documents);
        }
    }
    all
}

/// The forms of a value with something more in it at a place, as `a.b[].c{}.d`.
fn insert(value: &Value, place: &str, sample: &Value, forms: &mut Vec<Value>) {
    let (step, rest) = place.split_once('.').map_or((place, None), |(step, rest)| (step, Some(rest)));
    let name = step.trim_end_matches("[]").trim_end_matches("{}");
    let below = |inner: &Value, forms: &mut Vec<Value>| match rest {
        Some(rest) => insert(inner, rest, sample, forms),
        None => forms.push(sample.clone()),
    };
    let mut inner = Vec::new();
    match &value[name] {
        Value::Null => {
            below(&json!({}), &mut inner);
            for form in &mut inner {
                if step.ends_with("[]") {
                    *form = json!([form]);
                } else if step.ends_with("{}") {
                    *form = json!({"k": form});
                }
            }
        }
        Value::Array(items) if step.ends_with("[]") => {
            for (index, item) in items.iter().enumerate().take(3) {
                let mut changed = Vec::new();
                below(item, &mut changed);
                inner.extend(changed.into_iter().map(|form| {
                    let mut items = items.clone();
                    items[index] = form;
                    Value::Array(items)
                }));
            }
        }
        Value::Object(entries) if step.ends_with("{}") => {
            let Some((key, entry)) = entries.iter().next() else { return };
            below(entry, &mut inner);
            for form in &mut inner {
                let mut entries = entries.clone();
                entries.insert(key.clone(), std::mem::take(form));
                *form = Value::Object(entries);
            }
        }
        there => below(there, &mut inner),
    }
    forms.extend(inner.into_iter().map(|form| {
        let mut value = value.clone();
        if !form.is_null() || value.get(name).is_some() {
            value[name] = form;
        }
        value
    }));
}

#[test]
fn fields_have_an_effect_unless_they_are_said_to_have_none() {
    let (specimens, mut seen) = (Specimen::all(), All::new());
    change(&specimens, &mut seen);
    add(&specimens, &mut seen);
    let mut wrong = Vec::new();
    for of in kinds() {
        let said: BTreeMap<_, _> =
            leaves(of).into_iter().map(|(place, has_effect, _)| (general(of, &place), has_effect)).collect();
        for (place, has_effect) in said {
            let name = format!("{} {place}", of.map_or("MeshConfig", Kind::as_str));
            let has_effect = has_effect && !is_acted_on_by_nobody(of, &place);
            match (seen.get(&(of, place)), has_effect) {
                (None, _) => wrong.push(format!("{name}: no specimen has it")),
                // A field without effect that is refused wherever it is, is not ignored.
                (Some(Seen { effective: None, idle }), true) if idle.is_empty() => {
                    wrong.push(format!("{name}: no specimen takes it"));
                }
                (Some(Seen { effective: Some(place), .. }), false) => {
                    wrong.push(format!("{name} should have no effect, and has one: {place}"));
                }
                (Some(Seen { effective: None, idle }), true) => {
                    wrong.push(format!("{name} has no effect in {}", idle.join(", ")));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{} fields:\n{}", wrong.len(), wrong.join("\n"));
}
