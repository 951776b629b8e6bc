//! State-of-the-world clients that come back, and from which something is held back.

use super::check_sotw;

/// What is not repeated is removed: the client lost the listener that it had.
#[test]
fn a_client_that_comes_back_keeps_what_it_has_in_place_of_what_it_rejected() {
    check_sotw(
        "publish LDS x=x1 y=y1
         > LDS
         < LDS x1 y1
         > LDS ack
         publish LDS x=x2 y=y1
         < LDS x2 y1
         > LDS nack Error adding/updating listener(s) x: no good
         ! LDS x
         publish LDS x=x2 y=y2
         < LDS x1 y2
         > LDS ack
         reconnect
         > LDS begin
         < LDS x1 y2
         > LDS ack
         publish LDS x=x2 y=y3
         < LDS x1 y3
         > LDS ack
         publish LDS x=x3 y=y3
         < LDS x3 y3
         > LDS ack",
    );
}

#[test]
fn a_client_that_was_started_anew_is_sent_everything() {
    check_sotw(
        "publish LDS x=x1 y=y1
         > LDS
         < LDS x1 y1
         > LDS ack
         publish LDS x=x2 y=y1
         < LDS x2 y1
         > LDS nack Error adding/updating listener(s) x: no good
         ! LDS x
         restart
         > LDS begin
         < LDS x2 y1
         > LDS nack Error adding/updating listener(s) x: no good
         ! LDS x
         < LDS y1
         > LDS ack",
    );
}

/// It may have taken the last response or not.
#[test]
fn a_client_that_goes_while_something_is_under_way_keeps_what_it_has() {
    check_sotw(
        "publish LDS x=x1 y=y1
         > LDS
         < LDS x1 y1
         > LDS ack
         publish LDS x=x2 y=y1
         < LDS x2 y1
         > LDS nack Error adding/updating listener(s) x: no good
         ! LDS x
         publish LDS x=x2 y=y2
         < LDS x1 y2
         reconnect
         > LDS begin
         < LDS x1 y2
         > LDS ack",
    );
}

/// What was removed meanwhile goes when its users have gone.
#[test]
fn clusters_that_were_removed_meanwhile_wait_for_what_used_them() {
    check_sotw(
        "publish CDS a=a1 b=b1 LDS x=x1
         > CDS
         < CDS a1 b1
         > CDS ack
         > LDS
         < LDS x1
         > LDS ack
         publish CDS a=a2 b=b1 LDS x=x1
         < CDS a2 b1
         > CDS nack Error adding/updating cluster(s) a: no good
         ! CDS a
         reconnect
         publish CDS a=a2 LDS x=x2
         > CDS begin
         < CDS a1 b1
         > LDS begin
         < LDS x2
         > CDS ack
         > LDS ack
         < CDS a1
         > CDS ack",
    );
}

#[test]
fn routes_are_sent_again_but_for_what_was_rejected() {
    check_sotw(
        "publish RDS r=r1 s=s1
         > RDS begin r s
         < RDS r1 s1
         > RDS ack
         publish RDS r=r2 s=s1
         < RDS r2
         > RDS nack it is bad
         ! RDS r
         reconnect
         > RDS begin r s
         < RDS s1
         > RDS ack
         publish RDS r=r3 s=s1
         < RDS r3
         > RDS ack",
    );
}
