//! Bridges dangling references for a while: subsets that routes name but no DestinationRule defines.
//!
//! Reads: VirtualService, DestinationRule, as they change · Produces: the changes for the engine Differs from Istio:
//! there a route to a subset that is not defined answers 503 at once (ADR 0006).
//!
//! Objects that belong together are seldom written at the same moment or in the right order. So a change that would
//! leave a route without its subset is bridged for a bounded time:
//!
//! - A VirtualService that names an undefined subset waits for it; its previous version, if any, stays in use.
//! - A subset that is no longer defined is kept as long as routes in use name it.
//!
//! After that time the objects are used as they are. What proxies are sent is then again a function of the objects
//! alone: the same on each replica, and after a restart, which bridges nothing.

mod references;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use fairlead_api::{DestinationRuleSpec, Subset, VirtualServiceSpec};
use fairlead_config::{
    AnyConfig, Change, ChangeBatch, Code, Config, ConfigKey, Diagnostic, FieldPath, Kind, Severity, Subject,
};

use super::Objects;
use references::{References, defines, references, rule_host};

type Routes = Arc<Config<VirtualServiceSpec>>;
type Rule = Arc<Config<DestinationRuleSpec>>;

/// The bridges in place.
#[derive(Debug)]
pub(super) struct Bridge {
    /// Maximum time of a bridge.
    grace: Duration,
    /// The DNS domain of Services, which completes short names.
    domain: String,
    waiting: BTreeMap<ConfigKey, Waiting>,
    kept: BTreeMap<ConfigKey, Kept>,
}

/// Routes that wait for subsets.
#[derive(Debug)]
struct Waiting {
    /// The version in use meanwhile.
    in_use: Option<Routes>,
    missing: References,
    since: Instant,
}

/// A rule that has defined subsets which are still in use.
#[derive(Debug)]
struct Kept {
    /// The rule as it last defined one of them; it is used if the rule is gone.
    last: Rule,
    subsets: BTreeMap<String, (Subset, Instant)>,
}

/// The objects before a batch and after it.
#[derive(Clone, Copy)]
struct Step<'a> {
    before: &'a Objects,
    after: &'a Objects,
    at: Instant,
}

impl Bridge {
    pub(super) fn new(grace: Duration, domain: &str) -> Self {
        Self { grace, domain: domain.to_owned(), waiting: BTreeMap::new(), kept: BTreeMap::new() }
    }

    /// When the next bridge expires.
    pub(super) fn due(&self) -> Option<Instant> {
        let waiting = self.waiting.values().map(|waiting| waiting.since);
        let kept = self.kept.values().flat_map(|kept| kept.subsets.values().map(|(_, since)| *since));
        waiting.chain(kept).min().map(|since| since + self.grace)
    }

    /// The changes for the engine in place of `batch`, which leads from `before` to `after`.
    pub(super) fn pass(
        &mut self,
        mut batch: ChangeBatch,
        before: &Objects,
        after: &Objects,
        at: Instant,
    ) -> ChangeBatch {
        let concerns =
            |change: &Change| matches!(change.key().kind, Kind::VirtualService | Kind::DestinationRule);
        if self.grace.is_zero() || !(batch.iter().any(concerns) || self.due().is_some_and(|due| due <= at)) {
            return batch;
        }
        let step = Step { before, after, at };
        let changed = |kind: Kind| {
            let of_kind = batch.iter().map(Change::key).filter(move |key| key.kind == kind);
            of_kind.cloned().collect::<Vec<_>>()
        };
        let (routes, rules) = (changed(Kind::VirtualService), changed(Kind::DestinationRule));
        for key in routes {
            if self.hold_back(step, &key) {
                batch.remove(&key);
            }
        }
        self.release(step, &mut batch);
        for key in &rules {
            self.keep(step, key);
        }
        let kept: Vec<_> = self.kept.keys().cloned().collect();
        for key in &kept {
            self.let_go(step, key);
        }
        for key in rules.into_iter().chain(kept) {
            batch.push(self.rule_in_use(step, key));
        }
        batch
    }

    /// Whether changed routes have to wait. Only subsets that the version in use does not name are worth waiting for.
    fn hold_back(&mut self, step: Step<'_>, key: &ConfigKey) -> bool {
        let waiting = self.waiting.remove(key);
        let Some(new) = routes(step.after, key) else { return false };
        let (in_use, since) = match waiting {
            Some(waiting) => (waiting.in_use, waiting.since),
            None => (routes(step.before, key).cloned(), step.at),
        };
        let mut missing = references(new, &self.domain);
        if let Some(in_use) = &in_use {
            let known = references(in_use, &self.domain);
            missing.retain(|reference| !known.contains(reference));
        }
        self.drop_defined(step, &mut missing);
        if missing.is_empty() || step.at >= since + self.grace {
            return false;
        }
        self.waiting.insert(key.clone(), Waiting { in_use, missing, since });
        true
    }

    /// Uses the routes whose subsets are now defined, and those that have waited for long enough.
    fn release(&mut self, step: Step<'_>, batch: &mut ChangeBatch) {
        let mut all = std::mem::take(&mut self.waiting);
        all.retain(|key, waiting| {
            self.drop_defined(step, &mut waiting.missing);
            let waits = !waiting.missing.is_empty() && step.at < waiting.since + self.grace;
            if !waits && let Some(routes) = step.after.get(key) {
                batch.push(Change::Set(routes.clone()));
            }
            waits
        });
        self.waiting = all;
    }

    fn drop_defined(&self, step: Step<'_>, missing: &mut References) {
        for rule in rules(step.after) {
            if missing.is_empty() {
                return;
            }
            missing.retain(|reference| !defines(rule, reference, &self.domain));
        }
    }

    /// Notes the subsets that a changed rule no longer defines. Whether they are worth keeping is decided later.
    fn keep(&mut self, step: Step<'_>, key: &ConfigKey) {
        let Some(old) = rule(step.before, key) else { return };
        let new = rule(step.after, key);
        // The subsets of a rule that now applies to another host would become subsets of that host.
        if new.is_some_and(|new| rule_host(new, &self.domain) != rule_host(old, &self.domain)) {
            self.kept.remove(key);
            return;
        }
        let is_defined = |name: &str| new.is_some_and(|new| new.spec.subsets.iter().any(|s| s.name == name));
        let lost: Vec<_> = old.spec.subsets.iter().filter(|subset| !is_defined(&subset.name)).collect();
        if lost.is_empty() {
            return;
        }
        let kept = self.kept.entry(key.clone());
        let kept = kept.or_insert_with(|| Kept { last: old.clone(), subsets: BTreeMap::new() });
        kept.last = old.clone();
        for subset in lost {
            kept.subsets.insert(subset.name.clone(), (subset.clone(), step.at));
        }
    }

    /// Drops the subsets of a rule that are defined again, that no route in use names, or that were kept for long
    /// enough.
    fn let_go(&mut self, step: Step<'_>, key: &ConfigKey) {
        let Some(mut kept) = self.kept.remove(key) else { return };
        let mut named = References::new();
        for routes in self.routes_in_use(step.after) {
            let of_rule = references(routes, &self.domain).into_iter();
            named.extend(of_rule.filter(|reference| defines(&kept.last_with_all(), reference, &self.domain)));
        }
        // Another rule may define it now.
        self.drop_defined(step, &mut named);
        let grace = self.grace;
        kept.subsets.retain(|name, (_, since)| {
            step.at < *since + grace && named.iter().any(|reference| reference.subset == *name)
        });
        if !kept.subsets.is_empty() {
            self.kept.insert(key.clone(), kept);
        }
    }

    fn routes_in_use<'a>(&'a self, objects: &'a Objects) -> impl Iterator<Item = &'a Routes> {
        objects.of_kind(Kind::VirtualService).filter_map(|object| match self.waiting.get(object.key()) {
            Some(waiting) => waiting.in_use.as_ref(),
            None => as_routes(object),
        })
    }

    /// The rule for the engine: the current one, with the subsets that are kept.
    fn rule_in_use(&self, step: Step<'_>, key: ConfigKey) -> Change {
        let now = rule(step.after, &key);
        let Some(kept) = self.kept.get(&key) else {
            return now
                .map_or(Change::Delete(key), |now| Change::Set(AnyConfig::DestinationRule(now.clone())));
        };
        let mut mended = Config::clone(now.unwrap_or(&kept.last));
        let mut spec = (*mended.spec).clone();
        if now.is_none() {
            spec.subsets.clear();
        }
        spec.subsets.extend(kept.subsets.values().map(|(subset, _)| subset.clone()));
        mended.spec = spec.into();
        Change::Set(mended.into())
    }

    /// A finding for each bridge.
    pub(super) fn diagnostics(&self) -> impl Iterator<Item = Diagnostic> {
        let grace = self.grace;
        let held = self.waiting.iter().flat_map(move |(key, waiting)| {
            waiting.missing.iter().map(move |missing| {
                let meanwhile = match waiting.in_use {
                    Some(_) => "the version before stays in use",
                    None => "it is not used",
                };
                let text = format!(
                    "no DestinationRule defines the subset `{}` of `{}`: {meanwhile} until one does, for {grace:?} at most",
                    missing.subset, missing.host
                );
                finding(key, Code::RoutesHeldBack, text, "define the subset in a DestinationRule")
            })
        });
        let kept = self.kept.iter().flat_map(move |(key, kept)| {
            kept.subsets.keys().map(move |name| {
                let text = format!(
                    "the subset `{name}` is no longer defined, and routes lead to it: it is kept until they do not, for {grace:?} at most"
                );
                finding(key, Code::SubsetKept, text, "change the routes, or define the subset again")
            })
        });
        held.chain(kept)
    }
}

impl Kept {
    /// The last rule, with every subset that is kept.
    fn last_with_all(&self) -> Rule {
        let mut rule = Config::clone(&self.last);
        let mut spec = (*rule.spec).clone();
        spec.subsets = self.subsets.values().map(|(subset, _)| subset.clone()).collect();
        rule.spec = spec.into();
        rule.into()
    }
}

fn finding(on: &ConfigKey, code: Code, text: String, help: &str) -> Diagnostic {
    let subject = Subject::Object(on.clone());
    let mut finding = Diagnostic::new(Severity::Warning, subject, code, FieldPath::root(), text);
    finding.help(help);
    finding
}

fn as_routes(object: &AnyConfig) -> Option<&Routes> {
    match object {
        AnyConfig::VirtualService(routes) => Some(routes),
        _ => None,
    }
}

fn as_rule(object: &AnyConfig) -> Option<&Rule> {
    match object {
        AnyConfig::DestinationRule(rule) => Some(rule),
        _ => None,
    }
}

fn routes<'a>(objects: &'a Objects, key: &ConfigKey) -> Option<&'a Routes> {
    objects.get(key).and_then(as_routes)
}

fn rule<'a>(objects: &'a Objects, key: &ConfigKey) -> Option<&'a Rule> {
    objects.get(key).and_then(as_rule)
}

fn rules(objects: &Objects) -> impl Iterator<Item = &Rule> {
    objects.of_kind(Kind::DestinationRule).filter_map(as_rule)
}

#[cfg(test)]
mod tests;
