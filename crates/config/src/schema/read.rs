//! A document that [`super::walk`] has no errors in → the type of its kind, without a tree in between.
//!
//! Values are read by the shape of their field; fields that the schema lacks, and nulls, are skipped.

use serde::{
    Deserialize, Deserializer,
    de::{
        Error as _, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::yaml::{Entry, Meaning, Node, Scalar, Value};

use super::{Format, Message, Shape, scalar};

/// Reads a mapping with known fields.
pub(crate) fn read<'de, T: Deserialize<'de>>(message: &'de Message, node: &'de Node) -> Result<T, Error> {
    T::deserialize(MapDeserializer::new(fields(message, node)))
}

fn fields<'de>(message: &'de Message, node: &'de Node) -> impl Iterator<Item = (&'de str, Typed<'de>)> {
    let typed = |entry: &'de Entry| {
        let shape = &message.fields.get(&*entry.key)?.shape;
        (!entry.value.is_null()).then_some((&*entry.key, Typed { shape, node: &entry.value }))
    };
    node.entries().iter().filter_map(typed)
}

/// A value with the shape of its field.
#[derive(Clone, Copy)]
struct Typed<'de> {
    shape: &'de Shape,
    node: &'de Node,
}

impl<'de> Typed<'de> {
    fn scalar<V: Visitor<'de>>(self, scalar: &'de Scalar, visitor: V) -> Result<V::Value, Error> {
        match (self.shape, scalar.meaning) {
            (Shape::Text(Format::SecretBase64), Meaning::Text) => {
                visitor.visit_string(scalar::unwrapped(scalar))
            }
            (Shape::Text(_) | Shape::Enum(_) | Shape::IntOrString, Meaning::Text) => {
                visitor.visit_borrowed_str(&scalar.text)
            }
            // An entry of a map: Kubernetes reads an absent string as an empty one, as in `data: {tls.crt: }`.
            (Shape::Text(_), Meaning::Null) => visitor.visit_borrowed_str(""),
            (Shape::Bool, Meaning::Bool(value)) => visitor.visit_bool(value),
            (Shape::Number, Meaning::Float(value)) => visitor.visit_f64(value),
            #[allow(clippy::cast_precision_loss)] // what a JSON parser does
            (Shape::Number, Meaning::Integer(value)) => visitor.visit_f64(value as f64),
            (Shape::Integer(_) | Shape::IntOrString, meaning) => {
                let value = scalar::whole(meaning).ok_or_else(|| self.misfit())?;
                match i64::try_from(value) {
                    Ok(value) => visitor.visit_i64(value),
                    Err(_) => visitor.visit_u64(u64::try_from(value).map_err(|_| self.misfit())?),
                }
            }
            _ => Err(self.misfit()),
        }
    }

    /// The walk finds it first.
    fn misfit(self) -> Error {
        Error::custom(format_args!("{} does not fit its field", self.node.type_name()))
    }
}

impl<'de> Deserializer<'de> for Typed<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match (self.shape, &self.node.value) {
            (Shape::Message(message), Value::Map(_)) => {
                visitor.visit_map(MapDeserializer::new(fields(message, self.node)))
            }
            (Shape::Map(shape), Value::Map(entries)) => {
                let is_read = |entry: &&Entry| !entry.value.is_null() || matches!(**shape, Shape::Text(_));
                let entries = entries.iter().filter(is_read);
                let typed = entries.map(|entry| (&*entry.key, Typed { shape, node: &entry.value }));
                visitor.visit_map(MapDeserializer::new(typed))
            }
            (Shape::List(shape), Value::List(items)) => {
                visitor.visit_seq(SeqDeserializer::new(items.iter().map(|node| Typed { shape, node })))
            }
            (_, Value::Scalar(scalar)) => self.scalar(scalar, visitor),
            _ => Err(self.misfit()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text = self.node.as_str().ok_or_else(|| self.misfit())?;
        visitor.visit_enum(text.into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Typed<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
