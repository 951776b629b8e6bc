//! Scripts of requests and responses, one per rule, and models of clients.

mod again;
mod chains;
mod collections;
mod delta;
mod envoy;
mod hosts;
mod localities;
mod mesh;
mod model;
mod order;
mod overlay;
mod parts;
mod player;
mod prop;
mod prop_chains;
mod reject;
mod resume;
#[path = "../../tests/script/mod.rs"]
mod script;
mod sotw;

use crate::Protocol;
use player::{check, check_fcds, check_known_bad, check_leds, check_sotw, check_vhds};
