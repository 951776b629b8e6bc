//! What properties of several modules are tested with.

pub(crate) mod histories;
