//! [`Origin`]: the field of an object that something was made from.

use std::fmt;

use crate::{ConfigKey, FieldPath};

/// A field of an object. Its place in a file is looked up when it is shown: [`ReadFrom::locate`](crate::ReadFrom).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The object.
    pub object: ConfigKey,
    /// The field; the root if it is the whole object.
    pub field: FieldPath,
}

impl Origin {
    /// The field of the object.
    pub fn new(object: &ConfigKey, field: FieldPath) -> Self {
        Self { object: object.clone(), field }
    }
}

impl fmt::Display for Origin {
    /// `VirtualService shop/cart spec.http[0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.field.is_root() { "" } else { " " };
        write!(f, "{}{separator}{}", self.object, self.field)
    }
}
