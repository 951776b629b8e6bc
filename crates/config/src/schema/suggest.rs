//! What a user probably meant by a name that does not exist.

use crate::yaml::{Entry, Value};

use super::{Message, Schema, Shape};

/// What an unknown field probably is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// A misspelt field of the same mapping.
    Sibling(String),
    /// A field of the same mapping that takes the value.
    TakesValue(String),
    /// A field that belongs elsewhere: its place.
    Elsewhere(String),
    /// Nobody knows.
    Unknown,
}

/// Judges the unknown field `entry` of a mapping at `here` (a pattern) whose fields are `message`.
pub(crate) fn unknown_field(
    schema: &Schema,
    message: &Message,
    here: &str,
    entry: &Entry,
    siblings: &[Entry],
) -> Advice {
    let name = &*entry.key;
    let present = |field: &str| siblings.iter().any(|sibling| &*sibling.key == field);
    let free = || message.fields.keys().map(String::as_str).filter(|field| !present(field));
    if let Some(field) = message.fields.keys().find(|field| same_but_for_case(field, name)) {
        return Advice::Sibling(field.clone());
    }
    if let Some(field) = nearest(name, free(), 1) {
        return Advice::Sibling(field.to_owned());
    }
    if let Some(field) = field_that_takes(message, entry).filter(|field| !present(field)) {
        return Advice::TakesValue(field.to_owned());
    }
    if let Some(place) = schema.places.get(name).and_then(|places| closest_place(places, here, siblings)) {
        return Advice::Elsewhere(place.to_owned());
    }
    if let Some(field) = nearest(name, free(), tolerance(name)) {
        return Advice::Sibling(field.to_owned());
    }
    let elsewhere = nearest(name, schema.places.keys().map(String::as_str), 1);
    match elsewhere.and_then(|field| closest_place(&schema.places[field], here, siblings)) {
        Some(place) => Advice::Elsewhere(place.to_owned()),
        None => Advice::Unknown,
    }
}

/// The name among `names` that is nearest to `name`, at most `distance` edits away.
pub(crate) fn nearest<'a>(
    name: &str,
    names: impl Iterator<Item = &'a str>,
    distance: usize,
) -> Option<&'a str> {
    if name.len() < 3 || name.len() > 64 {
        return None;
    }
    let lower = name.to_lowercase();
    let scored = names.map(|known| (strsim::osa_distance(&lower, &known.to_lowercase()), known));
    scored.filter(|(edits, known)| *edits <= distance && *edits < known.len()).min().map(|(_, known)| known)
}

/// The name among `names` that `name` is probably a slip of.
pub fn near_name<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest(name, names, tolerance(name))
}

/// Maximum number of edits that count as a slip.
pub(crate) fn tolerance(name: &str) -> usize {
    (name.len() / 3).clamp(1, 3)
}

pub(crate) fn same_but_for_case(one: &str, other: &str) -> bool {
    let letters =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let (one, other): (String, String) = (letters(one), letters(other));
    one == other
}

/// The field whose enum has the entry's value.
fn field_that_takes<'a>(message: &'a Message, entry: &Entry) -> Option<&'a str> {
    let value = entry.value.as_str()?;
    let takes = |shape: &Shape| matches!(shape, Shape::Enum(values) if values.iter().any(|v| v == value));
    message.fields.iter().find(|(_, field)| takes(&field.shape)).map(|(name, _)| name.as_str())
}

/// The place with the longest path in common with `here`; an empty parent in the same mapping wins.
fn closest_place<'a>(places: &'a [String], here: &str, siblings: &[Entry]) -> Option<&'a str> {
    let here: Vec<_> = here.split('.').collect();
    let shared = |place: &str| place.split('.').zip(&here).take_while(|(a, b)| a == *b).count();
    let rank_of_parent = |place: &str| {
        let parent = place.split('.').nth(here.len()).map(|part| part.trim_end_matches("[]"));
        match siblings.iter().find(|sibling| Some(&*sibling.key) == parent).map(|sibling| &sibling.value) {
            Some(value) if value.is_null() => 0,
            Some(value) if matches!(value.value, Value::Map(_)) => 1,
            Some(_) => 2,
            None => 3,
        }
    };
    places.iter().map(String::as_str).min_by_key(|place| {
        let shared = shared(place);
        let inside = if shared == here.len() { rank_of_parent(place) } else { 4 };
        (usize::MAX - shared, inside, place.split('.').count())
    })
}

/// How to get from `here` to `place`, in words.
pub(crate) fn way(here: &str, place: &str) -> String {
    let (parent, name) = place.rsplit_once('.').unwrap_or(("", place));
    let last = |pattern: &str| {
        let last = pattern.rsplit('.').next().unwrap_or(pattern);
        last.trim_end_matches("[]").trim_end_matches("{}").to_owned()
    };
    let below = match here {
        "" => Some(parent),
        _ => parent.strip_prefix(here).and_then(|rest| rest.strip_prefix('.')),
    };
    if let Some(below) = below.filter(|below| !below.is_empty() && !below.contains('.')) {
        return format!("put `{name}` under `{}`, indented once more ({place})", last(below));
    }
    if here.starts_with(parent) && here.len() > parent.len() {
        let child = here[parent.len()..].trim_start_matches('.').split('.').next().unwrap_or_default();
        if !child.is_empty() {
            return format!("put `{name}` beside `{}`, not under it ({place})", last(child));
        }
    }
    format!("`{name}` belongs at {place}")
}
