//! The inputs of the mesh: one per kind, set by the core loop from a `ChangeBatch`.
