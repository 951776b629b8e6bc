//! Subscriptions of state-of-the-world streams.

use super::check_sotw as check;

#[test]
fn clusters_and_listeners_are_always_sent_whole() {
    check(
        "publish CDS a=1 b=1 LDS x=1 y=1
         > CDS
         < CDS a=1 b=1
         > CDS ack
         > LDS
         < LDS x=1 y=1
         > LDS ack
         publish CDS a=2 b=1 LDS x=1 y=1
         < CDS a=2 b=1
         > CDS ack",
    );
}

#[test]
fn endpoints_and_routes_are_sent_in_part() {
    check(
        "publish EDS a=1 b=1 RDS r=1
         > EDS +a +b
         < EDS a=1 b=1
         > EDS ack
         publish EDS a=1 b=2 RDS r=1
         < EDS b=2
         > EDS ack
         > RDS +r
         < RDS r=1
         > RDS ack",
    );
}

#[test]
fn added_names_get_only_the_added() {
    check(
        "publish EDS a=1 b=1
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS +b
         < EDS b=1
         > EDS ack
         > EDS -b
         > EDS +b
         < EDS b=1",
    );
}

#[test]
fn missing_names_are_answered_with_what_exists() {
    check(
        "publish EDS a=1
         > EDS +a +x
         < EDS a=1
         > EDS ack
         > EDS +y
         < EDS
         > EDS ack
         publish EDS a=1 x=1
         < EDS x=1
         > EDS ack",
    );
}

#[test]
fn endpoints_asked_for_before_anything_exists_are_answered_empty() {
    check("> EDS +a +b\n < EDS\n > EDS ack");
}

#[test]
fn missing_secrets_are_not_answered() {
    check(
        "> SDS +default
         publish SDS default=s1
         < SDS default=s1
         > SDS ack",
    );
}

#[test]
fn named_clusters_are_sent_in_one_response() {
    check(
        "publish CDS a=1 b=1 c=1
         > CDS +a +b
         < CDS a=1 b=1
         > CDS ack
         publish CDS a=1 b=2 c=2
         < CDS a=1 b=2
         > CDS ack
         > CDS +x
         < CDS a=1 b=2
         > CDS ack
         publish CDS a=1 b=2 c=2 x=1
         < CDS a=1 b=2 x=1
         > CDS ack",
    );
}

#[test]
fn dropping_all_names_is_silence() {
    check(
        "publish CDS a=1 EDS a=1
         > CDS +a
         < CDS a=1
         > CDS ack
         > CDS -a +
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS -a
         publish CDS a=2 EDS a=2",
    );
}

#[test]
fn star_replaces_and_is_replaced() {
    check(
        "publish CDS a=1 b=1
         > CDS +a
         < CDS a=1
         > CDS ack
         > CDS +*
         < CDS a=1 b=1
         > CDS ack
         > CDS -* -a +b
         < CDS b=1
         > CDS ack
         publish CDS a=2 b=1
         publish CDS a=2 b=2
         < CDS b=2
         > CDS ack",
    );
}

#[test]
fn an_empty_list_after_names_is_no_wildcard() {
    check(
        "publish LDS a=1 b=1
         > LDS
         < LDS a=1 b=1
         > LDS ack
         > LDS +a
         < LDS a=1
         > LDS ack
         > LDS -a
         publish LDS a=2 b=2",
    );
}

#[test]
fn a_request_without_nonce_is_answered_in_full() {
    check(
        "publish EDS a=1 CDS a=1
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS nonce:none
         < EDS a=1
         > EDS ack
         > CDS
         < CDS a=1
         < EDS a=1        # endpoints follow their cluster
         > CDS nonce:none
         < CDS a=1",
    );
}

#[test]
fn the_nonce_of_an_earlier_stream_begins_anew() {
    check("publish LDS a=1\n > LDS nonce:9\n < LDS a=1\n > LDS ack");
}

#[test]
fn repeated_acks_are_not_answered() {
    check(
        "publish EDS a=1
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS ack
         > EDS ack",
    );
}

#[test]
fn names_of_a_stale_request_count() {
    check(
        "publish EDS a=1 b=1
         > EDS +a
         < EDS a=1
         > EDS ack
         publish EDS a=2 b=1
         < EDS a=2
         > EDS +b nonce:1
         ? StaleNonce
         > EDS ack
         < EDS b=1
         > EDS ack",
    );
}

#[test]
fn an_ack_under_the_wrong_type_counts_for_its_nonce() {
    check(
        "publish CDS a=1 LDS x=1
         > CDS
         < CDS a=1
         > CDS ack
         > LDS
         < LDS x=1
         > CDS nonce:2
         publish CDS a=1 LDS x=2
         < LDS x=2",
    );
}

#[test]
fn what_was_held_as_part_of_all_goes_though_the_name_is_subscribed_and_its_content_rejected() {
    check(
        "publish LDS a=1 b=1
         > LDS
         < LDS a=1 b=1
         > LDS ack
         publish LDS a=2 b=1
         < LDS a=2 b=1
         > LDS +a nonce:1
         ? StaleNonce
         publish LDS a=1 b=1
         > LDS ack
         < LDS a=1
         > LDS nack:no
         ! LDS a
         publish LDS b=1
         < LDS",
    );
}

#[test]
fn what_was_dropped_and_named_again_is_sent_again_though_a_later_content_is_rejected() {
    check(
        "publish RDS a=1
         > RDS +a
         < RDS a=1
         > RDS ack
         publish RDS a=2
         < RDS a=2
         > RDS -a +b nonce:1
         ? StaleNonce
         > RDS -b +a nonce:1
         ? StaleNonce
         > RDS nack:no
         ! RDS a
         < RDS           # the name waits for an answer
         > RDS ack
         publish RDS a=1
         < RDS a=1
         > RDS ack",
    );
}
