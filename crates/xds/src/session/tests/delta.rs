//! Subscriptions of delta streams. What a row of `tests/conformance` plays in the same words is not repeated.

use super::check;

#[test]
fn empty_first_request_of_clusters_means_all() {
    check(
        "publish CDS a=1 b=2
         > CDS
         < CDS a=1 b=2
         > CDS ack",
    );
}

#[test]
fn star_means_all_and_a_name_beside_it_is_answered_once() {
    check(
        "publish CDS a=1 b=2
         > CDS +* +a
         < CDS a=1 b=2
         > CDS ack
         > CDS +x
         < CDS -x
         > CDS ack",
    );
}

#[test]
fn only_what_changed_is_sent() {
    check(
        "publish LDS a=1 b=1
         > LDS
         < LDS a=1 b=1
         > LDS ack
         publish LDS a=1 b=2 c=1
         < LDS b=2 c=1
         > LDS ack
         publish LDS a=1 c=1
         < LDS -b
         > LDS ack
         publish LDS a=1 c=1",
    );
}

#[test]
fn named_subscriptions_get_their_names_only() {
    check(
        "publish EDS a=1 b=1 c=1
         > EDS +a +b
         < EDS a=1 b=1
         > EDS ack
         publish EDS a=1 b=2 c=2
         < EDS b=2
         > EDS ack
         > EDS -b
         publish EDS a=1 b=3 c=3
         > EDS +c
         < EDS c=3
         > EDS ack",
    );
}

#[test]
fn missing_names_are_answered_once_and_sent_when_they_appear() {
    check(
        "publish RDS a=1
         > RDS +a +x
         < RDS a=1 -x
         > RDS ack
         publish RDS a=1 x=1
         < RDS x=1
         > RDS ack",
    );
}

#[test]
fn missing_secrets_are_not_answered() {
    check(
        "> SDS +default
         publish SDS default=1
         < SDS default=1
         > SDS ack",
    );
}

#[test]
fn subscribing_again_sends_again() {
    check(
        "publish EDS a=1
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS -a
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS +a
         < EDS a=1
         > EDS ack",
    );
}

#[test]
fn unsubscribing_the_wildcard_leaves_the_names() {
    check(
        "publish CDS a=1 b=1
         > CDS +* +a
         < CDS a=1 b=1
         > CDS ack
         > CDS -*
         publish CDS a=2 b=2
         < CDS a=2
         > CDS ack
         > CDS +*
         < CDS b=2
         > CDS ack",
    );
}

#[test]
fn reconnect_sends_only_differences_and_removals() {
    check(
        "publish CDS a=1 b=2 c=1 LDS l=1
         > CDS have:a=1 have:b=1 have:gone=1
         < CDS b=2 c=1
         > LDS have:l=1
         > CDS ack
         < CDS -gone
         > CDS ack",
    );
}

#[test]
fn reconnect_with_nothing_new_is_silent() {
    check(
        "publish CDS a=1 EDS a=1 LDS l=1 RDS r=1
         > CDS have:a=1
         > EDS +a have:a=1
         > LDS have:l=1
         > RDS +r have:r=1",
    );
}

#[test]
fn one_response_is_open_per_type_and_the_next_goes_to_the_latest() {
    check(
        "publish LDS a=1
         > LDS
         < LDS a=1
         publish LDS a=2
         publish LDS a=3 b=1
         > LDS ack
         < LDS a=3 b=1
         > LDS ack",
    );
}

#[test]
fn stale_and_foreign_nonces_are_ignored_but_their_names_count() {
    check(
        "publish EDS a=1 b=1
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS nonce:77
         ? StaleNonce
         > EDS nonce:nonsense
         ? StaleNonce",
    );
}

#[test]
fn unknown_types_are_counted_and_the_stream_goes_on() {
    check(
        "publish CDS a=1
         > type.googleapis.com/some.Thing
         ? UnknownType
         > CDS
         < CDS a=1",
    );
}

#[test]
fn too_many_names_end_the_stream() {
    check(
        "> SDS +a +b +c +d +e
         > SDS +f
         x more than 5 names are subscribed for SDS",
    );
}

#[test]
fn empty_names_are_no_names() {
    check("publish EDS a=1\n > EDS + +a\n < EDS a=1\n > EDS ack");
}

#[test]
fn large_responses_are_split() {
    let long = "v".repeat(400);
    check(&format!(
        "publish LDS a={long} b={long} c=1
         > LDS
         < LDS a={long}
         < LDS b={long} c=1
         > LDS ack
         > LDS ack
         publish LDS a=2 b={long} c=1
         < LDS a=2"
    ));
}

#[test]
fn clusters_sent_before_their_endpoints_are_asked_for_get_them_even_unchanged() {
    check(
        "publish CDS a=2 EDS a=1
         > CDS have:a=1
         < CDS a=2
         > EDS +a have:a=1
         < EDS a=1
         > EDS ack
         > CDS ack",
    );
}

#[test]
fn routes_wait_for_clusters_that_are_asked_for_late() {
    check(
        "publish CDS a=1 b=1 EDS a=1 b=1 RDS r=2
         > EDS +a have:a=1     # no clusters are asked for: some of them warm
         < EDS a=1
         > RDS +r have:r=1
         > EDS ack
         < EDS
         > CDS have:a=1
         < CDS b=1
         > EDS ack
         < EDS
         > EDS +b
         > EDS ack
         < EDS b=1
         > EDS ack
         < RDS r=2",
    );
}

#[test]
fn routes_do_not_wait_for_clusters_that_are_never_asked_for() {
    check(
        "publish EDS a=1 RDS r=2
         > EDS +a have:a=1
         < EDS a=1
         > RDS +r have:r=1
         > EDS ack
         < EDS
         > EDS ack
         < RDS r=2",
    );
}
