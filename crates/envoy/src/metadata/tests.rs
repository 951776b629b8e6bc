use proptest::{collection::btree_map, prelude::*};

use super::*;
use crate::encode;

/// A tree of texts, lists and structs.
#[derive(Clone, Debug)]
enum Tree {
    Text(String),
    List(Vec<Tree>),
    Struct(std::collections::BTreeMap<String, Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    "[a-z ü]{0,200}".prop_map(Tree::Text).prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
            btree_map("[a-z]{1,9}", inner, 0..4).prop_map(Tree::Struct),
        ]
    })
}

impl Tree {
    fn message(&self) -> Value {
        match self {
            Self::Text(text) => string_value(text.as_str()),
            Self::List(items) => list_value(items.iter().map(Self::message)),
            Self::Struct(fields) => Value {
                kind: Some(Kind::StructValue(struct_of(
                    fields.iter().map(|(key, value)| (key.as_str(), value.message())),
                ))),
            },
        }
    }

    /// Hands on the same as plain values.
    fn plain<R>(&self, then: &mut dyn FnMut(Plain<'_>) -> R) -> R {
        match self {
            Self::Text(text) => then(Plain::Text(text)),
            Self::List(items) => all(items, &mut Vec::new(), &mut |items| then(Plain::List(items))),
            Self::Struct(fields) => {
                let values: Vec<Tree> = fields.values().cloned().collect();
                all(&values, &mut Vec::new(), &mut |values| {
                    let fields: Vec<_> =
                        fields.keys().map(String::as_str).zip(values.iter().copied()).collect();
                    then(Plain::Struct(&fields))
                })
            }
        }
    }
}

fn all<R>(rest: &[Tree], before: &mut Vec<Plain<'_>>, then: &mut dyn FnMut(&[Plain<'_>]) -> R) -> R {
    let Some((first, rest)) = rest.split_first() else { return then(before) };
    first.plain(&mut |plain| {
        let mut with: Vec<Plain<'_>> = before.clone();
        with.push(plain);
        all(rest, &mut with, then)
    })
}

proptest! {
    #[test]
    fn plain_metadata_is_that_of_the_message(fields in btree_map("[a-z]{1,9}", tree(), 1..4)) {
        let message = filter_metadata([(
            "istio",
            struct_of(fields.iter().map(|(key, value)| (key.as_str(), value.message()))),
        )]);
        let bytes = Tree::Struct(fields).plain(&mut |plain| match plain {
            Plain::Struct(fields) => plain_filter_metadata("istio", fields),
            Plain::Text(_) | Plain::List(_) => unreachable!("it is a struct"),
        });
        prop_assert_eq!(&bytes[..], &encode(&message)[..]);
    }
}
