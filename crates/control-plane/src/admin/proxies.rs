//! Finds the connected proxies that a user means.

use crate::order::natural;

/// Maximum number of connected proxies named when none matches.
const NAMED: usize = 8;

/// A connected proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known<'a> {
    id: &'a str,
    /// `<name>.<namespace>`.
    full: &'a str,
    name: &'a str,
    namespace: &'a str,
}

impl<'a> Known<'a> {
    fn of(id: &'a str) -> Self {
        let full = full_name(id);
        let (name, namespace) = full.rsplit_once('.').unwrap_or((full, ""));
        Self { id, full, name, namespace }
    }
}

/// `<name>.<namespace>` of a node id.
pub fn full_name(id: &str) -> &str {
    id.split('~').nth(2).unwrap_or(id)
}

/// The kinds of objects that create pods, by the form of the pods' names.
#[derive(Clone, Copy)]
enum Maker {
    Deployment,
    /// A ReplicaSet, a DaemonSet or a Job.
    Set,
    StatefulSet,
}

impl Maker {
    /// The maker for a kubectl resource word; `None` for a pod.
    fn of(word: &str) -> Result<Option<Self>, ()> {
        Ok(Some(match word {
            "po" | "pod" | "pods" => return Ok(None),
            "deploy" | "deployment" | "deployments" => Self::Deployment,
            "rs" | "replicaset" | "replicasets" | "ds" | "daemonset" | "daemonsets" | "job" | "jobs" => {
                Self::Set
            }
            "sts" | "statefulset" | "statefulsets" => Self::StatefulSet,
            _ => return Err(()),
        }))
    }

    /// Whether a pod has a name that Kubernetes gives to pods of `maker`.
    fn made(self, maker: &str, pod: &str) -> bool {
        let Some(rest) = pod.strip_prefix(maker).and_then(|rest| rest.strip_prefix('-')) else {
            return false;
        };
        let is_hash = |text: &str| {
            !text.is_empty()
                && text.len() <= 10
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let is_random = |text: &str| text.len() == 5 && is_hash(text);
        match self {
            Self::Deployment => {
                rest.split_once('-').is_some_and(|(hash, random)| is_hash(hash) && is_random(random))
            }
            Self::Set => is_random(rest),
            Self::StatefulSet => !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()),
        }
    }
}

/// The node ids of the proxies that `wanted` means: a node id, `<name>.<namespace>`, a name that is unique or belongs
/// to `namespace`, each also as `pod/<name>`; or `deployment/<name>` and the like for the proxies of its pods.
///
/// # Errors
/// Why none matches, and which there are.
pub fn choose<'a>(
    wanted: &str,
    namespace: Option<&str>,
    connected: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<&'a str>, String> {
    let mut known: Vec<_> = connected.into_iter().map(Known::of).collect();
    known.sort_by(|a, b| natural(a.full, b.full).then_with(|| a.id.cmp(b.id)));
    known.dedup();
    if let Some(exact) = known.iter().find(|one| one.id == wanted) {
        return Ok(vec![exact.id]);
    }
    let (maker, name) = match wanted.split_once('/').filter(|_| !wanted.contains('~')) {
        None => (None, wanted),
        Some((word, name)) => {
            let unknown = || {
                format!(
                    "`{wanted}` names no proxy: before the `/` stands pod, deployment, replicaset, daemonset, \
                     statefulset or job"
                )
            };
            (Maker::of(word).map_err(|()| unknown())?, name)
        }
    };
    let is_named = |one: &Known<'_>, name: &str| match maker {
        None => one.name == name,
        Some(maker) => maker.made(name, one.name),
    };
    let in_namespace = |name: &str, namespace: &str| {
        known.iter().filter(|one| one.namespace == namespace && is_named(one, name)).collect()
    };
    // A name may contain dots, so the whole name is tried first.
    let mut found: Vec<&Known<'_>> = match namespace {
        Some(namespace) => in_namespace(name, namespace),
        None => known.iter().filter(|one| is_named(one, name)).collect(),
    };
    if found.is_empty()
        && let Some((name, namespace)) = name.rsplit_once('.')
    {
        found = in_namespace(name, namespace);
    }
    match found[..] {
        [] => Err(unknown(wanted, name, namespace, &known)),
        [first, ..]
            if found
                .iter()
                .all(|one| one.namespace == first.namespace && (maker.is_some() || one.id == first.id)) =>
        {
            Ok(found.iter().map(|one| one.id).collect())
        }
        _ => Err(ambiguous(wanted, &found)),
    }
}

fn ambiguous(wanted: &str, found: &[&Known<'_>]) -> String {
    let same = found.iter().all(|one| one.full == found[0].full);
    let names = found.iter().map(|one| if same { one.id } else { one.full });
    format!("`{wanted}` may be {}: say which", listed(names.collect()))
}

fn unknown(wanted: &str, name: &str, namespace: Option<&str>, known: &[Known<'_>]) -> String {
    let place = namespace.map(|namespace| format!(" in namespace `{namespace}`")).unwrap_or_default();
    let message = format!("no proxy `{wanted}` is connected{place}");
    if known.is_empty() {
        return format!("no proxy `{wanted}` is connected, nor any other");
    }
    let names = listed(known.iter().map(|one| one.full).collect());
    match nearest(name, known) {
        Some(near) => format!("{message}; did you mean `{near}`? Connected are {names}"),
        None => format!("{message}; connected are {names}"),
    }
}

/// The proxy with the most similar name, if any is similar.
fn nearest<'a>(name: &str, known: &[Known<'a>]) -> Option<&'a str> {
    let bare = name.rsplit_once('.').map_or(name, |(bare, _)| bare);
    let tolerance = (name.len() / 3).clamp(1, 3);
    let distance = |one: &Known<'_>| {
        // The same name in another namespace is more similar than any other.
        let elsewhere = usize::from(one.name != bare && one.name != name);
        let edits = strsim::osa_distance(name, one.full).min(strsim::osa_distance(name, one.name));
        if elsewhere == 0 { 0 } else { edits }
    };
    let near = known.iter().map(|one| (distance(one), one.full)).filter(|(edits, _)| *edits <= tolerance);
    near.min_by_key(|(edits, _)| *edits).map(|(_, full)| full)
}

fn listed(mut names: Vec<&str>) -> String {
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more, which `fairlead proxy-status` lists")
    };
    names.join(", ") + &more
}

#[cfg(test)]
mod tests;
