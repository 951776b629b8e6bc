//! What becomes of assignments with collections in an Envoy, with what goes wrong in the real one.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_resource::collection::{Collection, Epoch};

use super::mesh::Contents;

/// The collections of one assignment: what each holds, `None` until its first answer.
type Open = BTreeMap<String, Option<Contents>>;

/// What a client has of the endpoints that come as resources of their own.
#[derive(Default)]
pub(super) struct Localities {
    open: BTreeMap<String, Open>,
    /// What is in use, by cluster: all collections together, as of when the last of them was answered.
    in_use: BTreeMap<String, Contents>,
}

impl Localities {
    /// Takes an assignment.
    pub(super) fn assign(&mut self, cluster: &str, content: &str) {
        let Some((epoch, numbers)) = collections(content) else {
            self.open.remove(cluster);
            self.in_use.remove(cluster);
            return;
        };
        let before = self.open.remove(cluster).unwrap_or_default();
        let open: Open = numbers
            .map(|number| (Collection::new(epoch, cluster, number).prefix().to_owned(), None))
            .collect();
        for prefix in open.keys() {
            assert!(
                !before.contains_key(prefix),
                "{prefix} is named twice in a row: Envoy uses freed memory"
            );
        }
        self.open.insert(cluster.to_owned(), open);
    }

    pub(super) fn retain(&mut self, clusters: &Contents) {
        self.open.retain(|cluster, _| clusters.contains_key(cluster));
        self.in_use.retain(|cluster, _| clusters.contains_key(cluster));
    }

    /// The names by which collections are subscribed.
    pub(super) fn globs(&self) -> BTreeSet<String> {
        self.open.values().flat_map(Open::keys).map(|prefix| format!("{prefix}/*")).collect()
    }

    /// Takes endpoints.
    pub(super) fn apply(&mut self, contents: &Contents, removed: &[String]) {
        for (cluster, open) in &mut self.open {
            let mut touched = false;
            for (prefix, held) in open.iter_mut() {
                let own = |name: &&String| Collection::prefix_of(name) == Some(&**prefix);
                let (gone, new) = (removed.iter().filter(own), contents.iter().filter(|(name, _)| own(name)));
                for name in gone {
                    held.get_or_insert_default().remove(name);
                    touched = true;
                }
                for (name, content) in new {
                    held.get_or_insert_default().insert(name.clone(), content.clone());
                    touched = true;
                }
            }
            if touched && open.values().all(Option::is_some) {
                self.in_use.insert(cluster.clone(), all(open));
            }
        }
    }

    /// A response with endpoints was rejected: what waits goes on with what there is.
    pub(super) fn give_up(&mut self) {
        for (cluster, open) in &mut self.open {
            if open.values().any(Option::is_none) {
                for held in open.values_mut() {
                    held.get_or_insert_default();
                }
                self.in_use.insert(cluster.clone(), all(open));
            }
        }
    }

    /// What is in use, as `<cluster>/<collection>/<endpoint>`.
    pub(super) fn in_use(&self) -> Contents {
        self.in_use.values().flatten().map(|(n, c)| (n.clone(), c.clone())).collect()
    }

    /// Clusters that have lost all of their endpoints.
    pub(super) fn emptied(&self) -> impl Iterator<Item = &String> {
        self.in_use.iter().filter(|(_, endpoints)| endpoints.is_empty()).map(|(cluster, _)| cluster)
    }
}

/// The names by which the collections of an assignment are subscribed.
pub(super) fn globs(cluster: &str, content: &str) -> BTreeSet<String> {
    let named = collections(content).map(|(epoch, numbers)| {
        numbers.map(|number| Collection::new(epoch, cluster, number).glob()).collect()
    });
    named.unwrap_or_default()
}

/// What an assignment's collections hold together.
fn all(open: &Open) -> Contents {
    open.values().flatten().flatten().map(|(n, c)| (short(n), c.clone())).collect()
}

/// `<cluster>/<collection>/<endpoint>`.
fn short(name: &str) -> String {
    let parts: Vec<&str> = name.rsplitn(4, '/').collect();
    format!("{}/{}/{}", parts[2], parts[1], parts[0])
}

/// The epoch and the numbers of the collections that an assignment names: `a:0,1/v2`.
fn collections(content: &str) -> Option<(Epoch, impl Iterator<Item = usize>)> {
    let (epoch, rest) = content.split_once(':')?;
    let epoch = match epoch {
        "a" => Epoch::First,
        "b" => Epoch::Second,
        _ => return None,
    };
    let (numbers, _) = rest.split_once('/')?;
    Some((epoch, numbers.split(',').map(|number| number.parse().unwrap())))
}
