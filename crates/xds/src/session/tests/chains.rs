//! Filter chains as resources of their own.

use super::{check, check_fcds};

const STARTED: &str = "
    publish LDS l{x=1,y=1}
    > LDS
    < LDS l=names:x,y
    > FCDS +l/x +l/y
    > LDS ack
    < FCDS l/x=1 l/y=1
    > FCDS ack
";

fn started(script: &str) {
    check_fcds(&format!("{STARTED}{script}"));
}

#[test]
fn without_the_setting_listeners_are_sent_in_full() {
    check("publish LDS l{x=1}\n > LDS\n < LDS l=[x=1]\n > LDS ack");
}

#[test]
fn only_the_chain_that_changed_is_sent() {
    started(
        "publish LDS l{x=1,y=2}
         < FCDS l/y=2
         > FCDS ack",
    );
}

#[test]
fn a_new_chain_follows_the_listener_that_names_it() {
    started(
        "publish LDS l{x=1,y=1,z=1}
         < LDS l=names:x,y,z
         > FCDS +l/z
         > LDS ack
         < FCDS l/z=1
         > FCDS ack",
    );
}

#[test]
fn a_chain_is_removed_when_its_listener_no_longer_names_it() {
    started(
        "publish LDS l{x=1}
         < LDS l=names:x
         > LDS ack
         < FCDS -l/y
         > FCDS ack
         > FCDS -l/y     # Envoy does so when the listener of before has drained",
    );
}

#[test]
fn a_chain_goes_when_the_one_in_its_place_serves() {
    started(
        "publish LDS l{x=1,z=1} RDS 80=1 SDS s=1
         < LDS l=names:x,z
         > FCDS +l/z
         > SDS +s
         < SDS s=1
         > LDS ack
         > SDS ack
         < FCDS l/z=1
         > RDS +80
         < RDS 80=1
         > FCDS ack
         > RDS ack
         < FCDS -l/y
         > FCDS ack",
    );
}

#[test]
fn a_changed_chain_waits_for_the_secrets_that_its_listener_asks_for() {
    started(
        "publish LDS l{x=1,y=2,z=1} SDS s=1
         < LDS l=names:x,y,z
         > SDS +s
         < SDS s=1
         > FCDS +l/z
         > LDS ack
         > SDS ack
         < FCDS l/y=2 l/z=1
         > FCDS ack",
    );
}

/// Envoy has not unsubscribed, and so does not subscribe, nor does the listener wait for the chain.
#[test]
fn a_chain_that_comes_back_before_it_was_left_goes_before_its_listener() {
    started(
        "publish LDS l{x=1} SDS s=1
         < LDS l=names:x
         > LDS ack
         < FCDS -l/y
         > FCDS ack
         publish LDS l{x=2,y=1,z=1} SDS s=1 RDS 80=1
         < FCDS l/y=1
         > RDS +80
         < RDS 80=1
         > FCDS ack
         > RDS ack       # now it serves
         < LDS l=names:x,y,z
         > SDS +s
         < SDS s=1
         > FCDS +l/z
         > LDS ack
         > SDS ack
         < FCDS l/x=2 l/z=1
         > FCDS ack",
    );
}

#[test]
fn a_bad_chain_that_comes_back_holds_up_no_listener() {
    started(
        "publish LDS l{x=1}
         < LDS l=names:x
         > LDS ack
         < FCDS -l/y
         > FCDS ack
         publish LDS l{x=1,y=bad}
         < FCDS l/y=bad
         > FCDS nack:it_is_bad
         ! FCDS l/y
         < LDS l=names:x,y
         > LDS ack",
    );
}

#[test]
fn a_chain_that_was_not_yet_removed_stays_when_it_comes_back() {
    started(
        "publish LDS l{x=1}
         < LDS l=names:x
         publish LDS l{x=1,y=1}
         > LDS ack
         < LDS l=names:x,y
         > LDS ack",
    );
}

#[test]
fn chains_of_a_removed_listener_are_left_to_drain_with_it() {
    started(
        "publish
         < LDS -l
         > LDS ack
         publish LDS l{x=1,y=2}
         < LDS l=names:x,y
         > LDS ack       # the chains are still there
         < FCDS l/y=2
         > FCDS ack
         publish
         < LDS -l
         > LDS ack
         > FCDS -l/x -l/y
         publish LDS l{x=1}
         < LDS l=names:x
         > FCDS +l/x
         > LDS ack
         < FCDS l/x=1",
    );
}

#[test]
fn a_chain_that_does_not_exist_is_answered() {
    check_fcds(
        "publish LDS l{x=1}
         > LDS
         < LDS l=names:x
         > FCDS +l/x +l/old
         > LDS ack
         < FCDS l/x=1 -l/old
         > FCDS ack",
    );
}

#[test]
fn reconnect_lists_chains_and_gets_the_difference() {
    check_fcds(
        "publish LDS l{x=1,y=2}
         > LDS have:l=names:x,y
         > FCDS +l/x +l/y have:l/x=1 have:l/y=1
         < FCDS l/y=2
         > FCDS ack",
    );
}

#[test]
fn reconnect_with_a_listener_of_before_keeps_its_chains_until_it_has_left_them() {
    check_fcds(
        "publish LDS l{x=1}
         > LDS have:l=names:x,y
         < LDS l=names:x
         > FCDS +l/x +l/y have:l/x=1 have:l/y=1
         > LDS ack
         < FCDS -l/y
         > FCDS ack",
    );
}

#[test]
fn reconnect_removes_chains_that_the_listener_had_left_before() {
    check_fcds(
        "publish LDS l{x=1}
         > LDS have:l=names:x
         > FCDS +l/x +l/y have:l/x=1 have:l/y=1
         < FCDS              # makes the client say that it has listed all that it has
         > FCDS ack
         < FCDS -l/y
         > FCDS ack",
    );
}

#[test]
fn one_bad_chain_is_left_out_and_the_others_go_on() {
    started(
        "publish LDS l{x=2,y=bad}
         < FCDS l/x=2 l/y=bad
         > FCDS nack:it_is_bad
         < FCDS l/x=2
         < FCDS l/y=bad
         > FCDS ack
         > FCDS nack:it_is_bad
         ! FCDS l/y
         publish LDS l{x=3,y=bad}
         < FCDS l/x=3
         > FCDS ack
         publish LDS l{x=3,y=2}
         < FCDS l/y=2
         > FCDS ack",
    );
}

#[test]
fn chains_of_a_rejected_listener_stay_as_they_are() {
    started(
        "publish LDS l{x=2,bad=1} m{z=1}
         < LDS l=names:x,bad m=names:z
         > FCDS +m/z
         > LDS nack:Error_adding/updating_listener(s)_l:_it_is_bad
         ! LDS l
         < LDS m=names:z
         > LDS ack
         < FCDS m/z=1
         > FCDS ack
         publish LDS l{x=2,y=1} m{z=1}      # it is again what the client has kept
         < FCDS l/x=2
         > FCDS ack",
    );
}

#[test]
fn a_rejected_listener_holds_up_no_removal_for_another() {
    check_fcds(
        "publish LDS k=1 l{x=1,y=1}
         > LDS
         < LDS k=1 l=names:x,y
         > FCDS +l/x +l/y
         > LDS ack
         < FCDS l/x=1 l/y=1
         > FCDS ack
         publish LDS k=2 l{x=1}
         < LDS k=2 l=names:x
         > LDS nack:Error_adding/updating_listener(s)_k:_it_is_bad
         ! LDS k
         < LDS l=names:x
         > LDS ack
         < FCDS -l/y
         > FCDS ack",
    );
}

/// Chains are sent even to a client whose listeners change with each answer, and secrets are waited for.
#[test]
fn chains_and_listeners_take_turns() {
    started(
        "publish LDS l{x=1,y=1,z=1} SDS s=1
         < LDS l=names:x,y,z
         > FCDS +l/z
         > SDS +s
         < SDS s=1
         publish LDS l{x=1,y=1,z=1,w=1} SDS s=1
         > LDS ack
         > SDS ack
         < FCDS l/z=1
         > FCDS ack
         < LDS l=names:x,y,z,w",
    );
}

/// Envoy would crash on connections of a chain that it lets go without removal.
#[test]
fn a_removal_waits_for_other_types_only_so_long() {
    let began = "publish LDS l{x=1} RDS 80=1
         < LDS l=names:x
         > RDS +80
         < RDS 80=1
         > LDS ack\n";
    // Routes change with each answer, so that they are never still.
    let round = |n: u32| format!("publish LDS l{{x=1}} RDS 80={n}\n > RDS ack\n < RDS 80={n}\n");
    let script: String = std::iter::once(began.to_owned()).chain((2..64).map(round)).collect();
    started(&format!("{script} publish LDS l{{x=1}} RDS 80=64\n > RDS ack\n < RDS 80=64\n < FCDS -l/y"));
}
