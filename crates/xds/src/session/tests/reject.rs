//! NACKs: quarantine, search, and what is not repeated.

use fairlead_resource::TypeUrl;

use super::{check, check_known_bad, check_sotw, player::Player};
use crate::{ElementTypes, Protocol, SyncState};

/// Publishes, plays the lines, and compares the state of one type after each.
fn check_states(protocol: Protocol, type_url: TypeUrl, published: &str, lines: &[(&str, SyncState)]) {
    let mut player = Player::new(protocol, ElementTypes::default());
    player.say(published);
    for (line, expected) in lines {
        player.say(line);
        let status = player.session.status().into_iter().find(|status| status.type_url == type_url);
        assert_eq!(status.expect("it was asked for").state(), *expected, "{line}");
    }
}

#[test]
fn a_new_resource_that_is_rejected_is_an_error_until_it_is_corrected() {
    use SyncState::{Error, Stale, Synced};
    check_states(
        Protocol::Delta,
        TypeUrl::CLUSTER,
        "publish CDS a=1",
        &[
            ("> CDS", Stale),
            ("> CDS ack", Synced),
            ("publish CDS a=1 b=bad", Stale),
            ("> CDS nack:Error_adding/updating_cluster(s)_b:_no_good", Error),
            ("> CDS ack", Error),
            ("publish CDS a=2 b=bad", Error),
            ("> CDS ack", Error),
            ("publish CDS a=2 b=good", Stale),
            ("> CDS ack", Synced),
        ],
    );
}

#[test]
fn what_is_rejected_and_not_asked_for_any_more_is_no_error() {
    use SyncState::{Error, Stale, Synced};
    check_states(
        Protocol::Delta,
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT,
        "publish EDS b=bad",
        &[("> EDS +b", Stale), ("> EDS nack:no_good", Error), ("> EDS -b", Synced)],
    );
}

#[test]
fn a_type_is_an_error_while_the_resource_at_fault_is_looked_for() {
    use SyncState::{Error, Stale};
    check_states(
        Protocol::StateOfTheWorld,
        TypeUrl::ROUTE_CONFIGURATION,
        "publish RDS a=1 b=1 c=bad d=1",
        &[
            ("> RDS +a +b +c +d", Stale),
            ("> RDS nack:what", Error),
            ("> RDS ack", Error),
            ("> RDS ack", Error),
            ("> RDS nack:what", Error),
            ("> RDS ack", Error),
        ],
    );
}

#[test]
fn the_resource_that_the_message_names_is_left_out() {
    check(
        "publish CDS a=1 b=bad c=1
         > CDS
         < CDS a=1 b=bad c=1
         > CDS nack:Error_adding/updating_cluster(s)_b:_no_good
         ! CDS b
         < CDS a=1 c=1
         > CDS ack
         publish CDS a=1 b=bad c=2
         < CDS c=2
         > CDS ack
         publish CDS a=1 b=good c=2
         < CDS b=good
         > CDS ack",
    );
}

#[test]
fn an_answer_out_of_turn_does_not_bring_back_what_was_removed() {
    check(
        "publish CDS a=1 EDS a=1
         > CDS
         < CDS a=1
         > EDS +a
         < EDS a=1
         > EDS ack
         publish CDS a=bad EDS a=1
         < CDS a=bad
         < EDS a=1
         > EDS ack
         publish
         < CDS -a
         > CDS ack nonce:last
         > CDS ack
         > CDS nack:it_is_bad
         ! CDS a
         < EDS -a
         publish CDS a=1 EDS a=1
         < CDS a=1",
    );
}

#[test]
fn several_may_be_named() {
    check(
        "publish CDS a=1 b=bad b2=bad c=1
         > CDS
         < CDS a=1 b=bad b2=bad c=1
         > CDS nack:Error_adding/updating_cluster(s)_b2:_no_good,_b:_neither
         ! CDS b b2
         < CDS a=1 c=1
         > CDS ack",
    );
}

#[test]
fn a_message_without_names_is_searched_in_groups() {
    check_sotw(
        "publish RDS a=1 b=1 c=bad d=1
         > RDS +a +b +c +d
         < RDS a=1 b=1 c=bad d=1
         > RDS nack:what
         < RDS a=1
         < RDS b=1
         < RDS c=bad
         < RDS d=1
         > RDS ack
         > RDS ack
         > RDS nack:what
         ! RDS c
         > RDS ack",
    );
}

#[test]
fn a_client_that_answers_several_at_once_is_sent_one_group_after_the_other() {
    check_sotw(
        "publish RDS a=1 b=1 c=bad d=1
         > RDS +a +b +c +d
         < RDS a=1 b=1 c=bad d=1
         > RDS nack:what
         < RDS a=1
         < RDS b=1
         < RDS c=bad
         < RDS d=1
         > RDS late-nack:what   # about one of the others
         < RDS c=bad
         > RDS nack:what
         ! RDS c
         < RDS b=1
         > RDS ack
         < RDS a=1
         > RDS ack
         publish RDS a=1 b=1 c=bad d=2
         < RDS d=2
         > RDS ack",
    );
}

#[test]
fn a_rejected_content_that_a_later_response_repeats_is_settled_by_its_answer() {
    check_sotw(
        "publish CDS a=1 b=bad
         > EDS +a
         < EDS
         > CDS
         < CDS a=1 b=bad
         > EDS ack
         < EDS
         publish CDS a=1 b=bad c=1
         > EDS ack
         < CDS a=1 b=bad c=1
         > CDS nack:Error_adding/updating_cluster(s)_b:_no
         ! CDS b
         publish CDS a=1 b=bad c=1 d=1
         > CDS nack:Error_adding/updating_cluster(s)_b:_no
         < CDS a=1 c=1 d=1
         < EDS
         > CDS ack",
    );
}

#[test]
fn what_the_client_had_before_is_what_it_had_before_an_earlier_rejected_response() {
    check(
        "publish CDS a=2 c=1
         > CDS
         < CDS a=2 c=1
         > EDS +a
         < EDS -a
         > CDS ack
         > EDS ack
         publish CDS a=1 b=1 c=1
         < CDS a=1 b=1
         < EDS -a
         > EDS ack
         publish CDS a=3 b=1 c=1
         < CDS a=3
         < EDS -a
         > CDS nack:Error_adding/updating_cluster(s)_b:_no
         ! CDS b
         > CDS nack:no
         ! CDS a
         publish CDS a=1 b=1 c=1
         < CDS a=1",
    );
}

#[test]
fn a_delta_client_answers_each_suspect_by_itself() {
    check(
        "publish RDS a=1 b=1 c=bad d=1
         > RDS +a +b +c +d
         < RDS a=1 b=1 c=bad d=1
         > RDS nack:what
         < RDS a=1
         < RDS b=1
         < RDS c=bad
         < RDS d=1
         > RDS ack
         > RDS ack
         > RDS nack:what
         ! RDS c
         > RDS ack",
    );
}

#[test]
fn the_last_good_content_stays_and_the_bad_is_not_repeated() {
    check_sotw(
        "publish LDS a=1 b=1
         > LDS
         < LDS a=1 b=1
         > LDS ack
         publish LDS a=2 b=bad
         < LDS a=2 b=bad
         > LDS nack:Error_adding/updating_listener(s)_b:_no_good
         ! LDS b
         < LDS a=2 b=1     # an omission would remove the good one
         > LDS ack
         publish LDS a=3 b=bad
         < LDS a=3 b=1
         > LDS ack
         publish LDS a=3 b=4
         < LDS a=3 b=4
         > LDS ack
         publish LDS a=3 b=bad",
    );
}

#[test]
fn a_search_repeats_what_was_good() {
    check_sotw(
        "publish LDS a=1 b=1
         > LDS
         < LDS a=1 b=1
         > LDS ack
         publish LDS a=bad b=2
         < LDS a=bad b=2
         > LDS nack:what
         < LDS a=bad b=1
         > LDS nack:what
         ! LDS a
         < LDS a=1 b=2
         > LDS ack",
    );
}

#[test]
fn a_single_resource_is_at_fault_whatever_the_message_says() {
    check(
        "publish RDS r=bad
         > RDS +r
         < RDS r=bad
         > RDS nack:
         ! RDS r
         publish RDS r=good
         < RDS r=good
         > RDS ack",
    );
}

#[test]
fn a_removal_follows_what_was_rejected() {
    check(
        "publish LDS a=1 b=1
         > LDS
         < LDS a=1 b=1
         > LDS ack
         publish LDS a=bad
         < LDS a=bad
         > LDS nack:Error_adding/updating_listener(s)_a:_no
         ! LDS a
         < LDS -b
         > LDS ack",
    );
}

#[test]
fn what_was_rejected_once_is_not_sent_again_even_if_it_returns() {
    check(
        "publish LDS a=bad
         > LDS
         < LDS a=bad
         > LDS nack:no
         ! LDS a
         publish LDS a=good
         < LDS a=good
         > LDS ack
         publish LDS a=bad",
    );
}

#[test]
fn the_error_of_an_earlier_response_does_not_undo_an_accepted_one() {
    check_sotw(
        "publish LDS a=1
         > LDS
         < LDS a=1
         > LDS late-nack:about_something_else
         publish LDS a=2
         < LDS a=2
         > LDS ack",
    );
}

#[test]
fn a_nack_of_nothing_is_only_counted() {
    check("> CDS\n < CDS\n > CDS nack:deviation\n publish CDS a=1\n < CDS a=1");
}

#[test]
fn one_name_within_another_is_not_blamed() {
    check(
        "publish CDS b=1 outbound|80||b=bad
         > CDS
         < CDS b=1 outbound|80||b=bad
         > CDS nack:Error_adding/updating_cluster(s)_outbound|80||b:_no
         ! CDS outbound|80||b
         < CDS b=1
         > CDS ack",
    );
}

#[test]
fn what_is_rejected_is_not_removed_from_a_client_that_does_not_list_it() {
    check_known_bad(
        "publish CDS a=1 b=bad
         > CDS have:a=1",
    );
}
