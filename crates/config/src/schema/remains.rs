//! What remains of an object whose fields at fault are taken out.
//!
//! What an error costs ([`Costs`]) is taken out, what remains is checked again, and so on until nothing is found.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::{FieldPath, Segment, kind::Costs, position::Renumbered};

use super::{Message, Schema, Shape};

/// Why nothing is there where an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// What is written there could not be read: that is paid for.
    IsPaid,
    /// Nothing is written there, which is the error: what it is a part of goes.
    IsTheFault,
}

/// An object as JSON, with holes where items of lists were.
pub(crate) struct Remains {
    json: Json,
    schema: &'static Schema,
    costs: &'static Costs,
    taken: Vec<FieldPath>,
}

impl Remains {
    /// All of an object. An item of a list that could not be read is null.
    pub(crate) fn new(json: Json, schema: &'static Schema, costs: &'static Costs) -> Self {
        Self { json, schema, costs, taken: Vec::new() }
    }

    /// Takes out what errors at these paths cost; false where that is the object.
    pub(crate) fn take_out<'a>(
        &mut self,
        errors: impl IntoIterator<Item = &'a FieldPath>,
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

    /// Takes out what lacks a field that it requires; false where that is the object.
    pub(crate) fn take_out_what_is_incomplete(&mut self) -> bool {
        let mut absent = Vec::new();
        collect_absent(&self.schema.root, &self.json, &FieldPath::root(), &mut absent);
        self.take_out(&absent, Absent::IsTheFault)
    }

    /// Takes out a part, or what it is a part of where that cannot be without it.
    fn take_out_part(&mut self, mut part: FieldPath, absent: Absent) -> bool {
        loop {
            if part.is_root() || part == FieldPath::spec() {
                return false;
            }
            let value = at(&self.json, part.segments()).filter(|value| !value.is_null());
            let stand_in = self.costs.stand_in(&part);
            let is_replaced = stand_in.is_some() && stand_in.as_ref() == value;
            let goes = !self.is_required(&part) && (value.is_some() || absent == Absent::IsPaid);
            match stand_in {
                Some(stand_in) if !is_replaced => put(&mut self.json, part.segments(), stand_in),
                None if goes => remove(&mut self.json, part.segments()),
                _ => {
                    part = part.parent().expect("the root is no part");
                    continue;
                }
            }
            self.taken.push(part);
            return true;
        }
    }

    /// Puts what stands in for a list that has lost all its items.
    fn fill_emptied(&mut self, list: &FieldPath) {
        if let Some(Json::Array(items)) = at(&self.json, list.segments())
            && items.iter().all(Json::is_null)
            && let Some(stand_in) = self.costs.stand_in(list)
        {
            put(&mut self.json, list.segments(), stand_in);
        }
    }

    /// Whether something below `path` was taken out, so that what is missed there may follow from that.
    pub(crate) fn lacks_a_part_of(&self, path: &FieldPath) -> bool {
        // What can be missing may have stood in another field, under the same key.
        let is_same_key = |taken: &FieldPath| {
            self.can_be_without(path) && taken.segments().last() == path.segments().last()
        };
        self.taken.iter().any(|taken| taken.segments().starts_with(path.segments()) || is_same_key(taken))
    }

    /// Whether a field that an error names is absent, and the object is of use without it.
    pub(crate) fn can_be_without(&self, path: &FieldPath) -> bool {
        let is_absent = at(&self.json, path.segments()).is_none_or(Json::is_null);
        is_absent && self.costs.can_spare(path)
    }

    /// The JSON without holes, and which items its lists have left.
    pub(crate) fn json(&self) -> (Json, Renumbered) {
        let mut json = self.json.clone();
        let mut renumbered = Renumbered::default();
        close_up(&mut json, &mut String::new(), &mut renumbered);
        (json, renumbered)
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
fn collect_absent(message: &Message, json: &Json, path: &FieldPath, absent: &mut Vec<FieldPath>) {
    let Json::Object(fields) = json else { return };
    let missing = message.required.iter().filter(|required| !fields.contains_key(*required));
    absent.extend(missing.map(|required| path.clone().field(required.clone())));
    for (name, field) in &message.fields {
        if let Some(value) = fields.get(name) {
            collect_absent_in(&field.shape, value, &path.clone().field(name.clone()), absent);
        }
    }
}

fn collect_absent_in(shape: &Shape, json: &Json, path: &FieldPath, absent: &mut Vec<FieldPath>) {
    match (shape, json) {
        (Shape::Message(message), json) => collect_absent(message, json, path, absent),
        (Shape::List(item), Json::Array(items)) => {
            for (index, json) in items.iter().enumerate() {
                collect_absent_in(item, json, &path.clone().index(index), absent);
            }
        }
        (Shape::Map(value), Json::Object(entries)) => {
            for (key, json) in entries {
                collect_absent_in(value, json, &path.clone().key(key.clone()), absent);
            }
        }
        _ => {}
    }
}

fn at<'a>(json: &'a Json, path: &[Segment]) -> Option<&'a Json> {
    path.iter().try_fold(json, |json, segment| match segment {
        Segment::Field(name) => json.get(&**name),
        Segment::Key(key) => json.get(key),
        Segment::Index(index) => json.get(index),
    })
}

fn at_mut<'a>(json: &'a mut Json, path: &[Segment]) -> Option<&'a mut Json> {
    path.iter().try_fold(json, |json, segment| match segment {
        Segment::Field(name) => json.get_mut(&**name),
        Segment::Key(key) => json.get_mut(key),
        Segment::Index(index) => json.get_mut(index),
    })
}

/// Puts a value where a field or an entry is, or would be.
fn put(json: &mut Json, path: &[Segment], value: Json) {
    let Some((last, around)) = path.split_last() else { return };
    let name = match last {
        Segment::Field(name) => name.to_string(),
        Segment::Key(key) => key.clone(),
        Segment::Index(_) => return,
    };
    if let Some(Json::Object(fields)) = at_mut(json, around) {
        fields.insert(name, value);
    }
}

/// Takes a field or an entry out, and leaves a hole for an item of a list, so that the others keep their numbers.
fn remove(json: &mut Json, path: &[Segment]) {
    let Some((last, around)) = path.split_last() else { return };
    match (at_mut(json, around), last) {
        (Some(Json::Object(fields)), Segment::Field(name)) => drop(fields.remove(&**name)),
        (Some(Json::Object(entries)), Segment::Key(key)) => drop(entries.remove(key)),
        (Some(Json::Array(items)), Segment::Index(index)) => {
            if let Some(item) = items.get_mut(*index) {
                *item = Json::Null;
            }
        }
        _ => {}
    }
}

/// Closes the holes of all lists, and notes which items are left.
fn close_up(json: &mut Json, path: &mut String, renumbered: &mut Renumbered) {
    let end = path.len();
    match json {
        Json::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let _ = write!(path, "[{index}]");
                close_up(item, path, renumbered);
                path.truncate(end);
            }
            if items.iter().any(Json::is_null) {
                let left = items.iter().enumerate().filter(|(_, item)| !item.is_null());
                renumbered.insert(path, left.map(|(index, _)| index));
                items.retain(|item| !item.is_null());
            }
        }
        Json::Object(fields) => {
            for (name, value) in fields {
                path.push_str(if end == 0 { "" } else { "." });
                path.push_str(name);
                close_up(value, path, renumbered);
                path.truncate(end);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
