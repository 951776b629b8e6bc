//! Golden files: what each feature becomes, for one proxy.
//!
//! What a proxy has in an empty mesh is left out of a case's files, so that they show what the configuration
//! adds; the cases of `baseline/` have no configuration and show all of it.

use std::collections::BTreeMap;

use fairlead_config::{Diagnostic, decode_file};
use fairlead_envoy::json;
use fairlead_resource::TypeUrl;
use fairlead_testkit::golden::{self, Case, Outputs};
use fairlead_translate::publication::Sets;
use serde_json::Value;

use crate::{
    closure,
    mesh::{Mesh, to_json},
    proxy_file::{ProxyFile, TYPES},
    sound,
};

#[test]
fn golden_scenarios_are_as_recorded() {
    golden::check(&golden::root(), outputs);
}

/// A case with all that its proxy is sent.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) sets: Sets,
}

/// Every case, translated.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let cases = golden::cases(&golden::root()).expect("the golden files can be read");
    let scenario = |case: &Case| {
        let proxy = ProxyFile::parse(case.proxy.as_deref()).expect("proxy.yaml is well formed");
        let (mut mesh, _) = mesh(case);
        Scenario { name: case.name.clone(), sets: (*mesh.publication_of(&proxy)).clone() }
    };
    cases.iter().map(scenario).collect()
}

/// What the configuration itself leaves open: routes to hosts that nobody defines, and secrets that may not be sent.
const OPEN: [(&str, &str); 4] = [
    ("destination-rule/tls-credential-without-secrets", "secret kubernetes-cacert://client-cert"),
    ("destination-rule/tls-credential-without-secrets", "secret kubernetes://client-cert"),
    ("gateway/secret-of-another-namespace", "secret kubernetes://theirs"),
    ("virtual-service/routing", "cluster outbound|80||nowhere.default.svc.cluster.local"),
];

#[test]
fn golden_scenarios_are_closed() {
    let mut open = Vec::new();
    for scenario in scenarios() {
        let missing = closure::missing(&scenario.sets);
        open.extend(missing.into_iter().map(|what| (scenario.name.clone(), what)));
    }
    assert_eq!(open, OPEN.map(|(case, what)| (case.to_owned(), what.to_owned())));
}

#[test]
fn golden_scenarios_hold_nothing_that_envoy_refuses_at_run_time() {
    for scenario in scenarios() {
        let problems = sound::problems(&scenario.sets);
        assert!(problems.is_empty(), "{}: {problems:#?}", scenario.name);
    }
}

pub(crate) fn mesh(case: &Case) -> (Mesh, Vec<Diagnostic>) {
    let decoded = decode_file("in.yaml", case.input.as_bytes());
    let mut mesh = Mesh::empty();
    mesh.change(decoded.objects.into_iter().map(fairlead_config::Change::Set).collect());
    (mesh, decoded.diagnostics)
}

fn outputs(case: &Case) -> Result<Outputs, String> {
    let proxy = ProxyFile::parse(case.proxy.as_deref())?;
    let (mut mesh, diagnostics) = mesh(case);
    let mut outputs = Outputs::new();
    let sets = mesh.publication_of(&proxy);
    let is_baseline = case.name.starts_with("baseline/");
    let base = if is_baseline { Sets::default() } else { (*Mesh::empty().publication_of(&proxy)).clone() };
    for (name, type_url) in TYPES.into_iter().filter(|(name, _)| proxy.shows(name)) {
        let shown = added(&sets, &base, type_url);
        if !shown.is_empty() {
            outputs.insert(format!("out/{name}.yaml"), json::to_yaml(&Value::Object(shown)));
        }
    }
    let diagnostics: Vec<_> = diagnostics.into_iter().chain(mesh.diagnostics()).collect();
    if !diagnostics.is_empty() {
        outputs.insert(
            "diagnostics.yaml".into(),
            json::to_yaml(&diagnostics.iter().map(ToString::to_string).collect()),
        );
    }
    Ok(outputs)
}

/// The resources of a type that `base` does not have alike, by name.
fn added(sets: &Sets, base: &Sets, type_url: TypeUrl) -> serde_json::Map<String, Value> {
    let base = base.get(type_url);
    let sets = sets.get(type_url);
    let added = sets.iter().filter(|(name, resource)| base.get(*name) != Some(resource));
    let mut shown = BTreeMap::new();
    for (name, resource) in added {
        shown.insert(name.to_string(), to_json(type_url, resource));
    }
    shown.into_iter().collect()
}
