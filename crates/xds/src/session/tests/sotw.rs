//! Subscriptions of state-of-the-world streams. Contents repeat the names.

use super::check_sotw as check;

#[test]
fn clusters_and_listeners_are_always_sent_whole() {
    check(
        "publish CDS a=a1 b=b1 LDS x=x1 y=y1
         > CDS
         < CDS a1 b1
         > CDS ack
         > LDS
         < LDS x1 y1
         > LDS ack
         publish CDS a=a2 b=b1 LDS x=x1 y=y1
         < CDS a2 b1
         > CDS ack",
    );
}

#[test]
fn endpoints_and_routes_are_sent_in_part() {
    check(
        "publish EDS a=a1 b=b1 RDS r=r1
         > EDS begin a b
         < EDS a1 b1
         > EDS ack
         publish EDS a=a1 b=b2 RDS r=r1
         < EDS b2
         > EDS ack
         > RDS begin r
         < RDS r1
         > RDS ack",
    );
}

#[test]
fn added_names_get_only_the_added() {
    check(
        "publish EDS a=a1 b=b1
         > EDS begin a
         < EDS a1
         > EDS ack
         > EDS a b
         < EDS b1
         > EDS ack
         > EDS a
         > EDS a b
         < EDS b1",
    );
}

#[test]
fn missing_names_are_answered_with_what_exists() {
    check(
        "publish EDS a=a1
         > EDS begin a x
         < EDS a1
         > EDS ack
         > EDS a x y
         < EDS
         > EDS ack
         publish EDS a=a1 x=x1
         < EDS x1
         > EDS ack",
    );
}

#[test]
fn endpoints_asked_for_before_anything_exists_are_answered_empty() {
    check("> EDS begin a b\n < EDS\n > EDS ack");
}

#[test]
fn missing_secrets_are_not_answered() {
    check(
        "> SDS begin default
         publish SDS default=s1
         < SDS s1
         > SDS ack",
    );
}

#[test]
fn named_clusters_are_sent_in_one_response() {
    check(
        "publish CDS a=a1 b=b1 c=c1
         > CDS begin a b
         < CDS a1 b1
         > CDS ack
         publish CDS a=a1 b=b2 c=c2
         < CDS a1 b2
         > CDS ack
         > CDS a b x
         < CDS a1 b2
         > CDS ack
         publish CDS a=a1 b=b2 c=c2 x=x1
         < CDS a1 b2 x1
         > CDS ack",
    );
}

#[test]
fn dropping_all_names_is_silence() {
    check(
        "publish CDS a=a1 EDS a=a1
         > CDS begin a
         < CDS a1
         > CDS ack
         > CDS ''
         > EDS begin a
         < EDS a1
         > EDS ack
         > EDS none
         publish CDS a=a2 EDS a=a2",
    );
}

#[test]
fn star_replaces_and_is_replaced() {
    check(
        "publish CDS a=a1 b=b1
         > CDS begin a
         < CDS a1
         > CDS ack
         > CDS * a
         < CDS a1 b1
         > CDS ack
         > CDS b
         < CDS b1
         > CDS ack
         publish CDS a=a2 b=b1
         publish CDS a=a2 b=b2
         < CDS b2
         > CDS ack",
    );
}

#[test]
fn an_empty_list_after_names_is_no_wildcard() {
    check(
        "publish LDS a=a1 b=b1
         > LDS
         < LDS a1 b1
         > LDS ack
         > LDS a
         < LDS a1
         > LDS ack
         > LDS none
         publish LDS a=a2 b=b2",
    );
}

#[test]
fn a_request_without_nonce_is_answered_in_full() {
    check(
        "publish EDS a=a1 CDS a=a1
         > EDS begin a
         < EDS a1
         > EDS ack
         > EDS begin a
         < EDS a1
         > EDS ack
         > CDS begin
         < CDS a1
         < EDS a1        # endpoints follow their cluster
         > CDS begin
         < CDS a1",
    );
}

#[test]
fn the_nonce_of_an_earlier_stream_begins_anew() {
    check("publish LDS a=a1\n > LDS nonce 9\n < LDS a1\n > LDS ack");
}

#[test]
fn repeated_acks_are_not_answered() {
    check(
        "publish EDS a=a1
         > EDS begin a
         < EDS a1
         > EDS ack
         > EDS ack
         > EDS ack",
    );
}

#[test]
fn names_of_a_stale_request_count() {
    check(
        "publish EDS a=a1 b=b1
         > EDS begin a
         < EDS a1
         > EDS ack
         publish EDS a=a2 b=b1
         < EDS a2
         > EDS nonce 1 a b
         ? StaleNonce
         > EDS ack
         < EDS b1
         > EDS ack",
    );
}

#[test]
fn an_ack_under_the_wrong_type_counts_for_its_nonce() {
    check(
        "publish CDS a=a1 LDS x=x1
         > CDS
         < CDS a1
         > CDS ack
         > LDS
         < LDS x1
         > CDS nonce 2
         publish CDS a=a1 LDS x=x2
         < LDS x2",
    );
}

#[test]
fn what_was_held_as_part_of_all_goes_though_the_name_is_subscribed_and_its_content_rejected() {
    check(
        "publish LDS a=a1 b=b1
         > LDS
         < LDS a1 b1
         > LDS ack
         publish LDS a=a2 b=b1
         < LDS a2 b1
         > LDS nonce 1 a
         ? StaleNonce
         publish LDS a=a1 b=b1
         > LDS ack
         < LDS a1
         > LDS nack no
         ! LDS a
         publish LDS b=b1
         < LDS",
    );
}

#[test]
fn what_was_dropped_and_named_again_is_sent_again_though_a_later_content_is_rejected() {
    check(
        "publish RDS a=a1
         > RDS begin a
         < RDS a1
         > RDS ack
         publish RDS a=a2
         < RDS a2
         > RDS nonce 1 b
         ? StaleNonce
         > RDS nonce 1 a
         ? StaleNonce
         > RDS nack no
         ! RDS a
         < RDS           # the name waits for an answer
         > RDS ack
         publish RDS a=a1
         < RDS a1
         > RDS ack",
    );
}
