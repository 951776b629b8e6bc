//! Destinations of routes and their weights.

use fairlead_api::Destination;

use crate::{Code, Diagnostics, FieldPath, printable::shown, syntax};

use super::{
    host::{self, HostForm},
    port,
};

/// Checks host, subset and port.
pub(super) fn check(destination: &Destination, path: &FieldPath, found: &mut Diagnostics) {
    let host_path = path.clone().field("host");
    if destination.host == "*" {
        let text = "`*` is not a host that requests can be sent to";
        found.error(Code::BadHost, host_path, text).help("write the whole name of a service");
    } else {
        // A ServiceEntry may have a wildcard host, which is then its name here.
        host::check(&destination.host, HostForm::Wildcard, host_path, found);
    }
    if let Some(subset) = &destination.subset {
        subset_name(subset, path.clone().field("subset"), found);
    }
    if let Some(selector) = &destination.port {
        let path = path.clone().field("port");
        match selector.number {
            Some(number) => port::number(number, path.field("number"), found),
            None => {
                found.error(Code::BadPort, path, "the port has no number").help("write port: {number: 80}");
            }
        }
    }
}

/// Checks the name of a subset.
pub(super) fn subset_name(name: &str, path: FieldPath, found: &mut Diagnostics) {
    if let Err(why) = syntax::label(&name.to_ascii_lowercase()) {
        found.error(Code::BadName, path, format!("`{}` cannot be the name of a subset: {why}", shown(name)));
    }
}

/// Checks the weights of a rule's destinations.
pub(super) fn weights(weights: &[Option<i32>], path: &FieldPath, found: &mut Diagnostics) {
    for (index, weight) in weights.iter().enumerate() {
        let path = path.clone().index(index).field("weight");
        match weight {
            Some(weight) if *weight < 0 => {
                found.error(Code::BadWeight, path, format!("the weight {weight} is negative"));
            }
            None if weights.len() > 1 && weights.iter().any(Option::is_some) => {
                let text = "the destination has no weight and gets nothing beside others that have one";
                found.warn(Code::BadWeight, path, text).help("give each destination a weight");
            }
            _ => {}
        }
    }
    let total: i64 = weights.iter().flatten().map(|weight| i64::from(*weight)).sum();
    if weights.len() > 1 && total == 0 {
        let text = "the weights of several destinations add up to 0";
        found.error(Code::BadWeight, path.clone(), text).help("give each destination a weight, as 50 and 50");
    }
    if total > i64::from(u32::MAX) {
        found.error(Code::BadWeight, path.clone(), "the weights add up to more than 4294967295");
    }
}
