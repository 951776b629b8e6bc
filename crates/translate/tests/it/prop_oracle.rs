//! Random histories: what is kept up to date is what would be computed anew, byte for byte; and every state along
//! the way is closed and sound.

use std::collections::BTreeMap;

use fairlead_config::{Change, Severity, decode_file};
use fairlead_incremental::Lease;
use fairlead_resource::{EncodedResource, ResourceSet};
use fairlead_translate::publication::{PublicationKey, PublicationOf, Sets};
use proptest::prelude::*;

use crate::{
    closure,
    mesh::{Mesh, batch},
    proxy_file::TYPES,
    sound,
    universe::{Object, objects, proxies},
};

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Objects take a form or go, together in one batch.
    Change(Vec<(usize, Option<usize>)>),
    /// A proxy comes, or goes if it is there.
    Proxy(usize),
}

fn steps(objects: &[Object]) -> impl Strategy<Value = Vec<Step>> + use<> {
    let one = (0..objects.len()).prop_flat_map({
        let forms: Vec<usize> = objects.iter().map(|object| object.forms.len()).collect();
        move |at| (Just(at), proptest::option::weighted(0.75, 0..forms[at]))
    });
    let change = proptest::collection::vec(one, 1..5).prop_map(Step::Change);
    let proxy = (0..proxies().len()).prop_map(Step::Proxy);
    proptest::collection::vec(prop_oneof![4 => change, 1 => proxy], 1..14)
}

/// The objects that there are, by their place in the universe.
type State = BTreeMap<usize, usize>;

fn change(objects: &[Object], changes: &[(usize, Option<usize>)], state: &mut State) -> Vec<Change> {
    let mut list = Vec::new();
    for (at, form) in changes {
        let decoded = batch(&objects[*at].forms[form.unwrap_or_default()]);
        for change in decoded {
            list.push(match form {
                Some(_) => change,
                None => Change::Delete(change.key().clone()),
            });
        }
        match form {
            Some(form) => state.insert(*at, *form),
            None => state.remove(at),
        };
    }
    list
}

fn anew(objects: &[Object], state: &State) -> Mesh {
    let mut mesh = Mesh::empty();
    let all = state.iter().flat_map(|(at, form)| batch(&objects[*at].forms[*form]));
    mesh.change(all.collect());
    mesh
}

/// Every byte that may be sent for a set: whole resources, parents and children.
fn bytes(set: &ResourceSet) -> BTreeMap<String, Vec<Vec<u8>>> {
    let all = |resource: &EncodedResource| {
        let mut bytes = vec![resource.to_vec(), resource.digest.to_string().into_bytes()];
        if let Some(elements) = &resource.elements {
            bytes.push(elements.parent.to_vec());
            for (name, child) in &elements.children {
                bytes.push(name.as_bytes().to_vec());
                bytes.push(child.to_vec());
            }
        }
        bytes
    };
    set.iter().map(|(name, resource)| (name.to_string(), all(resource))).collect()
}

pub(crate) fn assert_same(kept: &Sets, anew: &Sets, what: &str) {
    for (name, type_url) in TYPES {
        let (kept, anew) = (kept.get(type_url), anew.get(type_url));
        assert!(kept.keys().eq(anew.keys()), "{what}: {name}: {:?} is not {:?}", names(&kept), names(&anew));
        let (kept, anew) = (bytes(&kept), bytes(&anew));
        for (resource, bytes) in &kept {
            assert!(anew[resource] == *bytes, "{what}: {name} {resource} differs");
        }
    }
}

fn names(set: &ResourceSet) -> Vec<&str> {
    set.keys().map(|name| &**name).collect()
}

/// What is open in a state for which the configuration is not to blame.
fn gaps(sets: &Sets) -> Vec<String> {
    let missing = closure::missing(sets).into_iter();
    missing
        .filter(|what| match what.strip_prefix("cluster ") {
            Some(name) => is_known(name, &sets.clusters),
            // The histories name secrets that are not there, and servers whose names are all taken.
            None => !what.contains("secret ") && !what.starts_with("unused route table https."),
        })
        .collect()
}

/// Whether host, port and subset of a cluster are all known, and only the cluster is not there.
fn is_known(name: &str, clusters: &ResourceSet) -> bool {
    let parts = |name: &str| name.split('|').map(str::to_owned).collect::<Vec<_>>();
    let wanted = parts(name);
    let [_, port, subset, host] = &wanted[..] else { return true };
    let of_host: Vec<Vec<String>> =
        clusters.keys().map(|name| parts(name)).filter(|c| c.get(3) == Some(host)).collect();
    of_host.iter().any(|c| c[1] == *port) && of_host.iter().any(|c| c[2] == *subset)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 5, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_up_to_date_is_what_is_computed_anew(history in steps(&objects())) {
        let (objects, proxies) = (objects(), proxies());
        let mut mesh = Mesh::empty();
        let mut state = State::new();
        let mut leases: BTreeMap<usize, Lease<PublicationOf>> = BTreeMap::new();
        for (number, step) in history.iter().chain([&Step::Proxy(0), &Step::Proxy(4)]).enumerate() {
            match step {
                Step::Change(changes) => {
                    let batch = change(&objects, changes, &mut state).into_iter().collect();
                    mesh.change(batch);
                }
                Step::Proxy(at) => {
                    if leases.remove(at).is_none() {
                        let key = PublicationKey { proxy: proxies[*at].clone(), secrets: true };
                        leases.insert(*at, mesh.db.lease::<PublicationOf>(&key));
                    }
                    // What nobody leases any more may be dropped at the end of a revision.
                    mesh.db.settle();
                }
            }
            let mut anew = anew(&objects, &state);
            for (at, lease) in &leases {
                let kept = lease.value(&mesh.db);
                let fresh = anew.publication(&proxies[*at]);
                assert_same(&kept, &fresh, &format!("step {number}, proxy {at}"));
                prop_assert!(gaps(&kept).is_empty(), "step {number}, proxy {at}: {:#?}", gaps(&kept));
                let problems = sound::problems(&kept);
                prop_assert!(problems.is_empty(), "step {number}, proxy {at}: {problems:#?}");
            }
        }
    }
}

#[test]
fn every_form_of_the_universe_is_valid() {
    let mut errors = Vec::new();
    for object in objects() {
        for form in &object.forms {
            let decoded = decode_file(&object.name, form.as_bytes());
            let of_form = decoded.diagnostics.iter().filter(|d| d.severity == Severity::Error);
            errors.extend(of_form.map(ToString::to_string));
        }
    }
    assert!(errors.is_empty(), "{errors:#?}");
}
