//! Several sources of one core.

use fairlead_config::{AnyConfig, ConfigKey, Kind};
use fairlead_model::input;

use super::*;

fn memory() -> SourceId {
    "memory".into()
}

fn core_of_two() -> CoreHandle {
    start(&Settings::default(), vec![file(), memory()], Arc::new(Metrics::new()), Clock::system())
        .expect("a thread")
        .0
}

/// As `update`, of another file.
fn update_of(file: &str, text: &str) -> SourceUpdate {
    let decoded = decode_file(file, text.as_bytes());
    let changes = decoded.objects.into_iter().map(Change::Set).collect();
    SourceUpdate { changes, diagnostics: decoded.diagnostics, synced: true, ..SourceUpdate::default() }
}

fn findings(core: &crate::core::Core) -> Vec<String> {
    core.findings().iter().map(ToString::to_string).collect()
}

fn cart_key() -> ConfigKey {
    ConfigKey::new(Kind::ServiceEntry, "shop", "cart")
}

fn file_of(core: &crate::core::Core) -> Option<String> {
    let object = core.objects().get(&cart_key())?;
    Some(object.read_from().locate(&fairlead_config::FieldPath::root())?.file.to_string())
}

#[tokio::test]
async fn nothing_is_served_before_each_source_has_told_everything() {
    let core = core_of_two();
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    core.source_update(&memory(), update_of("memory", &CART.replace("cart", "till")))
        .expect("the core lives");
    until(&core, "both", |core| core.ready && core.objects().len() == 2).await;

    let core = core_of_two();
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    let half = SourceUpdate { synced: false, ..update_of("memory", &CART.replace("cart", "till")) };
    core.source_update(&memory(), half).expect("the core lives");
    assert_eq!(
        core.inspect(|core| (core.ready, core.due() > std::time::Instant::now())).await,
        Ok((false, true))
    );
    core.source_update(&memory(), SourceUpdate { synced: true, ..SourceUpdate::default() })
        .expect("the core lives");
    until(&core, "both", |core| core.ready && core.objects().len() == 2).await;
}

#[tokio::test]
async fn findings_of_a_source_stay_until_it_takes_them_back() {
    let core = core_of_two();
    let broken = |file: &str| update_of(file, "kind: Gateway\n");
    core.source_update(&file(), broken("a.yaml")).expect("the core lives");
    core.source_update(&memory(), broken("memory")).expect("the core lives");
    let found = |core: &crate::core::Core, file: &str| findings(core).iter().any(|line| line.contains(file));
    until(&core, "both", move |core| found(core, "a.yaml:1") && found(core, "memory:1")).await;
    core.source_update(&memory(), update_of("memory", "")).expect("the core lives");
    until(&core, "one", move |core| found(core, "a.yaml:1") && !found(core, "memory:1")).await;
}

#[tokio::test]
async fn of_an_object_in_two_sources_that_of_the_first_is_used_and_both_are_named() {
    let core = core_of_two();
    core.source_update(&memory(), update_of("memory", CART)).expect("the core lives");
    core.source_update(&file(), update_of("a.yaml", "")).expect("the core lives");
    until(&core, "the object of the second", |core| file_of(core).as_deref() == Some("memory")).await;
    // What comes later in the first source is used all the same.
    let other = CART.replace("10.1.1.1", "10.1.1.2");
    core.source_update(&file(), update_of("a.yaml", &other)).expect("the core lives");
    until(&core, "the object of the first", |core| file_of(core).as_deref() == Some("a.yaml")).await;
    let view = connect(&core).await;
    assert!(endpoints_of(&view).contains("10.1.1.2"));
    let expected = "error[FL0015 duplicate-object] ServiceEntry shop/cart (memory:2:1): another definition is used \
                    and this one is not: the one in a.yaml:2:1 of the source `file`; remove one of them";
    assert_eq!(core.inspect(findings).await, Ok(vec![expected.to_owned()]));

    core.source_update(&memory(), update_of("memory", &other)).expect("the core lives");
    let expected = "info[FL0015 duplicate-object] ServiceEntry shop/cart (memory:2:1): the same definition is already \
                    in a.yaml:2:1 of the source `file`; remove one of them";
    until(&core, "a copy", move |core| findings(core) == [expected]).await;

    let gone = SourceUpdate { whole: Kind::ALL.to_vec(), ..update_of("a.yaml", "") };
    core.source_update(&file(), gone).expect("the core lives");
    until(&core, "the object of the second", |core| file_of(core).as_deref() == Some("memory")).await;
    assert_eq!(core.inspect(findings).await, Ok(Vec::new()));
}

#[tokio::test]
async fn what_a_source_does_not_tell_again_is_gone_and_what_others_told_is_not() {
    let core = core_of_two();
    core.source_update(&file(), update(CART, true)).expect("the core lives");
    let two = CART.replace("cart", "till") + "---" + &CART.replace("cart", "shelf");
    core.source_update(&memory(), update_of("memory", &two)).expect("the core lives");
    until(&core, "all", |core| core.objects().len() == 3).await;
    let whole = vec![Kind::ServiceEntry];
    let again = SourceUpdate { whole, ..update_of("memory", &CART.replace("cart", "till")) };
    core.source_update(&memory(), again).expect("the core lives");
    until(&core, "what is left", |core| {
        let names: Vec<_> = core.objects().iter().map(|object| object.key().name.as_str()).collect();
        names == ["cart", "till"]
    })
    .await;
}

#[tokio::test]
async fn an_object_is_there_once() {
    let core = core();
    let told = update(CART, true);
    let Some(Change::Set(AnyConfig::ServiceEntry(object))) = told.changes.get(&cart_key()) else {
        panic!("a ServiceEntry")
    };
    let object = object.clone();
    core.source_update(&file(), told).expect("the core lives");
    until(&core, "the object", |core| core.ready).await;
    let shared = move |core: &crate::core::Core| {
        let Some(AnyConfig::ServiceEntry(listed)) = core.objects().get(&cart_key()) else { return false };
        let input = core.db().input::<input::ServiceEntries>(&cart_key());
        Arc::ptr_eq(listed, &object) && input.is_some_and(|input| Arc::ptr_eq(&input, &object))
    };
    assert_eq!(core.inspect(shared).await, Ok(true));
}
