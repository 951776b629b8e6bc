//! The remains of an object after its faulty fields were taken out.
//!
//! The part that an error costs ([`Costs`]) is taken out, the rest is checked again, and so on until no error is found.

use std::{borrow::Cow, fmt::Write as _};

use crate::{
    FieldPath, Segment,
    kind::Costs,
    position::Renumbered,
    yaml::{Entry, Meaning, Node, Scalar, Value},
};

use super::{Message, Schema, Shape};

/// Why there is no value at the place of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// The value could not be read and is already taken out.
    IsPaid,
    /// The absence is the error: the parent is taken out.
    IsTheFault,
}

/// An object with holes (nulls) where items of lists were. It is copied if there is something to take out.
pub(crate) struct Remains<'a> {
    node: Cow<'a, Node>,
    schema: &'static Schema,
    costs: &'static Costs,
    taken: Vec<FieldPath>,
}

impl<'a> Remains<'a> {
    /// An object without the parts that cannot be read.
    pub(crate) fn new(
        node: &'a Node,
        unreadable: &[FieldPath],
        schema: &'static Schema,
        costs: &'static Costs,
    ) -> Self {
        let mut node = Cow::Borrowed(node);
        for path in unreadable {
            remove(node.to_mut(), path.segments());
        }
        Self { node, schema, costs, taken: Vec::new() }
    }

    /// Takes out what errors at these paths cost; false if that is the object.
    pub(crate) fn take_out<'e>(
        &mut self,
        errors: impl IntoIterator<Item = &'e FieldPath>,
        absent: Absent,
    ) -> bool {
        let before = self.taken.len();
        for path in errors {
            let Some(part) = self.costs.part(path) else { return false };
            let is_gone = |taken: &FieldPath| part.segments().starts_with(taken.segments());
            if !self.taken[before..].iter().any(is_gone) && !self.take_out_part(part, absent) {
                return false;
            }
        }
        let lists = self.taken[before..].iter().filter_map(|part| match part.segments().last() {
            Some(Segment::Index(_)) => part.parent(),
            _ => None,
        });
        for list in lists.collect::<Vec<_>>() {
            self.fill_emptied(&list);
        }
        true
    }

    /// Takes out messages that lack a required field; false if that is the object.
    pub(crate) fn take_out_what_is_incomplete(&mut self) -> bool {
        let mut absent = Vec::new();
        collect_absent(&self.schema.root, &self.node, &FieldPath::root(), &mut absent);
        self.take_out(&absent, Absent::IsTheFault)
    }

    /// Takes out a part, or its parent if the part is required.
    fn take_out_part(&mut self, mut part: FieldPath, absent: Absent) -> bool {
        loop {
            if part.is_root() || part == FieldPath::spec() {
                return false;
            }
            let value = self.value(&part);
            let stand_in = self.costs.stand_in(&part);
            let is_replaced =
                matches!((&stand_in, value), (Some(one), Some(other)) if one.says_the_same_as(other));
            let goes = !self.is_required(&part) && (value.is_some() || absent == Absent::IsPaid);
            match stand_in {
                Some(stand_in) if !is_replaced => put(self.node.to_mut(), part.segments(), stand_in),
                None if goes => remove(self.node.to_mut(), part.segments()),
                _ => {
                    part = part.parent().expect("the root is no part");
                    continue;
                }
            }
            self.taken.push(part);
            return true;
        }
    }

    /// Puts the replacement of a list that has lost all its items.
    fn fill_emptied(&mut self, list: &FieldPath) {
        if let Some(Node { value: Value::List(items), .. }) = at(&self.node, list.segments())
            && items.iter().all(Node::is_null)
            && let Some(stand_in) = self.costs.stand_in(list)
        {
            put(self.node.to_mut(), list.segments(), stand_in);
        }
    }

    /// Whether something below `path` was taken out, which may explain what is missing there.
    pub(crate) fn lacks_a_part_of(&self, path: &FieldPath) -> bool {
        // A missing value may have been in another field, under the same key.
        let is_same_key = |taken: &FieldPath| {
            self.can_be_without(path) && taken.segments().last() == path.segments().last()
        };
        self.taken.iter().any(|taken| taken.segments().starts_with(path.segments()) || is_same_key(taken))
    }

    /// Whether a field that an error names is absent, and the object is of use without it.
    pub(crate) fn can_be_without(&self, path: &FieldPath) -> bool {
        self.value(path).is_none() && self.costs.can_spare(path)
    }

    /// The value at a path. A null is none, except in a map, where it is an empty string.
    fn value(&self, path: &FieldPath) -> Option<&Node> {
        let is_entry = matches!(path.segments().last(), Some(Segment::Key(_)));
        at(&self.node, path.segments()).filter(|value| is_entry || !value.is_null())
    }

    /// The rest, without holes, and the remaining items of its lists.
    pub(crate) fn left(&self) -> (Cow<'_, Node>, Renumbered) {
        let mut renumbered = Renumbered::default();
        let Cow::Owned(node) = &self.node else { return (Cow::Borrowed(&*self.node), renumbered) };
        let mut node = node.clone();
        close_up(&mut node, &mut String::new(), &mut renumbered);
        (Cow::Owned(node), renumbered)
    }

    fn is_required(&self, path: &FieldPath) -> bool {
        let Some((Segment::Field(name), around)) = path.segments().split_last() else { return false };
        let message = message_at(&self.schema.root, around);
        message.is_some_and(|message| message.required.iter().any(|required| *required == **name))
    }
}

/// The message at a path, if there is one.
fn message_at<'a>(root: &'a Message, path: &[Segment]) -> Option<&'a Message> {
    let mut message = root;
    let mut path = path.iter();
    while let Some(segment) = path.next() {
        let Segment::Field(name) = segment else { return None };
        let mut shape = &message.fields.get(&**name)?.shape;
        while let Shape::List(inner) | Shape::Map(inner) = shape {
            path.next()?;
            shape = inner;
        }
        let Shape::Message(inner) = shape else { return None };
        message = inner;
    }
    Some(message)
}

/// The required fields that are absent.
fn collect_absent(message: &Message, node: &Node, path: &FieldPath, absent: &mut Vec<FieldPath>) {
    let Value::Map(_) = &node.value else { return };
    let written = |name: &str| node.get(name).filter(|value| !value.is_null());
    let missing = message.required.iter().filter(|required| written(required).is_none());
    absent.extend(missing.map(|required| path.clone().field(required.clone())));
    for (name, field) in &message.fields {
        if let Some(value) = written(name) {
            collect_absent_in(&field.shape, value, &path.clone().field(name.clone()), absent);
        }
    }
}

fn collect_absent_in(shape: &Shape, node: &Node, path: &FieldPath, absent: &mut Vec<FieldPath>) {
    match (shape, &node.value) {
        (Shape::Message(message), _) => collect_absent(message, node, path, absent),
        (Shape::List(item), Value::List(items)) => {
            for (index, node) in items.iter().enumerate() {
                collect_absent_in(item, node, &path.clone().index(index), absent);
            }
        }
        (Shape::Map(value), Value::Map(entries)) => {
            for entry in entries {
                collect_absent_in(value, &entry.value, &path.clone().key(entry.key.to_string()), absent);
            }
        }
        _ => {}
    }
}

fn at<'a>(node: &'a Node, path: &[Segment]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, segment| match segment {
        Segment::Index(index) => match &node.value {
            Value::List(items) => items.get(*index),
            _ => None,
        },
        Segment::Field(_) | Segment::Key(_) => node.get(name(segment)),
    })
}

fn at_mut<'a>(node: &'a mut Node, path: &[Segment]) -> Option<&'a mut Node> {
    path.iter().try_fold(node, |node, segment| match (&mut node.value, segment) {
        (Value::List(items), Segment::Index(index)) => items.get_mut(*index),
        (Value::Map(entries), Segment::Field(_) | Segment::Key(_)) => {
            let entry = entries.iter_mut().find(|entry| *entry.key == *name(segment));
            entry.map(|entry| &mut entry.value)
        }
        _ => None,
    })
}

/// The key of a segment; an index has none.
fn name(segment: &Segment) -> &str {
    match segment {
        Segment::Field(name) => name,
        Segment::Key(key) => key,
        Segment::Index(_) => "",
    }
}

/// Puts a value where a field or an entry is, or would be.
fn put(node: &mut Node, path: &[Segment], value: Node) {
    let Some((last, around)) = path.split_last() else { return };
    let Some(Node { value: Value::Map(entries), position }) = at_mut(node, around) else { return };
    let key: Box<str> = name(last).into();
    entries.retain(|entry| entry.key != key);
    entries.push(Entry { key, written_key: None, key_position: *position, value });
}

/// Takes a field or an entry out, and leaves a hole for an item of a list, so that the others keep their numbers.
fn remove(node: &mut Node, path: &[Segment]) {
    let Some((last, around)) = path.split_last() else { return };
    match (at_mut(node, around).map(|around| &mut around.value), last) {
        (Some(Value::Map(entries)), Segment::Field(_) | Segment::Key(_)) => {
            entries.retain(|entry| *entry.key != *name(last));
        }
        (Some(Value::List(items)), Segment::Index(index)) => {
            if let Some(item) = items.get_mut(*index) {
                item.value = Value::Scalar(Scalar { text: "".into(), meaning: Meaning::Null, bare: true });
            }
        }
        _ => {}
    }
}

/// Closes the holes of all lists, and notes which items are left.
fn close_up(node: &mut Node, path: &mut String, renumbered: &mut Renumbered) {
    let end = path.len();
    match &mut node.value {
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let _ = write!(path, "[{index}]");
                close_up(item, path, renumbered);
                path.truncate(end);
            }
            if items.iter().any(Node::is_null) {
                let left = items.iter().enumerate().filter(|(_, item)| !item.is_null());
                renumbered.insert(path, left.map(|(index, _)| index));
                items.retain(|item| !item.is_null());
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                path.push_str(if end == 0 { "" } else { "." });
                path.push_str(&entry.key);
                close_up(&mut entry.value, path, renumbered);
                path.truncate(end);
            }
        }
        Value::Scalar(_) => {}
    }
}

#[cfg(test)]
mod tests;
