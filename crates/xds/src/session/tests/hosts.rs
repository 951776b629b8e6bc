//! Virtual hosts as resources of their own.

use super::{check, check_vhds};

const STARTED: &str = "
    publish RDS 80{x=1,y=1}
    > RDS +80
    < RDS 80=parent
    > VHDS
    < VHDS 80/x=1 80/y=1
    > RDS ack
    > VHDS ack
";

fn started(script: &str) {
    check_vhds(&format!("{STARTED}{script}"));
}

#[test]
fn without_the_setting_tables_are_sent_in_full() {
    check("publish RDS 80{x=1}\n > RDS +80\n < RDS 80=[x=1]\n > RDS ack");
}

#[test]
fn only_the_host_that_changed_is_sent() {
    started(
        "publish RDS 80{x=1,y=2}
         < VHDS 80/y=2
         > VHDS ack
         publish RDS 80{x=1,y=2,z=1}
         < VHDS 80/z=1
         > VHDS ack
         publish RDS 80{x=1,z=1}
         < VHDS -80/y
         > VHDS ack",
    );
}

#[test]
fn hosts_follow_a_new_table() {
    started(
        "publish RDS 80{x=1,y=1} 81{z=1}
         > RDS +81
         < RDS 81=parent
         < VHDS 81/z=1
         > RDS ack
         > VHDS ack",
    );
}

#[test]
fn hosts_follow_a_table_that_is_asked_for_again() {
    started(
        "> RDS -80
         < VHDS -80/x -80/y
         > VHDS ack
         > RDS +80
         < RDS 80=parent
         < VHDS 80/x=1 80/y=1",
    );
}

#[test]
fn a_new_table_without_hosts_is_released() {
    started(
        "publish RDS 80{x=1,y=1} 81{}
         > RDS +81
         < RDS 81=parent
         < VHDS -81/-
         > VHDS ack
         > RDS ack
         publish RDS 80{x=1,y=1} 81{z=1}
         < VHDS 81/z=1
         > VHDS ack",
    );
}

#[test]
fn the_first_table_without_hosts_is_released() {
    check_vhds(
        "publish RDS 80{}
         > RDS +80
         < RDS 80=parent
         > VHDS
         < VHDS -80/-
         > VHDS ack",
    );
}

#[test]
fn hosts_of_a_removed_table_are_removed_when_its_listener_has_drained() {
    started(
        "publish
         < RDS -80
         > RDS ack       # Envoy passes over it, and unsubscribes when nothing uses the table
         > RDS -80
         < VHDS -80/x -80/y
         > VHDS ack",
    );
}

#[test]
fn hosts_follow_a_table_that_comes_back_before_it_was_left() {
    started(
        "publish
         < RDS -80
         > RDS ack
         publish RDS 80{x=2,y=1}
         < RDS 80=parent
         < VHDS 80/x=2 80/y=1
         > RDS ack
         > VHDS ack",
    );
}

#[test]
fn hosts_stay_as_long_as_their_table() {
    check_vhds(
        "publish LDS l=1 RDS 80{x=1} 81{z=1}
         > LDS
         < LDS l=1
         > LDS ack
         > RDS +80 +81
         < RDS 80=parent 81=parent
         > VHDS
         < VHDS 80/x=1 81/z=1
         > RDS ack
         > VHDS ack
         publish LDS l=2 RDS 81{y=1}
         < LDS l=2
         < VHDS 81/y=1 -81/z
         > VHDS ack
         > LDS ack       # the listener has left table 80
         < RDS -80
         > RDS ack
         > RDS -80
         < VHDS -80/x",
    );
}

#[test]
fn reconnect_lists_hosts_and_gets_the_difference() {
    check_vhds(
        "publish RDS 80{x=1,y=2,z=1}
         > RDS +80 have:80=parent
         > VHDS have:80/x=1 have:80/y=1 have:80/gone=1
         < VHDS 80/y=2 80/z=1 -80/gone
         > VHDS ack",
    );
}

#[test]
fn reconnect_may_list_hosts_before_tables() {
    check_vhds(
        "publish RDS 80{x=1,y=2}
         > VHDS have:80/x=1 have:80/y=1
         < VHDS 80/y=2
         > RDS +80 have:80=parent
         > VHDS ack",
    );
}

#[test]
fn a_table_that_came_in_full_before_gets_its_hosts() {
    check_vhds(
        "publish RDS 80{x=1}
         > RDS +80 have:80=[x=1]
         < RDS 80=parent
         > VHDS
         < VHDS 80/x=1",
    );
}

#[test]
fn one_bad_host_is_left_out() {
    started(
        "publish RDS 80{x=2,y=bad}
         < VHDS 80/x=2 80/y=bad
         > VHDS nack:duplicate_domain
         < VHDS 80/x=2
         < VHDS 80/y=bad
         > VHDS ack
         > VHDS nack:duplicate_domain
         ! VHDS 80/y
         publish RDS 80{x=3,y=bad}
         < VHDS 80/x=3
         > VHDS ack",
    );
}

#[test]
fn hosts_of_tables_that_were_not_asked_for_are_not_sent() {
    check_vhds(
        "publish RDS 80{x=1} 81{z=1}
         > RDS +80
         < RDS 80=parent
         > VHDS
         < VHDS 80/x=1
         > VHDS ack
         publish RDS 80{x=1} 81{z=2}",
    );
}

#[test]
fn a_table_that_returns_without_hosts_has_none() {
    check_vhds(
        "publish LDS l=1 RDS 80{x=1}
         > LDS
         < LDS l=1
         > LDS ack
         > RDS +80
         < RDS 80=parent
         > VHDS
         < VHDS 80/x=1
         > RDS ack
         > VHDS ack
         publish LDS l=2
         < LDS l=2
         publish LDS l=2 RDS 80{}
         < VHDS -80/x
         > VHDS ack
         > LDS ack",
    );
}
