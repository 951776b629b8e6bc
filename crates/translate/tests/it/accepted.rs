//! Whatever is taken without an error, a real Envoy accepts: random objects of all kinds, in small worlds.
//!
//! `make test` draws 500 objects, `make soak` 50,000. An object with an error is left out, as `analyze` and the
//! control plane do; of the others, everything that three proxies are sent is read by a real Envoy. A world with
//! something that is refused is made as small as can be before it is shown.

mod objects;
mod pen;

use std::collections::{BTreeMap, BTreeSet};

use fairlead_config::{AnyConfig, Change, decode_file};
use fairlead_model::proxy::{ProxyKey, ProxyKind};
use fairlead_testkit::judge::{Case, Verdict, judge};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};

use self::pen::Pen;
use crate::{
    envoy_validate::{Files, resources},
    mesh::{Mesh, proxy},
    sound,
};

/// Objects of a world.
const WORLD: usize = 16;
/// Worlds that one Envoy reads.
const AT_ONCE: usize = 20;

#[test]
fn what_is_taken_without_an_error_is_accepted_by_envoy() {
    let is_full = std::env::var_os("FAIRLEAD_SOAK").is_some_and(|value| value == "full");
    let wanted = if is_full { 50_000 } else { 500 };
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let directory = tempfile::tempdir().expect("a temporary directory");
    let files = Files::write(directory.path());
    let (mut taken, mut by_kind, mut refused) = (0, BTreeMap::new(), Vec::new());
    while taken < wanted {
        let mut seeds = || any::<u64>().new_tree(&mut runner).expect("a number").current();
        let worlds: Vec<World> = (0..AT_ONCE).map(|_| World::draw(seeds())).collect();
        for object in worlds.iter().flat_map(|world| &world.objects) {
            taken += 1;
            *by_kind.entry(object.kind().as_str()).or_insert(0) += 1;
        }
        for wrong in wrong_of(&worlds, &files) {
            refused.push(worlds[wrong].smallest(&files));
        }
        if refused.len() >= 20 {
            break;
        }
    }
    assert!(refused.is_empty(), "{} worlds:\n{}", refused.len(), refused.join("\n\n"));
    let few: Vec<_> = by_kind.iter().filter(|(_, count)| **count < wanted / 60).collect();
    assert!(few.is_empty() && by_kind.len() == 9, "too few of {few:?} in {by_kind:?}");
}

/// What random worlds found: a name, and objects of which something was refused.
const REFUSED_ONCE: &[(&str, &[&str])] = &[
    (
        "an address that an object has twice",
        &[
            r#"{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"a","namespace":"alphans"},"spec":{"addresses":["10.7.0.1/32","10.7.0.1"],"hosts":["two.ext.test"],"ports":[{"name":"tcp","number":9000,"protocol":"TCP"}],"resolution":"NONE"}}"#,
        ],
    ),
    (
        "ingress at the port where the proxy takes what is redirected",
        &[
            r#"{"apiVersion":"networking.istio.io/v1","kind":"Sidecar","metadata":{"name":"b","namespace":"zetans"},"spec":{"ingress":[{"defaultEndpoint":"127.0.0.1:9","port":{"name":"tcp","number":15006,"protocol":"TCP"}}]}}"#,
        ],
    ),
    (
        "names that are looked up every millisecond",
        &[
            r#"{"apiVersion":"v1","data":{"mesh":"{dnsRefreshRate: 1ms}"},"kind":"ConfigMap","metadata":{"name":"istio","namespace":"istio-system"}}"#,
            r#"{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"web","namespace":"zetans"},"spec":{"hosts":["api.ext.test"],"ports":[{"name":"http","number":80,"protocol":"HTTP"}],"resolution":"DNS"}}"#,
        ],
    ),
];

#[test]
fn what_envoy_refused_once_is_accepted() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let files = Files::write(directory.path());
    for (name, texts) in REFUSED_ONCE {
        let mut world = World { seed: 0, objects: Vec::new(), texts: Vec::new() };
        for text in *texts {
            world.objects.extend(decode_file("world.json", text.as_bytes()).objects);
        }
        assert_eq!(world.objects.len(), texts.len(), "{name}");
        assert_eq!(world.wrong(&files), BTreeSet::new(), "{name}");
    }
}

/// Objects that were taken, each in its form as JSON.
#[derive(Clone)]
struct World {
    seed: u64,
    objects: Vec<AnyConfig>,
    texts: Vec<String>,
}

impl World {
    fn draw(seed: u64) -> Self {
        let mut pen = Pen::new(seed);
        let mut world = Self { seed, objects: Vec::new(), texts: Vec::new() };
        for _ in 0..WORLD {
            let text = objects::object(&mut pen).to_string();
            if let [object] = &decode_file("world.json", text.as_bytes()).objects[..] {
                world.objects.push(object.clone());
                world.texts.push(text);
            }
        }
        world
    }

    /// What its proxies are sent, under names that begin with `prefix`.
    fn case(&self, prefix: &str, files: &Files) -> (Case, Vec<String>) {
        let mut mesh = Mesh::empty();
        mesh.change(self.objects.iter().cloned().map(Change::Set).collect());
        let (mut case, mut problems) = (Case::default(), Vec::new());
        for (at, key) in proxies().iter().enumerate() {
            let sets = mesh.publication(key);
            problems.extend(sound::problems(&sets));
            let part = resources(&sets, files, &format!("{prefix}/{at}/"));
            case.listeners.extend(part.listeners);
            case.clusters.extend(part.clusters);
            case.secrets.extend(part.secrets);
        }
        (case, problems)
    }

    /// What is wrong with it; empty if nothing is.
    fn wrong(&self, files: &Files) -> BTreeSet<String> {
        let (case, problems) = self.case("0", files);
        let mut wrong: BTreeSet<String> = problems.into_iter().collect();
        match judge(&case) {
            Ok(Verdict { listeners, clusters, deprecations }) => {
                wrong.extend(
                    listeners.into_iter().chain(clusters).map(|(name, why)| format!("{name}: {why}")),
                );
                wrong.extend(deprecations);
            }
            Err(error) => drop(wrong.insert(error.to_string())),
        }
        wrong
    }

    /// The fewest objects of it with which something is still wrong, and what that is.
    fn smallest(&self, files: &Files) -> String {
        let mut world = self.clone();
        let mut at = 0;
        while at < world.objects.len() {
            let mut less = world.clone();
            less.objects.remove(at);
            less.texts.remove(at);
            if less.wrong(files).is_empty() { at += 1 } else { world = less }
        }
        let wrong: Vec<_> = world.wrong(files).into_iter().collect();
        format!("seed {}: {}\n  {}", self.seed, wrong.join("\n"), world.texts.join("\n  "))
    }
}

/// The worlds of which something is refused.
fn wrong_of(worlds: &[World], files: &Files) -> BTreeSet<usize> {
    let (mut all, mut wrong) = (Case::default(), BTreeSet::new());
    for (at, world) in worlds.iter().enumerate() {
        let (case, problems) = world.case(&at.to_string(), files);
        if !problems.is_empty() {
            wrong.insert(at);
        }
        all.listeners.extend(case.listeners);
        all.clusters.extend(case.clusters);
        all.secrets.extend(case.secrets);
    }
    match judge(&all) {
        Ok(verdict) => {
            let names = verdict.listeners.keys().chain(verdict.clusters.keys());
            wrong.extend(names.filter_map(|name| name.split('/').next()?.parse::<usize>().ok()));
            if !verdict.deprecations.is_empty() {
                wrong.extend((0..worlds.len()).filter(|at| !worlds[*at].wrong(files).is_empty()));
            }
        }
        // It ended: which world it was shows one by one.
        Err(_) => wrong.extend((0..worlds.len()).filter(|at| !worlds[*at].wrong(files).is_empty())),
    }
    wrong
}

fn proxies() -> [ProxyKey; 3] {
    [
        proxy(ProxyKind::Sidecar, &[("app", "a"), ("version", "v1")], "alphans", "10.7.0.1"),
        proxy(ProxyKind::Sidecar, &[("app", "client")], "zetans", "10.1.0.9"),
        proxy(ProxyKind::Gateway, &[("istio", "ingressgateway")], "zetans", "10.1.0.6"),
    ]
}
