//! Scenarios: `tests/scenarios/<name>/{in.yaml, requests.yaml}`, objects and where requests must go with them.
//!
//! Each is played with the real thing: `fairlead serve`, a stock Envoy, interception by the kernel, and servers that
//! say who they are. [`world`] is what surrounds the proxy, [`scenario`] the form of the files, [`play`] plays one.
//! `SCENARIO=<part of a name>` chooses.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../harness/mod.rs"]
mod harness;

mod play;
mod random;
mod request;
mod scenario;
mod world;

use std::{
    collections::VecDeque,
    io::Write as _,
    sync::{Arc, Mutex},
    time::Instant,
};

use fairlead_testkit::netns::{Privilege, available};

use crate::{
    scenario::Scenario,
    world::{Place, World},
};

/// How many scenarios are played at once.
const PLACES: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_where_the_scenarios_say() {
    let scenarios = scenario::chosen();
    assert!(!scenarios.is_empty(), "no scenario is chosen");
    match available() {
        Ok(Privilege::Root) => {}
        // Not captured by the test's runner: that nothing was proven must be seen.
        Ok(Privilege::UserNamespace) => return say("scenarios: skipped: not root"),
        Err(reason) => return say(&format!("scenarios: {reason}")),
    }
    let mut world = World::new().unwrap();
    let places: Vec<Place> = (0..PLACES.min(scenarios.len())).map(|n| world.place(n).unwrap()).collect();
    let count = scenarios.len();
    let queue = Arc::new(Mutex::new(VecDeque::from(scenarios)));
    let tasks: Vec<_> =
        places.into_iter().map(|place| tokio::spawn(play_all(queue.clone(), place))).collect();
    let mut broken = Vec::new();
    for task in tasks {
        broken.extend(task.await.unwrap());
    }
    broken.sort();
    assert!(broken.is_empty(), "{} of {count} scenarios are broken\n\n{}", broken.len(), broken.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_worlds_are_not_rejected_one_after_another() {
    match available() {
        Ok(Privilege::Root) => {}
        Ok(Privilege::UserNamespace) => return say("random worlds: skipped: not root"),
        Err(reason) => return say(&format!("random worlds: {reason}")),
    }
    let mut world = World::new().unwrap();
    let is_full = std::env::var_os("FAIRLEAD_SOAK").is_some_and(|value| value == "full");
    let faults = random::worlds(if is_full { 400 } else { 8 }, &mut world).await;
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Plays what is left until nothing is, and gives what went wrong.
async fn play_all(queue: Arc<Mutex<VecDeque<Scenario>>>, place: Place) -> Vec<String> {
    let mut broken = Vec::new();
    loop {
        let next = queue.lock().unwrap().pop_front();
        let Some(scenario) = next else { return broken };
        let began = Instant::now();
        let faults = play::play(&scenario, &place).await;
        let outcome = if faults.is_empty() { "ok" } else { "BROKEN" };
        eprintln!("  {} ... {outcome} ({:?})", scenario.name, began.elapsed());
        if !faults.is_empty() {
            broken.push(format!(
                "{}: {}\n  {}",
                scenario.name,
                scenario.file.why.trim(),
                faults.join("\n  ")
            ));
        }
    }
}

fn say(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}
