use std::time::{Duration, Instant};

use fairlead_config::{Change, ChangeBatch, ConfigKey, Kind, decode_file};

use super::{Bridge, as_routes, as_rule, references::references};
use crate::core::Objects;

const GRACE: Duration = Duration::from_secs(60);

/// The objects as they were written, and the bridge between them and what is in use.
struct Stage {
    bridge: Bridge,
    objects: Objects,
    in_use: Objects,
    now: Instant,
}

fn rule(subsets: &[&str]) -> String {
    let subsets: Vec<_> =
        subsets.iter().map(|s| format!("{{name: {s}, labels: {{version: {s}}}}}")).collect();
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: cart, namespace: shop}}\nspec: {{host: cart, subsets: [{}]}}\n",
        subsets.join(", ")
    )
}

fn routes(name: &str, subset: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{hosts: [{name}.example], http: [{{route: [{{destination: {{host: cart.shop.svc.cluster.local, subset: {subset}}}}}]}}]}}\n"
    )
}

fn changes(yaml: &str) -> ChangeBatch {
    let decoded = decode_file("mesh.yaml", yaml.as_bytes());
    assert!(decoded.rejected.is_empty(), "{:?}", decoded.diagnostics);
    decoded.objects.into_iter().map(Change::Set).collect()
}

impl Stage {
    fn with(yaml: &str) -> Self {
        let mut objects = Objects::default();
        objects.apply(&changes(yaml));
        let bridge = Bridge::new(GRACE, "cluster.local");
        Self { bridge, in_use: objects.clone(), objects, now: Instant::now() }
    }

    fn take(&mut self, batch: ChangeBatch) -> &mut Self {
        let before = self.objects.clone();
        self.objects.apply(&batch);
        let passed = self.bridge.pass(batch, &before, &self.objects, self.now);
        self.in_use.apply(&passed);
        self
    }

    fn set(&mut self, yaml: &str) -> &mut Self {
        self.take(changes(yaml))
    }

    fn delete(&mut self, kind: Kind, name: &str) -> &mut Self {
        self.take([Change::Delete(ConfigKey::new(kind, "shop", name))].into_iter().collect())
    }

    fn after(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.take(ChangeBatch::new())
    }

    /// The subsets that are defined, those that are routed to, and the codes of the findings.
    fn expect(&mut self, defined: &[&str], named: &[&str], findings: &[&str]) -> &mut Self {
        let rules = self.in_use.of_kind(Kind::DestinationRule).filter_map(as_rule);
        let found: Vec<_> =
            rules.flat_map(|rule| rule.spec.subsets.iter().map(|s| s.name.as_str())).collect();
        assert_eq!(found, defined, "subsets in use");
        let routes = self.in_use.of_kind(Kind::VirtualService).filter_map(as_routes);
        let found: Vec<_> =
            routes.flat_map(|routes| references(routes, "cluster.local")).map(|r| r.subset).collect();
        assert_eq!(found, named, "routes in use");
        let found: Vec<_> = self.bridge.diagnostics().map(|finding| finding.code.name()).collect();
        assert_eq!(found, findings);
        assert_eq!(self.bridge.due().is_some(), !findings.is_empty(), "what is bridged ends");
        self
    }
}

#[test]
fn changes_that_fit_together_pass_as_they_are() {
    Stage::with(&(rule(&["v1"]) + &routes("a", "v1")))
        .set(&(rule(&["v1", "v2"]) + &routes("a", "v2")))
        .expect(&["v1", "v2"], &["v2"], &[])
        .set(&(rule(&["v3"]) + &routes("a", "v3")))
        .expect(&["v3"], &["v3"], &[]);
}

#[test]
fn routes_wait_for_their_subset() {
    Stage::with(&(rule(&["v1"]) + &routes("a", "v1")))
        .set(&routes("a", "v2"))
        .expect(&["v1"], &["v1"], &["routes-held-back"])
        .set(&rule(&["v1", "v2"]))
        .expect(&["v1", "v2"], &["v2"], &[]);
}

#[test]
fn new_routes_wait_as_well() {
    Stage::with(&rule(&["v1"]))
        .set(&routes("a", "v2"))
        .expect(&["v1"], &[], &["routes-held-back"])
        .set(&rule(&["v1", "v2"]))
        .expect(&["v1", "v2"], &["v2"], &[]);
}

#[test]
fn routes_that_wait_are_corrected_or_deleted() {
    let mut stage = Stage::with(&(rule(&["v1"]) + &routes("a", "v1")));
    stage.set(&routes("a", "v2")).set(&routes("a", "v1")).expect(&["v1"], &["v1"], &[]);
    stage.set(&routes("a", "v2")).delete(Kind::VirtualService, "a").expect(&["v1"], &[], &[]);
}

#[test]
fn a_subset_is_kept_while_routes_lead_to_it() {
    Stage::with(&(rule(&["v1", "v2"]) + &routes("a", "v1") + &routes("b", "v1")))
        .set(&rule(&["v2"]))
        .expect(&["v2", "v1"], &["v1", "v1"], &["subset-kept"])
        .set(&routes("a", "v2"))
        .expect(&["v2", "v1"], &["v2", "v1"], &["subset-kept"])
        .set(&routes("b", "v2"))
        .expect(&["v2"], &["v2", "v2"], &[]);
}

#[test]
fn a_subset_that_returns_is_used_as_it_is() {
    let changed = rule(&["v1", "v2"]).replace("version: v1", "version: one");
    let mut stage = Stage::with(&(rule(&["v1", "v2"]) + &routes("a", "v1")));
    stage.set(&rule(&["v2"])).set(&changed).expect(&["v1", "v2"], &["v1"], &[]);
    let rule = stage.in_use.of_kind(Kind::DestinationRule).find_map(as_rule).expect("the rule");
    assert_eq!(rule.spec.subsets[0].labels["version"], "one");
}

#[test]
fn a_rule_that_is_deleted_leaves_what_is_routed_to() {
    Stage::with(&(rule(&["v1", "v2"]) + &routes("a", "v1")))
        .delete(Kind::DestinationRule, "cart")
        .expect(&["v1"], &["v1"], &["subset-kept"])
        .delete(Kind::VirtualService, "a")
        .expect(&[], &[], &[]);
}

#[test]
fn routes_that_wait_keep_the_subset_of_those_in_use() {
    Stage::with(&(rule(&["v1"]) + &routes("a", "v1")))
        .set(&(rule(&["v2"]) + &routes("a", "v3")))
        .expect(&["v2", "v1"], &["v1"], &["routes-held-back", "subset-kept"])
        .set(&rule(&["v2", "v3"]))
        .expect(&["v2", "v3"], &["v3"], &[]);
}

#[test]
fn bridges_end() {
    let mut stage = Stage::with(&(rule(&["v1"]) + &routes("a", "v1")));
    stage.set(&routes("a", "v2")).after(GRACE / 2);
    // Another edit does not begin anew.
    stage.set(&routes("a", "v3")).expect(&["v1"], &["v1"], &["routes-held-back"]);
    stage.after(GRACE / 2).expect(&["v1"], &["v3"], &[]);
    // What dangles already is not waited for.
    stage.set(&routes("a", "v3")).expect(&["v1"], &["v3"], &[]);

    stage.set(&routes("a", "v1")).set(&rule(&["v2"])).expect(&["v2", "v1"], &["v1"], &["subset-kept"]);
    stage.after(GRACE).expect(&["v2"], &["v1"], &[]);
}

#[test]
fn without_grace_nothing_is_bridged() {
    let mut stage = Stage::with(&(rule(&["v1"]) + &routes("a", "v1")));
    stage.bridge = Bridge::new(Duration::ZERO, "cluster.local");
    stage.set(&(rule(&["v2"]) + &routes("a", "v3"))).expect(&["v2"], &["v3"], &[]);
}

#[test]
fn another_rule_may_define_the_subset() {
    let other =
        rule(&["v1"]).replace("name: cart,", "name: other,").replace("host: cart", "host: '*.cluster.local'");
    Stage::with(&(rule(&["v1"]) + &routes("a", "v1"))).set(&(rule(&[]) + &other)).expect(
        &["v1"],
        &["v1"],
        &[],
    );
}
