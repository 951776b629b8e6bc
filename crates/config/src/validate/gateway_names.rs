//! References to Gateways, in VirtualServices: `mesh`, `name`, `namespace/name`.

use crate::{Code, Diagnostics, FieldPath, printable::shown, syntax};

/// Checks the names.
pub(super) fn check(gateways: &[String], path: &FieldPath, found: &mut Diagnostics) {
    for (index, gateway) in gateways.iter().enumerate() {
        let why = match gateway.split_once('/') {
            Some((namespace, name)) => {
                let namespace = if namespace == "." { Ok(()) } else { syntax::label(namespace) };
                namespace.and_then(|()| syntax::subdomain(name)).err()
            }
            None => syntax::subdomain(gateway).err(),
        };
        if let Some(why) = why {
            let text = format!("`{}` does not name a Gateway: {why}", shown(gateway));
            found
                .error(Code::BadGatewayName, path.clone().index(index), text)
                .help("write `mesh`, `name` or `namespace/name`");
        }
    }
}
