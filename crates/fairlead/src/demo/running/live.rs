//! Queries the configuration in use by an Envoy.

use std::fmt;

use fairlead_lab::envoy_process::Admin;
use serde_json::Value;

/// A condition on an Envoy's configuration.
#[derive(Clone, Debug)]
pub(in crate::demo) enum Condition {
    /// It has a route of this name.
    Route(String),
    /// It has this cluster, and the cluster has this value at a JSON pointer.
    Cluster {
        /// The name of the cluster.
        name: String,
        /// The pointer.
        pointer: &'static str,
        /// The value.
        value: Value,
    },
    /// It has a virtual host for this domain.
    VirtualHost(String),
    /// All of these.
    All(Vec<Condition>),
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(name) => write!(f, "route {name} in use"),
            Self::Cluster { name, pointer, value } => {
                write!(f, "cluster {name} in use with {pointer} {value}")
            }
            Self::VirtualHost(domain) => write!(f, "a virtual host for {domain} in use"),
            Self::All(conditions) => {
                let texts: Vec<_> = conditions.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(" and "))
            }
        }
    }
}

impl Condition {
    /// Whether it is about VirtualServices of the mesh, which a gateway does not see.
    pub(super) fn is_about_routes(&self) -> bool {
        match self {
            Self::Route(_) | Self::VirtualHost(_) => true,
            Self::Cluster { .. } => false,
            Self::All(conditions) => conditions.iter().any(Self::is_about_routes),
        }
    }

    /// Checks it at an Envoy; the error says what is there instead.
    pub(super) async fn check(&self, admin: &Admin) -> Result<(), String> {
        match self {
            Self::All(conditions) => {
                for condition in conditions {
                    Box::pin(condition.check(admin)).await?;
                }
                Ok(())
            }
            Self::Route(name) => {
                let dump = dump(admin, "resource=dynamic_route_configs").await?;
                let is_route = |value: &Value| value["name"] == name.as_str() && value.get("match").is_some();
                if find(&dump, &is_route) { Ok(()) } else { Err(format!("there is no route {name}")) }
            }
            Self::Cluster { name, pointer, value } => {
                let dump = dump(admin, "resource=dynamic_active_clusters").await?;
                let clusters = dump["configs"].as_array().ok_or("there is no cluster at all")?;
                let cluster =
                    clusters.iter().map(|config| &config["cluster"]).find(|c| c["name"] == name.as_str());
                match cluster.ok_or("there is no such cluster")?.pointer(pointer) {
                    Some(found) if found == value => Ok(()),
                    Some(found) => Err(format!("it is {found}")),
                    None => Err("it is not set".to_owned()),
                }
            }
            Self::VirtualHost(domain) => {
                let dump = dump(admin, "resource=dynamic_route_configs").await?;
                let serves = |value: &Value| {
                    value["domains"]
                        .as_array()
                        .is_some_and(|domains| domains.iter().any(|d| d == domain.as_str()))
                };
                if find(&dump, &serves) {
                    Ok(())
                } else {
                    Err(format!("there is no virtual host for {domain}"))
                }
            }
        }
    }
}

/// The configuration of an Envoy, without timestamps.
pub(super) async fn configuration(admin: &Admin) -> anyhow::Result<Value> {
    let mut dump = admin.config_dump("include_eds").await?;
    forget_times(&mut dump);
    Ok(dump)
}

async fn dump(admin: &Admin, query: &str) -> Result<Value, String> {
    admin.config_dump(query).await.map_err(|error| error.to_string())
}

/// Whether `wanted` holds for a value, or for one in it.
fn find(value: &Value, wanted: &impl Fn(&Value) -> bool) -> bool {
    wanted(value)
        || match value {
            Value::Array(items) => items.iter().any(|item| find(item, wanted)),
            Value::Object(fields) => fields.values().any(|field| find(field, wanted)),
            _ => false,
        }
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        Value::Object(fields) => {
            fields.retain(|name, _| name != "last_updated");
            fields.values_mut().for_each(forget_times);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
