//! JSON without positions → a [`Node`] tree, as it is parsed.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;

use crate::Position;

use super::{Entry, Meaning, Node, Scalar, Value};

const NOWHERE: Position = Position { line: 0, column: 0 };

/// The tree of a JSON text. All its positions are line 0; the last value of a duplicate key counts.
pub(crate) fn parse(bytes: &[u8]) -> Result<Node, serde_json::Error> {
    serde_json::from_slice(bytes).map(|Tree(node)| node)
}

struct Tree(Node);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

fn tree(value: Value) -> Tree {
    Tree(Node { position: NOWHERE, value })
}

fn scalar(text: impl Into<Box<str>>, meaning: Meaning) -> Tree {
    tree(Value::Scalar(Scalar { text: text.into(), meaning, bare: false }))
}

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(scalar("null", Meaning::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(scalar(value.to_string(), Meaning::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(scalar(value.to_string(), Meaning::Integer(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(scalar(value.to_string(), Meaning::Integer(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        let text = Number::from_f64(value).map_or_else(|| value.to_string(), |number| number.to_string());
        Ok(scalar(text, Meaning::Float(value)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(scalar(text, Meaning::Text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(Tree(node)) = items.next_element()? {
            list.push(node);
        }
        Ok(tree(Value::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree, A::Error> {
        let mut map: BTreeMap<Box<str>, Node> = BTreeMap::new();
        while let Some((key, Tree(value))) = fields.next_entry()? {
            map.insert(key, value);
        }
        let entry = |(key, value)| Entry { key, written_key: None, key_position: NOWHERE, value };
        Ok(tree(Value::Map(map.into_iter().map(entry).collect())))
    }
}
