use super::*;

#[test]
fn an_error_with_the_version_of_the_answered_response_is_of_an_earlier_one() {
    assert!(error_is_of_an_earlier_response("b", "b"));
    assert!(!error_is_of_an_earlier_response("b", "a"));
    assert!(!error_is_of_an_earlier_response("", ""));
}

#[test]
fn endpoints_that_are_not_subscribed_do_not_follow() {
    let mut endpoints = TypeState { requested: true, ..TypeState::default() };
    endpoints.names.insert(&"a".into());
    endpoints_follow_clusters(&mut endpoints, [&"a".into(), &"b".into()].into_iter());
    assert_eq!(endpoints.deviations.keys().map(|n| &**n).collect::<Vec<_>>(), ["a"]);
}
