use fairlead_resource::ResourceSet;

use super::*;
use crate::wire::{
    EncodedResponse, delta_responses, delta_responses_of_runs, whole_state, whole_state_of_runs,
};

const TYPE: TypeUrl = TypeUrl::CLUSTER;

fn resource(name: &str) -> (ResourceName, EncodedResource) {
    let resource = EncodedResource::whole(name, format!("the content of {name}"));
    (resource.name.clone(), resource)
}

fn thousand() -> ResourceSet {
    (0..1000).map(|i| resource(&format!("{i:03}"))).collect()
}

fn bytes(response: &EncodedResponse) -> Vec<u8> {
    response.segments.concat()
}

#[test]
fn one_resource_more_changes_its_own_run_alone() {
    let runs = Runs::default();
    let (one, mut other) = (thousand(), thousand());
    other.extend([resource("500 and a half")]);
    let (one, other) = (runs.of(TYPE, one.values()), runs.of(TYPE, other.values()));
    let known: Vec<_> = one.runs().map(Arc::as_ptr).collect();
    let new = other.runs().filter(|run| !known.contains(&Arc::as_ptr(run))).count();
    assert!(known.len() > 5, "{} runs", known.len());
    assert!((1..=2).contains(&new), "{new} runs are new");
}

#[test]
fn runs_of_another_type_are_others() {
    let (runs, set) = (Runs::default(), thousand());
    let (clusters, listeners) = (runs.of(TYPE, set.values()), runs.of(TypeUrl::LISTENER, set.values()));
    assert!(!clusters.runs().zip(listeners.runs()).any(|(a, b)| Arc::ptr_eq(a, b)));
}

#[test]
fn responses_of_runs_are_the_same_bytes_as_others() {
    let (runs, set) = (Runs::default(), thousand());
    let carried = runs.of(TYPE, set.values());
    let removed = ["gone".into()];
    let ours = delta_responses_of_runs(TYPE, (&carried, &set), &removed, usize::MAX);
    let plain = delta_responses(TYPE, set.values(), &removed, usize::MAX);
    let [ours, plain] = [&ours[..], &plain[..]].map(|responses| {
        let [response] = responses else { panic!("{} responses", responses.len()) };
        (bytes(response), response.bytes, response.resources, response.version, response.gone.clone())
    });
    assert_eq!(ours, plain);
    let (ours, plain) = (whole_state_of_runs(TYPE, &carried, &set), whole_state(TYPE, set.values()));
    assert_eq!((bytes(&ours), ours.bytes, ours.version), (bytes(&plain), plain.bytes, plain.version));
    assert!(ours.carried.iter().eq(plain.carried.iter()));
}

#[test]
fn a_limit_divides_between_runs() {
    let (runs, set) = (Runs::default(), thousand());
    let carried = runs.of(TYPE, set.values());
    let responses = delta_responses_of_runs(TYPE, (&carried, &set), &[], 40_000);
    assert!(responses.len() > 1 && responses.iter().all(|response| response.bytes <= 40_000));
    assert!(responses.iter().flat_map(|response| response.carried.iter()).eq(carried.iter()));
}

#[test]
fn what_nobody_has_is_forgotten() {
    let runs = Runs::default();
    let kept = runs.of(TYPE, thousand().values());
    for i in 0..10 * SWEEP_FROM {
        drop(runs.of(TYPE, [&resource(&format!("of {i}")).1]));
    }
    assert!(runs.0.lock().unwrap().runs.len() <= SWEEP_FROM);
    let again = runs.of(TYPE, thousand().values());
    assert!(kept.runs().zip(again.runs()).all(|(a, b)| Arc::ptr_eq(a, b)));
}
