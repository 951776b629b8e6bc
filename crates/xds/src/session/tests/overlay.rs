use super::{check, check_sotw};

#[test]
fn what_belongs_to_the_connection_is_served_as_if_it_were_published() {
    check(
        "publish CDS c=1 SDS shared=1
         own SDS own=k1
         > SDS +own +shared
         < SDS own=k1
         < SDS shared=1
         > SDS ack
         > SDS ack
         own SDS own=k2
         < SDS own=k2
         > SDS ack
         publish CDS c=1 SDS shared=2
         < SDS shared=2
         > SDS ack
         own
         < SDS -own
         > SDS ack
         own SDS own=k3
         < SDS own=k3",
    );
    check_sotw(
        "publish SDS shared=1
         own SDS own=1
         > SDS +own +shared
         < SDS own=1
         < SDS shared=1
         > SDS ack
         > SDS ack
         own SDS own=2
         < SDS own=2
         > SDS ack
         own",
    );
}

#[test]
fn a_name_of_both_means_that_of_the_connection_as_long_as_it_has_one() {
    check(
        "publish SDS a=view1
         > SDS +a
         < SDS a=view1
         > SDS ack
         own SDS a=own1
         < SDS a=own1
         > SDS ack
         publish SDS a=view2
         own SDS a=own2
         < SDS a=own2
         > SDS ack
         own
         < SDS a=view2
         > SDS ack
         publish SDS a=view3
         < SDS a=view3",
    );
}

#[test]
fn who_asks_for_all_of_a_type_has_those_of_its_connection_too() {
    check(
        "publish CDS a=1 b=1
         own CDS b=own c=own
         > CDS
         < CDS a=1 b=own c=own
         > CDS ack
         own CDS b=own
         < CDS -c
         > CDS ack
         own
         < CDS b=1",
    );
    check_sotw(
        "publish CDS a=1
         own CDS b=1
         > CDS
         < CDS a=1 b=1
         > CDS ack
         publish CDS a=2
         < CDS a=2 b=1
         > CDS ack
         own CDS b=2
         < CDS a=2 b=2
         > CDS ack
         own
         < CDS a=2",
    );
}

#[test]
fn rejected_content_is_not_sent_again_until_it_changes() {
    check(
        "own SDS a=bad b=1
         > SDS +a +b
         < SDS a=bad
         < SDS b=1
         > SDS nack:Failed_to_load_certificate_chain_from_<inline>
         ! SDS a
         > SDS ack
         own SDS a=bad b=2
         < SDS b=2
         > SDS ack
         own SDS a=good b=2
         < SDS a=good
         > SDS ack",
    );
}

#[test]
fn a_whole_response_does_not_repeat_what_was_replaced_by_something_rejected() {
    // What the client had before is no longer known: the bytes went with the overlay that had them.
    check_sotw(
        "publish CDS a=1
         own CDS b=1
         > CDS
         < CDS a=1 b=1
         > CDS ack
         own CDS b=bad
         < CDS a=1 b=bad
         > CDS nack:Error_adding/updating_cluster(s)_b:_it_is_bad
         ! CDS b
         publish CDS a=2
         < CDS a=2",
    );
}

#[test]
fn a_client_that_comes_back_is_sent_what_differs() {
    check(
        "publish SDS a=1
         own SDS own=k1
         > SDS +a +own
         < SDS a=1
         < SDS own=k1
         > SDS ack
         > SDS ack
         cut
         > SDS +a +own have:a=1 have:own=k1
         cut
         own SDS own=k2
         > SDS +a +own have:a=1 have:own=k1
         < SDS own=k2",
    );
    check_sotw(
        "own SDS own=1
         > SDS +own
         < SDS own=1
         > SDS ack
         cut
         > SDS +own have:held
         < SDS own=1",
    );
}

#[test]
fn a_listener_waits_for_a_secret_of_the_connection_as_for_one_that_is_published() {
    check(
        "publish LDS l=1
         own SDS s=k1
         > LDS
         < LDS l=1
         > SDS +s
         < SDS s=k1
         > SDS ack
         > LDS ack",
    );
}
