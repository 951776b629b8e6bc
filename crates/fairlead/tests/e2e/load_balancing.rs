//! `loadBalancer` of a DestinationRule.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fairlead_lab::{
    client::{Client, Request},
    load::{Report, within},
    ports,
};
use fairlead_testkit::app::Script;

use crate::{
    harness::claims::claims,
    shop::{PORT, Shop, get, service},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_is_balanced_as_rules_say() {
    let shop = Shop::open().await;
    claims!(&shop;
        round_robin_is_even,
        random_is_even_by_chance,
        the_least_busy_server_is_preferred_by_default,
        a_hash_of_a_header_sticks_and_spreads,
        a_hash_by_maglev_sticks_and_spreads,
        a_hash_of_a_query_parameter_sticks,
        a_hash_of_a_cookie_that_envoy_sets_sticks,
        a_hash_of_the_source_address_sticks,
        most_users_stay_when_another_server_goes,
        a_subset_has_a_balancer_of_its_own,
        an_endpoint_that_is_not_ready_gets_nothing,
    );
    shop.client.assert_clean().await;
}

const VERSIONS: [&str; 3] = ["v1", "v2", "v3"];

fn by_version(report: &Report) -> [u64; 3] {
    VERSIONS.map(|version| report.by_version(version))
}

async fn round_robin_is_even(shop: &Shop) {
    shop.policy("{loadBalancer: {simple: ROUND_ROBIN}}").await;
    let report = shop.client.load(PORT, 300, |_| get("/")).await;
    let counts = by_version(&report);
    // It begins anew with each change of the endpoints, which may be a request or two after they are here.
    assert!(counts.iter().all(|count| (97..=103).contains(count)), "{counts:?}");
}

async fn random_is_even_by_chance(shop: &Shop) {
    shop.policy("{loadBalancer: {simple: RANDOM}}").await;
    let report = shop.client.load(PORT, 600, |_| get("/")).await;
    for count in by_version(&report) {
        within(1.0 / 3.0, 600, count, 4.0).unwrap();
    }
}

async fn the_least_busy_server_is_preferred_by_default(shop: &Shop) {
    shop.policy("").await;
    shop.servers[0].app.script("/", Script::echo().delay(Duration::from_millis(250)));
    let report = shop.client.load(PORT, 200, |_| get("/")).await;
    report.all_ok().unwrap();
    let [slow, ..] = by_version(&report);
    assert!(slow < 40, "a third would be its share by turns: {report}");
    shop.reset();
}

/// Requests of `users`, `each` of every one; which versions answered each user.
async fn answerers(
    shop: &Shop,
    users: u64,
    each: u64,
    request: fn(u64) -> Request,
) -> BTreeMap<u64, BTreeSet<String>> {
    let client = shop.client.http(PORT).keep_alive();
    let mut answerers = BTreeMap::<u64, BTreeSet<String>>::new();
    for number in 0..users * each {
        let answer = client.send(&request(number % users)).await.unwrap();
        let version = answer.version().expect("a version answers").to_owned();
        answerers.entry(number % users).or_default().insert(version);
    }
    answerers
}

/// Fails unless each user met one version, and each version `least` users.
fn assert_sticks(answerers: &BTreeMap<u64, BTreeSet<String>>, least: usize) {
    for (user, versions) in answerers {
        assert_eq!(versions.len(), 1, "user {user} met {versions:?}");
    }
    for version in VERSIONS {
        let users = answerers.values().filter(|versions| versions.contains(version)).count();
        assert!(users >= least, "{version} has {users} of {} users", answerers.len());
    }
}

fn by_header(user: u64) -> Request {
    get("/").header("x-user", &format!("user-{user}"))
}

async fn a_hash_of_a_header_sticks_and_spreads(shop: &Shop) {
    shop.policy("{loadBalancer: {consistentHash: {httpHeaderName: x-user}}}").await;
    // A ring of 1,024 places divides within a few percent; half of a fair share is far below that.
    assert_sticks(&answerers(shop, 120, 3, by_header).await, 20);
}

async fn a_hash_by_maglev_sticks_and_spreads(shop: &Shop) {
    shop.policy("{loadBalancer: {consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 65537}}}}")
        .await;
    assert_sticks(&answerers(shop, 120, 3, by_header).await, 20);
}

async fn a_hash_of_a_query_parameter_sticks(shop: &Shop) {
    shop.policy("{loadBalancer: {consistentHash: {httpQueryParameterName: user}}}").await;
    let by_parameter = |user| get(&format!("/?user=u{user}&time={user}"));
    assert_sticks(&answerers(shop, 60, 3, by_parameter).await, 5);
}

async fn a_hash_of_a_cookie_that_envoy_sets_sticks(shop: &Shop) {
    shop.policy("{loadBalancer: {consistentHash: {httpCookie: {name: basket, path: /, ttl: 60s}}}}").await;
    let client = shop.client.http(PORT);
    let mut versions = BTreeSet::new();
    for _ in 0..12 {
        let first = client.send(&get("/")).await.unwrap();
        let cookie =
            first.header("set-cookie").expect("a request without the cookie is given one").to_owned();
        assert!(
            cookie.starts_with("basket=") && cookie.contains("Max-Age=60") && cookie.contains("Path=/"),
            "{cookie}"
        );
        let value = cookie.split(';').next().unwrap().to_owned();
        for _ in 0..4 {
            let again = client.send(&get("/").header("cookie", &value)).await.unwrap();
            assert_eq!((again.version(), again.header("set-cookie")), (first.version(), None));
        }
        versions.insert(first.version().unwrap().to_owned());
    }
    assert!(versions.len() > 1, "twelve baskets are not all with {versions:?}");
}

async fn a_hash_of_the_source_address_sticks(shop: &Shop) {
    shop.policy("{loadBalancer: {consistentHash: {useSourceIp: true}}}").await;
    let mut versions = BTreeSet::new();
    for _ in 0..12 {
        let client = Client::new(shop.client.at(PORT)).from((ports::loopback(), 0).into());
        let first = client.send(&get("/")).await.unwrap().version().unwrap().to_owned();
        for _ in 0..4 {
            assert_eq!(client.send(&get("/")).await.unwrap().version(), Some(first.as_str()));
        }
        versions.insert(first);
    }
    assert!(versions.len() > 1, "twelve addresses are not all served by {versions:?}");
}

async fn most_users_stay_when_another_server_goes(shop: &Shop) {
    shop.policy("{loadBalancer: {consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 65537}}}}")
        .await;
    let before = answerers(shop, 200, 1, by_header).await;
    shop.endpoints(2).await;
    let after = answerers(shop, 200, 1, by_header).await;
    shop.endpoints(3).await;
    assert!(!after.values().any(|versions| versions.contains("v3")), "v3 is gone");
    let others: Vec<_> = before.iter().filter(|(_, versions)| !versions.contains("v3")).collect();
    let moved = others.iter().filter(|(user, versions)| after[user] != **versions).count();
    // Half of them would move if everything was divided anew.
    assert!(moved * 4 < others.len(), "{moved} of {} moved", others.len());
}

async fn a_subset_has_a_balancer_of_its_own(shop: &Shop) {
    let rule = "trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}\nsubsets:\n- name: sticky\n  labels: {app: reviews}\n  trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}\n";
    shop.mesh.publish("subsets.yaml", &crate::shop::rule(rule)).await;
    shop.routes("- match: [{uri: {prefix: /sticky}}]\n  route: [{destination: {host: reviews, subset: sticky}}]\n- route: [{destination: {host: reviews}}]").await;
    let sticky = |user| get("/sticky").header("x-user", &format!("user-{user}"));
    assert_sticks(&answerers(shop, 60, 3, sticky).await, 5);
    let report = shop.client.load(PORT, 90, |_| get("/").header("x-user", "one")).await;
    assert!(by_version(&report).iter().all(|count| (28..=32).contains(count)), "{report}");
    shop.mesh.publish("routes.yaml", "").await;
}

async fn an_endpoint_that_is_not_ready_gets_nothing(shop: &Shop) {
    shop.policy("{loadBalancer: {simple: ROUND_ROBIN}}").await;
    let unready = service(&shop.servers).replacen("{ready: true}", "{ready: false}", 1);
    shop.mesh.apply("reviews.yaml", &unready).await;
    let report = shop.client.load(PORT, 60, |_| get("/")).await;
    let [unready, second, third] = by_version(&report);
    assert!(unready == 0 && second.abs_diff(third) <= 2, "{report}");
    shop.endpoints(3).await;
    let report = shop.client.load(PORT, 60, |_| get("/")).await;
    assert!(report.by_version("v1") >= 18, "{report}");
}
