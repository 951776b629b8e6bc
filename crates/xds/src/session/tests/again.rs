//! What was rejected for want of something on the client's machine is tried again, and nothing else is.

use super::{check, check_sotw};

#[test]
fn a_certificate_file_that_appears_later_is_taken_up() {
    check(
        "publish SDS a=file b=1
         > SDS +a +b
         < SDS a=file
         < SDS b=1
         > SDS nack:Invalid_path:_/certs/tls.crt
         ! SDS a
         > SDS ack
         again
         # The same content twice in a row is accepted without being looked at.
         < SDS a=stand-in
         > SDS nack:Failed_to_load_incomplete_private_key_from_path:
         < SDS a=file
         > SDS nack:Invalid_path:_/certs/tls.crt
         ! SDS a
         again
         < SDS a=stand-in
         > SDS nack:Failed_to_load_incomplete_private_key_from_path:
         < SDS a=file
         > SDS ack
         + SDS a
         again",
    );
}

#[test]
fn a_state_of_the_world_client_is_sent_each_secret_again_by_itself() {
    check_sotw(
        "publish SDS a=file-a b=file-b c=c
         > SDS +a +b +c
         < SDS a=file-a
         < SDS b=file-b
         < SDS c=c
         > SDS nack:unable_to_add_filesystem_watch_for_file_/certs/:_No_such_file_or_directory
         ! SDS a
         > SDS nack:Failed_to_load_certificate_chain_from_/certs/tls.crt,_please_check
         ! SDS b
         > SDS ack
         again
         < SDS a=stand-in
         < SDS b=stand-in
         > SDS nack:refused
         > SDS nack:refused
         < SDS a=file-a
         < SDS b=file-b
         > SDS ack
         + SDS a
         > SDS ack
         + SDS b
         again",
    );
}

#[test]
fn a_cluster_with_a_missing_file_and_a_port_that_was_taken_are_tried_again() {
    check(
        "publish CDS a=1 b=bad LDS l=1
         > CDS
         < CDS a=1 b=bad
         > CDS nack:Error_adding/updating_cluster(s)_b:_Invalid_path:_/certs/ca.pem
         ! CDS b
         < CDS a=1
         > CDS ack
         > LDS
         < LDS l=1
         > LDS nack:Error_adding/updating_listener(s)_l:_cannot_bind_'0.0.0.0:80':_Address_already_in_use
         ! LDS l
         again
         < CDS b=bad
         < LDS l=1
         > CDS ack
         + CDS b
         > LDS nack:Error_adding/updating_listener(s)_l:_cannot_bind_'0.0.0.0:80':_Address_already_in_use
         ! LDS l",
    );
}

#[test]
fn what_is_at_fault_by_itself_is_not_tried_again() {
    check(
        "publish CDS a=1 b=bad SDS s=1
         > CDS
         < CDS a=1 b=bad
         > CDS nack:Error_adding/updating_cluster(s)_b:_no_good
         ! CDS b
         < CDS a=1
         > CDS ack
         > SDS +s
         < SDS s=1
         > SDS nack:Failed_to_load_certificate_chain_from_<inline>,_please_check
         ! SDS s
         again",
    );
}

#[test]
fn what_was_rejected_for_a_secret_is_sent_again_once_that_is_put_right() {
    check(
        "publish CDS a=has-key b=other SDS key=wrong
         > SDS +key
         < SDS key=wrong
         > SDS ack
         > CDS
         < CDS a=has-key b=other
         > CDS nack:Error_adding/updating_cluster(s)_a:_Failed_to_load_private_key_from_<inline>
         ! CDS a
         < CDS b=other
         > CDS ack
         publish CDS a=has-key b=other SDS key=right
         < SDS key=right
         > SDS ack
         + CDS a
         < CDS a=has-key
         > CDS ack
         publish CDS a=has-key b=other SDS key=rotated
         < SDS key=rotated
         > SDS ack",
    );
}

#[test]
fn a_secret_that_was_rejected_is_tried_again_when_another_of_its_user_is_put_right() {
    let with = |user: &str, again: &str| {
        check(&format!(
            "publish CDS c={user} SDS ca=1 key=wrong
             > CDS
             < CDS c={user}
             > CDS ack
             > SDS +ca +key
             < SDS ca=1
             < SDS key=wrong
             > SDS nack:Failed_to_load_private_key_from_<inline>
             ! SDS ca
             > SDS ack
             publish CDS c={user} SDS ca=1 key=right
             < SDS key=right
             > SDS ack{again}"
        ));
    };
    with(
        "has-ca-and-key",
        "
             < SDS ca=stand-in
             + SDS ca
             > SDS nack:Failed_to_load_incomplete_private_key_from_path:
             < SDS ca=1
             > SDS ack",
    );
    with("has-key", "");
}

#[test]
fn what_was_corrected_is_not_tried_again() {
    check(
        "publish CDS b=bad
         > CDS
         < CDS b=bad
         > CDS nack:Error_adding/updating_cluster(s)_b:_Invalid_path:_/certs/ca.pem
         ! CDS b
         publish CDS b=good
         < CDS b=good
         > CDS ack
         again",
    );
}

#[test]
fn an_address_that_moves_between_listeners_is_taken_as_soon_as_the_other_has_given_it_up() {
    check(
        "publish LDS a=1+2 b=3
         > LDS
         < LDS a=1+2 b=3
         > LDS ack
         publish LDS a=1 b=2+3
         < LDS a=1 b=2+3
         > LDS nack:Error_adding/updating_listener(s)_b:_error_adding_listener:_'b'_has_duplicate_address_'2'
         ! LDS b
         < LDS a=1
         > LDS ack
         < LDS b=2+3
         > LDS ack
         + LDS b",
    );
}

#[test]
fn an_address_of_a_listener_that_goes_is_taken_once_it_has_gone() {
    check(
        "publish LDS a=1+2
         > LDS
         < LDS a=1+2
         > LDS ack
         publish LDS b=2
         < LDS b=2
         > LDS nack:Error_adding/updating_listener(s)_b:_error_adding_listener:_'b'_has_duplicate_address_'2'
         ! LDS b
         < LDS -a
         > LDS ack
         < LDS b=2
         > LDS ack
         + LDS b",
    );
}

#[test]
fn a_state_of_the_world_client_takes_an_address_that_moves_as_well() {
    check_sotw(
        "publish LDS a=1+2 b=3
         > LDS
         < LDS a=1+2 b=3
         > LDS ack
         publish LDS a=1 b=2+3
         < LDS a=1 b=2+3
         > LDS nack:Error_adding/updating_listener(s)_b:_error_adding_listener:_'b'_has_duplicate_address_'2'
         ! LDS b
         < LDS a=1 b=3
         > LDS ack
         < LDS a=1 b=2+3
         > LDS ack
         + LDS b",
    );
}
