//! Random objects of all kinds, valid and half valid, for small worlds in which they refer to each other.
//!
//! A seed decides a world. Values are mostly sound, some at a limit, and in most worlds some that no one should write.

mod edges;
mod material;
mod objects;
mod pen;
mod policies;
mod routes;
mod services;
mod settings;
mod values;

pub use self::{
    material::Material,
    objects::{kinds, object},
    pen::Pen,
};
