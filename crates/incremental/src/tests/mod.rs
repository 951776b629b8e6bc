//! Tests of the engine on a toy domain.

mod bases;
mod collections;
mod costs;
mod explanations;
mod invariants;
mod leases;
mod panics;
mod prop_oracle;
mod semantics;
mod toy;
