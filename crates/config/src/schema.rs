//! [`Schema`]: the fields of a kind as a tree, made once from the JSON schema of its type.

pub(crate) mod read;
pub(crate) mod remains;
pub(crate) mod scalar;
pub(crate) mod suggest;
pub(crate) mod walk;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use fairlead_api as api;
use schemars::schema_for;
use serde_json::{Value as Json, json};

use crate::{Kind, kind::Content, untranslated::Untranslated};

/// The fields of a kind.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The object without `apiVersion`, `kind`, `metadata`.
    pub(crate) root: Message,
    /// The places of each field name, as patterns (`spec.http[].timeout`).
    pub(crate) places: BTreeMap<String, Vec<String>>,
}

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Shape {
    Message(Message),
    List(Box<Shape>),
    /// A mapping with keys of the user's choice.
    Map(Box<Shape>),
    Text(Format),
    Bool,
    Integer(Range),
    Number,
    IntOrString,
    Enum(Vec<String>),
}

/// The format of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Plain,
    Duration,
    /// Base64 that must not be shown.
    SecretBase64,
    /// A string that must not be shown.
    Secret,
}

/// Bounds of an integer, both included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) least: i128,
    pub(crate) most: i128,
}

/// A mapping with known fields.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) fields: BTreeMap<String, Field>,
    pub(crate) required: Vec<String>,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    /// The place of the field, as `spec.http[].timeout`.
    pub(crate) pattern: Arc<str>,
    /// Whether it has an effect.
    pub(crate) translated: bool,
    /// Its values that have none.
    pub(crate) untranslated_values: Vec<&'static str>,
}

/// The schema of `kind`.
pub(crate) fn of(kind: Kind) -> &'static Schema {
    static SCHEMAS: OnceLock<BTreeMap<Kind, Schema>> = OnceLock::new();
    let all = SCHEMAS.get_or_init(|| Kind::ALL.into_iter().map(|kind| (kind, build(kind))).collect());
    all.get(&kind).expect("the map is made from all kinds")
}

/// The schema of `MeshConfig`.
pub(crate) fn of_mesh_config() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| finish(message(schema_for!(api::MeshConfig), "", &Untranslated::none())))
}

/// A field that holds values: its place, whether it is said to have an effect, and values that fit its type.
type Leaf = (String, bool, Vec<Json>);

/// The fields that hold values and no further fields, for tests.
pub(crate) fn leaves(schema: &Schema) -> Vec<Leaf> {
    let mut all = Vec::new();
    collect_leaves(&schema.root, true, &mut all);
    all
}

fn collect_leaves(message: &Message, has_effect: bool, leaves: &mut Vec<Leaf>) {
    for field in message.fields.values() {
        let has_effect = has_effect && field.translated;
        let mut shape = &field.shape;
        while let Shape::List(inner) | Shape::Map(inner) = shape {
            shape = inner;
        }
        match shape {
            Shape::Message(inner) if !inner.fields.is_empty() => collect_leaves(inner, has_effect, leaves),
            _ => leaves.push((field.pattern.to_string(), has_effect, samples(&field.shape))),
        }
    }
}

fn samples(shape: &Shape) -> Vec<Json> {
    match shape {
        Shape::Message(_) => vec![json!({})],
        Shape::List(item) => samples(item).into_iter().map(|item| json!([item])).collect(),
        Shape::Map(value) => samples(value).into_iter().map(|value| json!({"k": value})).collect(),
        Shape::Text(Format::Duration) => vec![json!("7s")],
        Shape::Text(_) => {
            ["x", "*.example", "10.1.0.0/16", "a/b", "/x", "TLSV1_3", "https"].map(Json::from).into()
        }
        Shape::Bool => vec![json!(true), json!(false)],
        Shape::Integer(_) => vec![json!(7), json!(17)],
        Shape::Number => vec![json!(7.5)],
        Shape::IntOrString => vec![json!(7)],
        Shape::Enum(values) => values.iter().map(|value| json!(value)).collect(),
    }
}

fn build(kind: Kind) -> Schema {
    let table = Untranslated::of(kind);
    finish(match kind.content() {
        Content::Object => message(kind.json_schema(), "", &table),
        Content::Spec => {
            let shape = Shape::Message(message(kind.json_schema(), "spec", &table));
            let field =
                Field { shape, pattern: "spec".into(), translated: true, untranslated_values: Vec::new() };
            Message { fields: BTreeMap::from([("spec".to_owned(), field)]), required: Vec::new() }
        }
    })
}

fn finish(root: Message) -> Schema {
    let mut places = BTreeMap::new();
    collect_places(&root, &mut places);
    Schema { root, places }
}

fn collect_places(message: &Message, places: &mut BTreeMap<String, Vec<String>>) {
    for (name, field) in &message.fields {
        places.entry(name.clone()).or_default().push(field.pattern.to_string());
        let mut shape = &field.shape;
        while let Shape::List(inner) | Shape::Map(inner) = shape {
            shape = inner;
        }
        if let Shape::Message(inner) = shape {
            collect_places(inner, places);
        }
    }
}

fn message(schema: schemars::Schema, pattern: &str, table: &Untranslated) -> Message {
    let json = schema.to_value();
    let compiler = Compiler { definitions: json.get("$defs").unwrap_or(&Json::Null), table };
    match compiler.shape(&json, pattern) {
        Shape::Message(message) => message,
        other => unreachable!("the types of specs are structs, not {other:?}"),
    }
}

struct Compiler<'a> {
    definitions: &'a Json,
    table: &'a Untranslated,
}

impl Compiler<'_> {
    fn shape(&self, schema: &Json, pattern: &str) -> Shape {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().expect("a split has a last part");
            return self.shape(&self.definitions[name], pattern);
        }
        if let Some(options) = schema["anyOf"].as_array() {
            let option = options.iter().find(|option| option["type"] != "null");
            return self.shape(option.expect("an option is a type or null"), pattern);
        }
        if schema["x-kubernetes-int-or-string"] == true {
            return Shape::IntOrString;
        }
        if let Some(values) = enum_values(schema) {
            return Shape::Enum(values);
        }
        match type_of(schema) {
            "object" if schema.get("additionalProperties").is_some_and(Json::is_object) => {
                Shape::Map(Box::new(self.shape(&schema["additionalProperties"], &format!("{pattern}{{}}"))))
            }
            "object" => Shape::Message(self.fields(schema, pattern)),
            "array" => Shape::List(Box::new(self.shape(&schema["items"], &format!("{pattern}[]")))),
            "boolean" => Shape::Bool,
            "integer" => Shape::Integer(range(schema["format"].as_str().unwrap_or_default())),
            "number" => Shape::Number,
            "string" => Shape::Text(match schema["format"].as_str() {
                Some("duration") => Format::Duration,
                Some("byte") => Format::SecretBase64,
                Some("password") => Format::Secret,
                _ => Format::Plain,
            }),
            other => unreachable!("{pattern}: no type of the kinds has a schema of type {other:?}"),
        }
    }

    fn fields(&self, schema: &Json, pattern: &str) -> Message {
        let none = serde_json::Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        let fields = properties.iter().map(|(name, schema)| {
            let place = if pattern.is_empty() { name.clone() } else { format!("{pattern}.{name}") };
            let field = Field {
                shape: self.shape(schema, &place),
                translated: self.table.has_effect(&place),
                untranslated_values: self.table.values_without_effect(&place),
                pattern: place.into(),
            };
            (name.clone(), field)
        });
        let required = schema["required"].as_array().into_iter().flatten();
        let required = required.filter_map(|name| name.as_str().map(str::to_owned)).collect();
        Message { fields: fields.collect(), required }
    }
}

fn enum_values(schema: &Json) -> Option<Vec<String>> {
    let constants = |options: &Vec<Json>| {
        let values = options.iter().flat_map(|option| match option.get("enum").and_then(Json::as_array) {
            Some(values) => values.clone(),
            None => vec![option["const"].clone()],
        });
        values.map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    match (schema["oneOf"].as_array(), schema["enum"].as_array()) {
        (Some(options), _) => constants(options),
        (None, Some(values)) => Some(values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()),
        (None, None) => None,
    }
}

fn type_of(schema: &Json) -> &str {
    match &schema["type"] {
        Json::String(name) => name,
        Json::Array(names) => {
            names.iter().filter_map(Json::as_str).find(|name| *name != "null").unwrap_or("")
        }
        _ => "",
    }
}

fn range(format: &str) -> Range {
    match format {
        "int32" => Range { least: i32::MIN.into(), most: i32::MAX.into() },
        "uint32" => Range { least: 0, most: u32::MAX.into() },
        "uint64" => Range { least: 0, most: u64::MAX.into() },
        _ => Range { least: i64::MIN.into(), most: i64::MAX.into() },
    }
}
