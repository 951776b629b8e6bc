//! State-of-the-world clients that come back, and from which something is held back.

use super::check_sotw;

/// What is not repeated is removed: the client lost the listener that it had.
#[test]
fn a_client_that_comes_back_keeps_what_it_has_in_place_of_what_it_rejected() {
    check_sotw(
        "publish LDS x=1 y=1
         > LDS
         < LDS x=1 y=1
         > LDS ack
         publish LDS x=2 y=1
         < LDS x=2 y=1
         > LDS nack:Error_adding/updating_listener(s)_x:_no_good
         ! LDS x
         publish LDS x=2 y=2
         < LDS x=1 y=2
         > LDS ack
         cut
         > LDS have:held
         < LDS x=1 y=2
         > LDS ack
         publish LDS x=2 y=3
         < LDS x=1 y=3
         > LDS ack
         publish LDS x=3 y=3
         < LDS x=3 y=3
         > LDS ack",
    );
}

#[test]
fn a_client_that_was_started_anew_is_sent_everything() {
    check_sotw(
        "publish LDS x=1 y=1
         > LDS
         < LDS x=1 y=1
         > LDS ack
         publish LDS x=2 y=1
         < LDS x=2 y=1
         > LDS nack:Error_adding/updating_listener(s)_x:_no_good
         ! LDS x
         cut
         > LDS
         < LDS x=2 y=1
         > LDS nack:Error_adding/updating_listener(s)_x:_no_good
         ! LDS x
         < LDS y=1
         > LDS ack",
    );
}

/// It may have taken the last response or not.
#[test]
fn a_client_that_goes_while_something_is_under_way_keeps_what_it_has() {
    check_sotw(
        "publish LDS x=1 y=1
         > LDS
         < LDS x=1 y=1
         > LDS ack
         publish LDS x=2 y=1
         < LDS x=2 y=1
         > LDS nack:Error_adding/updating_listener(s)_x:_no_good
         ! LDS x
         publish LDS x=2 y=2
         < LDS x=1 y=2
         cut
         > LDS have:held
         < LDS x=1 y=2
         > LDS ack",
    );
}

/// What was removed meanwhile goes when its users have gone.
#[test]
fn clusters_that_were_removed_meanwhile_wait_for_what_used_them() {
    check_sotw(
        "publish CDS a=1 b=1 LDS x=1
         > CDS
         < CDS a=1 b=1
         > CDS ack
         > LDS
         < LDS x=1
         > LDS ack
         publish CDS a=2 b=1 LDS x=1
         < CDS a=2 b=1
         > CDS nack:Error_adding/updating_cluster(s)_a:_no_good
         ! CDS a
         cut
         publish CDS a=2 LDS x=2
         > CDS have:held
         < CDS a=1 b=1
         > LDS have:held
         < LDS x=2
         > CDS ack
         > LDS ack
         < CDS a=1
         > CDS ack",
    );
}

#[test]
fn routes_are_sent_again_but_for_what_was_rejected() {
    check_sotw(
        "publish RDS r=1 s=1
         > RDS +r +s
         < RDS r=1 s=1
         > RDS ack
         publish RDS r=2 s=1
         < RDS r=2
         > RDS nack:it_is_bad
         ! RDS r
         cut
         > RDS +r +s have:held
         < RDS s=1
         > RDS ack
         publish RDS r=3 s=1
         < RDS r=3
         > RDS ack",
    );
}
