//! How long the engine takes: a collection of 10,000 members and a chain of six strata.
fn main() {}
