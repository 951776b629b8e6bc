//! A field of an object as answers show it, with its place.

use std::fmt;

use fairlead_config::{self as config, AnyConfig};
use serde::{Deserialize, Serialize};

use crate::core::Objects;

/// A field of an object, and its place: that of the nearest enclosing field, if it is not written itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Origin {
    /// The kind of the object.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub object: String,
    /// The path of the field.
    pub field: String,
    /// `file:line:column`; empty where no file is known.
    pub source: String,
}

impl Origin {
    /// A field of one of the objects.
    pub fn of(origin: &config::Origin, objects: &Objects) -> Self {
        let config::Origin { object: key, field } = origin;
        let read_from = objects.get(key).map(AnyConfig::read_from);
        Self {
            kind: key.kind.as_str().to_owned(),
            namespace: key.namespace.to_string(),
            object: key.name.to_string(),
            field: read_from.map_or_else(|| field.clone(), |at| at.as_written(field)).to_string(),
            source: objects.locate(key, field).map(|place| place.to_string()).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Origin {
    /// `VirtualService shop/cart spec.http[0] a.yaml:7:5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.object)?;
        let rest = [&self.field, &self.source].into_iter().filter(|part| !part.is_empty());
        rest.into_iter().try_for_each(|part| write!(f, " {part}"))
    }
}
