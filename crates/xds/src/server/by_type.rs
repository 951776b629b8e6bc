//! Values by type.

use fairlead_resource::{TypeUrl, Types};

/// A value for each type that a server serves.
#[derive(Debug)]
pub(super) struct ByType<T> {
    types: &'static Types,
    values: Box<[T]>,
}

impl<T> ByType<T> {
    pub(super) fn new(types: &'static Types, value: impl Fn() -> T) -> Self {
        Self { types, values: types.iter().map(|_| value()).collect() }
    }

    pub(super) fn of(&self, type_url: TypeUrl) -> &T {
        &self.values[self.types.place(type_url)]
    }
}
