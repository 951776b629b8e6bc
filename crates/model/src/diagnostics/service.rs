//! Findings about a Kubernetes Service among other objects.

use std::sync::Arc;

use fairlead_config::{Code, Diagnostics, path};

use crate::{Port, Service, age};

/// Reports ports of `service` that lead to the same port of the workload as an older Service's, and say
/// otherwise what is spoken there. `siblings` are the Services with the same selector.
///
/// The same port under the same protocol is usual: a headless Service beside one with an address.
pub(super) fn check(service: &Service, siblings: &[Arc<Service>], diagnostics: &mut Diagnostics) {
    let by_age = |a: &Service, b: &Service| age::compare((a.created, &a.origin), (b.created, &b.origin));
    let older: Vec<&Arc<Service>> = siblings.iter().filter(|other| by_age(other, service).is_lt()).collect();
    for (index, port) in service.ports.iter().enumerate() {
        let differs = |other: &&Port| other.target == port.target && other.protocol != port.protocol;
        let conflict = older.iter().find_map(|other| Some((other, other.ports.iter().find(differs)?)));
        if let Some((other, theirs)) = conflict {
            let message = format!(
                "{} is older and says that its port {} of the same Pods speaks {:?}; {:?} is not used there",
                other.origin, theirs.number, theirs.protocol, port.protocol
            );
            diagnostics.warn(Code::ConflictingListener, path!("ports"[index]), message);
        }
    }
}
