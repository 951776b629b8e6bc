//! Whatever is taken without an error, a real Envoy accepts: random objects of all kinds, in small worlds.
//!
//! `make test` draws 500 objects, `make soak` 50,000; `FAIRLEAD_OBJECTS` says how many otherwise, and
//! `PROPTEST_RNG_SEED` which. An object with an error is left out, as `analyze` and the control plane do, or costs
//! the field at fault; of the rest, everything that three proxies are sent is read by a real Envoy, in one piece and
//! in elements. The first world of each reason is made as small as can be before it is shown.

mod material;
mod parts;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{AnyConfig, Change, Severity, decode_file};
use fairlead_model::{
    input::MeshSettings,
    mesh::Settings,
    proxy::{Interception, ProxyKey, ProxyKind},
};
use fairlead_testkit::{
    judge::{Case, Verdict, judge},
    worlds::{self, Material, Pen},
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};

use crate::{
    envoy_validate::{Files, resources},
    mesh::{Mesh, proxy},
    sound,
};

/// Objects of a world.
const WORLD: usize = 16;
/// Worlds that one Envoy reads.
const AT_ONCE: usize = 20;
/// Different reasons after which no more worlds are drawn.
const REASONS: usize = 30;

#[test]
fn what_is_taken_without_an_error_is_accepted_by_envoy() {
    let wanted = wanted();
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let place = Place::new();
    let (mut taken, mut by_kind) = (0, BTreeMap::new());
    let mut refused: BTreeMap<String, (usize, String)> = BTreeMap::new();
    while taken < wanted && refused.len() < REASONS {
        let mut seeds = || any::<u64>().new_tree(&mut runner).expect("a number").current();
        let worlds: Vec<World> = (0..AT_ONCE).map(|_| World::draw(seeds(), &place)).collect();
        for object in worlds.iter().flat_map(|world| &world.objects) {
            taken += 1;
            *by_kind.entry(object.kind().as_str()).or_insert(0) += 1;
        }
        for (wrong, reasons) in wrong_of(&worlds, &place) {
            for reason in reasons {
                let found = refused.entry(kind_of(&reason)).or_default();
                found.0 += 1;
                if found.0 == 1 {
                    found.1 = worlds[wrong].smallest(&kind_of(&reason), &place);
                    eprintln!("{taken} objects: {}", found.1);
                }
            }
        }
    }
    let shown: Vec<String> =
        refused.values().map(|(count, smallest)| format!("{count} times, {smallest}")).collect();
    assert!(shown.is_empty(), "{} reasons among {taken} objects:\n{}", shown.len(), shown.join("\n\n"));
    let few: Vec<_> = by_kind.iter().filter(|(_, count)| **count < wanted / 100).collect();
    assert!(few.is_empty() && by_kind.len() == worlds::kinds(), "too few of {few:?} in {by_kind:?}");
}

/// How many objects are drawn.
fn wanted() -> usize {
    if let Some(number) = std::env::var_os("FAIRLEAD_OBJECTS") {
        let number = number.to_str().and_then(|number| number.parse().ok());
        return number.expect("FAIRLEAD_OBJECTS is a number");
    }
    let is_full = std::env::var_os("FAIRLEAD_SOAK").is_some_and(|value| value == "full");
    if is_full { 50_000 } else { 500 }
}

/// What is the same in all refusals of one sort: words without names and numbers.
fn kind_of(reason: &str) -> String {
    let (_, why) = reason.split_once(": ").unwrap_or(("", reason));
    let words = why
        .split_whitespace()
        .filter(|word| word.chars().all(|c| c.is_ascii_alphabetic() || "(),.:;_".contains(c)));
    words.take(14).collect::<Vec<_>>().join(" ")
}

/// What random worlds found: a name, and objects of which something was refused.
const REFUSED_ONCE: &[(&str, &[&str])] = &[
    (
        "a host for parts of labels beside SNI hosts that it lies within",
        &[
            r#"{"apiVersion":"networking.istio.io/v1","kind":"Gateway","metadata":{"name":"web","namespace":"zetans"},"spec":{"selector":{"istio":"ingressgateway"},"servers":[{"hosts":["*/*"],"port":{"name":"p1","number":8443,"protocol":"MONGO"},"tls":{}}]}}"#,
            r#"{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"b","namespace":"zetans"},"spec":{"gateways":["web"],"hosts":["*.test","*ext.test"],"tls":[{"match":[{"sniHosts":["*.test"]}],"route":[{"destination":{"host":"b"}}]}]}}"#,
        ],
    ),
    (
        "a host for parts of labels, of a server whose protocol is not TLS and which has `tls`",
        &[
            r#"{"apiVersion":"networking.istio.io/v1","kind":"Gateway","metadata":{"name":"web","namespace":"zetans"},"spec":{"selector":{"istio":"ingressgateway"},"servers":[{"hosts":["*ext.test","ext.test"],"port":{"name":"p1","number":8443,"protocol":"MONGO"},"tls":{}}]}}"#,
            r#"{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"b","namespace":"zetans"},"spec":{"gateways":["web"],"hosts":["*.test"],"tls":[{"match":[{"sniHosts":["*.test"]}],"route":[{"destination":{"host":"b"}}]}]}}"#,
        ],
    ),
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
        "listeners at every address, by `::` and by none",
        &[
            r#"{"apiVersion":"networking.istio.io/v1","kind":"Sidecar","metadata":{"name":"c","namespace":"istio-system"},"spec":{"egress":[{"bind":"unix:///tmp/e2","captureMode":"IPTABLES","hosts":["zetans/*","~/*","*/*.ext.test"]},{"bind":"::","hosts":["*/*"]}]}}"#,
            r#"{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"x.y","namespace":"zetans"},"spec":{"endpoints":[{"address":"10.7.0.3"},{"address":"fd00::7"}],"hosts":["b.zetans.svc.cluster.local"],"ports":[{"name":"x","number":9001,"protocol":"TCP"},{"name":"tcp","number":443,"protocol":"http"}],"resolution":"STATIC"}}"#,
        ],
    ),
    (
        "two listeners at one socket",
        &[
            r#"{"apiVersion":"networking.istio.io/v1","kind":"Sidecar","metadata":{"name":"a","namespace":"zetans"},"spec":{"egress":[{"bind":"unix:///tmp/e","hosts":["*/*"],"port":{"name":"x","number":8080,"protocol":"GRPC"}},{"bind":"unix:///tmp/e","hosts":["*/*"],"port":{"name":"mongo","number":80,"protocol":"MONGO"}}]}}"#,
            r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"b","namespace":"zetans"},"spec":{"clusterIP":"None","ports":[{"name":"x","port":80}],"selector":{"app":"vm"}}}"#,
        ],
    ),
    (
        "two listeners of the proxy's own on one port",
        &[
            r#"{"apiVersion":"v1","data":{"mesh":"{proxyInboundListenPort: 80, proxyListenPort: 80}"},"kind":"ConfigMap","metadata":{"name":"istio","namespace":"istio-system"}}"#,
        ],
    ),
    (
        "a path that no socket can have",
        &[
            r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","namespace":"zetans"},"spec":{"clusterIP":"10.96.0.1","ports":[{"name":"http","port":80}],"selector":{"app":"vm"}}}"#,
            r#"{"apiVersion":"networking.istio.io/v1","kind":"WorkloadEntry","metadata":{"name":"b","namespace":"zetans"},"spec":{"address":"unix:///ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss","labels":{"app":"vm"}}}"#,
        ],
    ),
    (
        "a Sidecar on every address of the port where redirected traffic comes",
        &[
            r#"{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"web","namespace":"zetans"},"spec":{"hosts":["one.test"],"ports":[{"name":"grpc","number":15001,"protocol":"GRPC"}],"resolution":"DNS"}}"#,
            r#"{"apiVersion":"networking.istio.io/v1","kind":"Sidecar","metadata":{"name":"b","namespace":"zetans"},"spec":{"egress":[{"bind":"::","hosts":["*/*"],"port":{"name":"grpc","number":15001,"protocol":"GRPC"}}]}}"#,
        ],
    ),
    (
        "a duration that ends within the last second that 64 bits of nanoseconds have",
        &[
            r#"{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"web","namespace":"zetans"},"spec":{"addresses":["10.7.0.1"],"hosts":["one.test"],"ports":[{"name":"tcp","number":9001,"protocol":"TCP"}],"resolution":"DNS"}}"#,
            r#"{"apiVersion":"networking.istio.io/v1","kind":"DestinationRule","metadata":{"name":"web","namespace":"zetans"},"spec":{"host":"one.test","trafficPolicy":{"connectionPool":{"tcp":{"maxConnectionDuration":"9223372036s"}}}}}"#,
        ],
    ),
    (
        "servers that listen on every address in two ways",
        &[
            r#"{"apiVersion":"networking.istio.io/v1","kind":"Gateway","metadata":{"name":"c","namespace":"zetans"},"spec":{"selector":{"istio":"ingressgateway"},"servers":[{"hosts":["one.test"],"port":{"name":"p1","number":443,"protocol":"GRPC"}},{"bind":"::","hosts":["localhost"],"port":{"name":"p2","number":443,"protocol":"HTTP2"}},{"bind":"0.0.0.0","hosts":["one.test"],"port":{"name":"p3","number":443,"protocol":"HTTP2"}}]}}"#,
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
    let place = Place::new();
    // The seeds differ in how the proxies are set up.
    for ((name, texts), seed) in REFUSED_ONCE.iter().flat_map(|case| (0..6).map(move |seed| (case, seed))) {
        let mut world = World::empty(seed);
        for text in *texts {
            let decoded = decode_file("world.json", text.as_bytes());
            let is_told = decoded.diagnostics.iter().any(|found| found.severity == Severity::Error);
            assert!(is_told || decoded.objects.len() == 1, "{name}: {text}");
            world.add((*text).to_owned(), &place);
        }
        assert_eq!(world.wrong(&place), BTreeSet::new(), "{name}");
    }
}

/// Objects that were taken, each in its form as JSON.
#[derive(Clone)]
struct World {
    seed: u64,
    objects: Vec<AnyConfig>,
    texts: Vec<String>,
}

/// Where certificates are.
struct Place {
    _directory: tempfile::TempDir,
    files: Files,
    material: Material,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let files = Files::write(directory.path());
        Self { _directory: directory, files, material: Material::new().expect("certificates") }
    }
}

impl World {
    fn empty(seed: u64) -> Self {
        Self { seed, objects: Vec::new(), texts: Vec::new() }
    }

    fn draw(seed: u64, place: &Place) -> Self {
        let mut pen = Pen::new(seed);
        let mut world = Self::empty(seed);
        for _ in 0..WORLD {
            world.add(worlds::object(&mut pen).to_string(), place);
        }
        world
    }

    fn add(&mut self, text: String, place: &Place) {
        let json = place.material.put_into(&text);
        if let [object] = &decode_file("world.json", json.as_bytes()).objects[..] {
            self.objects.push(object.clone());
            self.texts.push(text);
        }
    }

    /// What its proxies are sent, under names that begin with `prefix`.
    fn case(&self, prefix: &str, place: &Place) -> (Case, Vec<String>) {
        let mut mesh = Mesh::empty();
        let mut changes = mesh.db.change();
        let settings = Settings { assignment_elements: 1, listener_elements: 1, ..Settings::default() };
        changes.set::<MeshSettings>((), Arc::new(settings));
        mesh.db.apply(changes);
        mesh.change(self.objects.iter().cloned().map(Change::Set).collect());
        let (mut case, mut problems) = (Case::default(), Vec::new());
        for (at, key) in proxies(self.seed).iter().enumerate() {
            let sets = mesh.publication(key);
            problems.extend(
                sound::problems(&sets).into_iter().filter(|problem| !is_of_large_expressions(problem)),
            );
            problems.extend(parts::differences(&sets));
            for (form, sets) in [("", &*sets), ("parts", &parts::with_chains(&sets))] {
                if form.is_empty() || !sets.listeners.is_empty() {
                    let part = resources(sets, &place.files, &format!("{prefix}/{at}{form}/"));
                    case.listeners.extend(part.listeners);
                    case.clusters.extend(part.clusters);
                    case.secrets.extend(part.secrets);
                }
            }
            case.clusters.extend(material::judged(&sets, &format!("{prefix}/{at}/secret/")));
        }
        (case, problems)
    }

    /// What is wrong with it; empty if nothing is.
    fn wrong(&self, place: &Place) -> BTreeSet<String> {
        let (case, problems) = self.case("0", place);
        let mut wrong: BTreeSet<String> = problems.into_iter().collect();
        match judge(&case) {
            Ok(verdict) => {
                wrong.extend(refusals(&verdict).map(|(name, why)| format!("{name}: {why}")));
                wrong.extend(deprecations(verdict));
            }
            Err(error) => drop(wrong.insert(error.to_string())),
        }
        wrong
    }

    /// The fewest objects of it with which it is still wrong in this way, and what that is.
    fn smallest(&self, kind: &str, place: &Place) -> String {
        let mut world = self.clone();
        let mut at = 0;
        while at < world.objects.len() {
            let mut less = world.clone();
            less.objects.remove(at);
            less.texts.remove(at);
            let is_wrong = less.wrong(place).iter().any(|reason| kind_of(reason) == kind);
            if is_wrong { world = less } else { at += 1 }
        }
        let wrong: Vec<_> = world.wrong(place).into_iter().collect();
        format!("seed {}: {}\n  {}", self.seed, wrong.join("\n"), world.texts.join("\n  "))
    }
}

/// What was refused, and why; not what nobody but Envoy reads.
fn refusals(verdict: &Verdict) -> impl Iterator<Item = (&String, &String)> {
    let all = verdict.listeners.iter().chain(&verdict.clusters);
    all.filter(|(name, why)| !name.contains("/secret/") || !material::is_of_its_content(why))
}

fn deprecations(verdict: Verdict) -> impl Iterator<Item = String> {
    verdict.deprecations.into_iter().filter(|line| !is_of_large_expressions(line))
}

/// Whether it is about the limit that an expression has for an Envoy with a bootstrap of its own: it is deprecated,
/// and obeyed.
fn is_of_large_expressions(problem: &str) -> bool {
    ["google_re2", "GoogleRE2.max_program_size"].iter().any(|field| problem.contains(field))
}

/// The worlds of which something is refused, and the reasons.
fn wrong_of(worlds: &[World], place: &Place) -> BTreeMap<usize, BTreeSet<String>> {
    let (mut all, mut wrong) = (Case::default(), BTreeMap::<usize, BTreeSet<String>>::new());
    for (at, world) in worlds.iter().enumerate() {
        let (case, problems) = world.case(&at.to_string(), place);
        if !problems.is_empty() {
            wrong.entry(at).or_default().extend(problems);
        }
        all.listeners.extend(case.listeners);
        all.clusters.extend(case.clusters);
        all.secrets.extend(case.secrets);
    }
    let one_by_one = |wrong: &mut BTreeMap<usize, BTreeSet<String>>| {
        for (at, world) in worlds.iter().enumerate() {
            let reasons = world.wrong(place);
            if !reasons.is_empty() {
                wrong.insert(at, reasons);
            }
        }
    };
    match judge(&all) {
        Ok(verdict) => {
            for (name, why) in refusals(&verdict) {
                let world = name.split('/').next().and_then(|at| at.parse().ok());
                let world = world.unwrap_or_else(|| panic!("{name} is of no world: {why}"));
                wrong.entry(world).or_default().insert(format!("{name}: {why}"));
            }
            if deprecations(verdict).next().is_some() {
                one_by_one(&mut wrong);
            }
        }
        // It ended: which world it was shows one by one.
        Err(_) => one_by_one(&mut wrong),
    }
    wrong
}

/// Two sidecars and a gateway, set up in one way or another.
fn proxies(seed: u64) -> [ProxyKey; 3] {
    let mut pen = Pen::new(!seed);
    let mut of = |kind, labels: &[(&str, &str)], namespace, addresses: &[&str]| {
        let mut key = proxy(kind, labels, namespace, addresses[0]);
        if pen.often(25) {
            key.addresses = addresses.iter().map(|ip| ip.parse().expect("an address")).collect();
        }
        key.interception = pen.pick(&[
            Interception::Redirect,
            Interception::Redirect,
            Interception::Tproxy,
            Interception::None,
        ]);
        key.privileged = pen.often(75);
        key.takes_large_expressions = pen.often(75);
        key
    };
    [
        of(ProxyKind::Sidecar, &[("app", "a"), ("version", "v1")], "alphans", &["10.7.0.1", "fd00::7"]),
        of(ProxyKind::Sidecar, &[("app", "client")], "zetans", &["fd00::9", "10.1.0.9"]),
        of(ProxyKind::Gateway, &[("istio", "ingressgateway")], "zetans", &["10.1.0.6", "fd00::6"]),
    ]
}
