//! Make before break, and no deadlock.

use super::{check, check_sotw};

/// A client with clusters, endpoints, listeners and routes in sync.
const STARTED: &str = "
    publish CDS a=1 EDS a=1 LDS l=1 RDS r=1
    > CDS
    < CDS a=1
    > EDS +a
    < EDS a=1
    > CDS ack
    > EDS ack
    > LDS
    < LDS l=1
    > RDS +r
    < RDS r=1
    > LDS ack
    > RDS ack
";

const STARTED_SOTW: &str = "
    publish CDS a=1 EDS a=1 LDS l=1 RDS r=1
    > CDS
    < CDS a=1
    > EDS +a
    < EDS a=1
    > CDS ack
    > EDS ack
    > LDS
    < LDS l=1
    > RDS +r
    < RDS r=1
    > LDS ack
    > RDS ack
";

fn started(script: &str) {
    check(&format!("{STARTED}{script}"));
}

fn started_sotw(script: &str) {
    check_sotw(&format!("{STARTED_SOTW}{script}"));
}

#[test]
fn endpoints_follow_their_clusters_even_unchanged() {
    started(
        "publish CDS a=2 EDS a=1 LDS l=1 RDS r=1
         < CDS a=2
         < EDS a=1
         > EDS ack
         > CDS ack",
    );
    started_sotw(
        "publish CDS a=2 EDS a=1 LDS l=1 RDS r=1
         < CDS a=2
         < EDS a=1
         > EDS ack
         > CDS ack",
    );
}

#[test]
fn a_change_of_endpoints_sends_no_clusters() {
    started("publish CDS a=1 EDS a=2 LDS l=1 RDS r=1\n < EDS a=2\n > EDS ack");
    started_sotw("publish CDS a=1 EDS a=2 LDS l=1 RDS r=1\n < EDS a=2\n > EDS ack");
}

#[test]
fn clusters_then_endpoints_then_listeners_and_routes() {
    started(
        "publish CDS a=2 EDS a=2 LDS l=2 RDS r=2
         < CDS a=2
         < EDS a=2
         > EDS ack       # the cluster has its endpoints; its own ACK may take its time
         < LDS l=2
         < RDS r=2
         > LDS ack
         > RDS ack
         > CDS ack",
    );
}

#[test]
fn routes_wait_for_the_endpoints_of_new_clusters() {
    started(
        "publish CDS a=1 b=1 EDS a=1 b=1 LDS l=1 RDS r=2
         < CDS b=1
         < EDS           # nothing to send: its ACK tells that the cluster was processed
         > EDS +b
         > EDS ack
         < EDS b=1
         > EDS ack
         < RDS r=2
         > CDS ack
         > RDS ack",
    );
    started_sotw(
        "publish CDS a=1 b=1 EDS a=1 b=1 LDS l=1 RDS r=2
         < CDS a=1 b=1
         < EDS a=1        # something that the client has, for the same purpose
         > EDS +b nonce:2
         ? StaleNonce
         > EDS ack
         < EDS b=1
         > EDS ack
         < RDS r=2
         > CDS ack
         > RDS ack",
    );
}

#[test]
fn no_probe_is_sent_when_nothing_waits() {
    started("publish CDS a=1 b=1 EDS a=1 LDS l=1 RDS r=1\n < CDS b=1\n > CDS ack");
}

#[test]
fn clusters_that_warm_do_not_hold_up_the_next_ones() {
    started(
        "publish CDS a=2 EDS a=1 LDS l=1 RDS r=1
         < CDS a=2
         < EDS a=1
         publish CDS a=3 EDS a=1 LDS l=1 RDS r=1
         > EDS ack
         < CDS a=3
         < EDS a=1
         > EDS ack
         > CDS ack
         > CDS ack",
    );
}

#[test]
fn a_cluster_is_removed_after_the_route_has_left_it() {
    started(
        "publish CDS b=1 EDS b=1 LDS l=1 RDS r=2
         < CDS b=1
         < EDS
         > EDS +b
         > EDS ack
         < EDS b=1
         > EDS ack
         < RDS r=2
         > CDS ack
         > RDS ack
         < CDS -a
         > EDS -a
         > CDS ack",
    );
}

#[test]
fn an_omission_removes_so_removed_clusters_are_repeated_until_the_route_has_left_them() {
    check_sotw(
        "publish CDS a=1 c=1 EDS a=1 c=1 RDS r=1
         > CDS
         < CDS a=1 c=1
         > EDS +a +c
         < EDS a=1 c=1
         > CDS ack
         > EDS ack
         > RDS +r
         < RDS r=1
         > RDS ack
         publish CDS b=1 c=1 EDS b=1 c=1 RDS r=2
         < CDS a=1 b=1 c=1
         < EDS c=1
         > EDS +b nonce:2
         ? StaleNonce
         > EDS ack
         < EDS b=1
         > EDS ack
         < RDS r=2
         > RDS ack
         < CDS b=1 c=1
         > CDS ack nonce:last",
    );
}

#[test]
fn a_rejected_route_keeps_its_cluster() {
    started(
        "publish CDS b=1 EDS b=1 LDS l=1 RDS r=bad
         < CDS b=1
         < EDS
         > EDS ack
         < RDS r=bad
         > CDS ack
         > RDS nack:no_such_thing
         ! RDS r
         publish CDS b=1 EDS b=1 LDS l=1 RDS r=good
         < RDS r=good
         > RDS ack
         < CDS -a
         > CDS ack
         < EDS -a
         > EDS ack",
    );
}

#[test]
fn endpoints_go_after_their_cluster() {
    started(
        "publish LDS l=1 RDS r=2
         < RDS r=2
         > RDS ack
         < CDS -a
         > CDS ack
         < EDS -a
         > EDS ack",
    );
}

#[test]
fn routes_go_after_their_listener() {
    started(
        "publish CDS a=1 EDS a=1
         < LDS -l
         > LDS ack
         < RDS -r
         > RDS ack",
    );
}

#[test]
fn a_listener_is_removed_when_the_one_in_its_place_serves() {
    started(
        "publish CDS a=1 EDS a=1 LDS m=1 RDS q=1
         < LDS m=1
         > RDS +q
         < RDS q=1
         > LDS ack
         > RDS ack
         < LDS -l
         > LDS ack
         < RDS -r
         > RDS ack",
    );
    started_sotw(
        "publish CDS a=1 EDS a=1 LDS m=1 RDS q=1
         < LDS l=1 m=1
         > RDS +q nonce:none
         < RDS q=1
         > LDS ack
         > RDS ack
         < LDS m=1
         > LDS ack",
    );
}

#[test]
fn a_listener_is_removed_though_a_route_is_rejected() {
    started(
        "publish CDS a=1 EDS a=1 LDS m=1 RDS r=bad
         < LDS m=1
         < RDS r=bad
         > LDS ack
         > RDS nack:no
         ! RDS r
         < LDS -l
         > LDS ack",
    );
}

#[test]
fn secrets_do_not_wait() {
    started(
        "> SDS +s
         publish CDS a=2 EDS a=1 LDS l=2 RDS r=1 SDS s=1
         < CDS a=2
         < EDS a=1
         < SDS s=1
         > SDS ack
         < LDS l=2
         > EDS ack",
    );
}

#[test]
fn removals_after_a_reconnect_wait_for_the_rest_of_the_requests() {
    check(
        "publish CDS a=1 EDS a=1 LDS l=1 RDS r=2
         > CDS have:a=1 have:old=1
         < CDS           # an ACK will tell that all first requests have come
         > EDS +a have:a=1
         > LDS have:l=1
         > RDS +r have:r=1
         < RDS r=2
         > CDS ack
         > RDS ack
         < CDS -old
         > CDS ack",
    );
}

#[test]
fn a_client_without_endpoints_is_not_held_up() {
    check(
        "publish CDS a=1 LDS l=1
         > CDS
         < CDS a=1
         > LDS
         < LDS l=1",
    );
}
