//! Endpoints as resources of their own.

use std::sync::Arc;

use fairlead_resource::TypeUrl;

use super::{
    check, check_leds,
    player::{Player, on, publication},
};
use crate::{Action, ElementTypes, Protocol, Publication};

const STARTED: &str = "
    publish EDS c{0/x=1,0/y=1}
    > EDS +c
    < EDS c=a:0
    > LEDS +a/c/0/*
    < LEDS a/c/0/x=1 a/c/0/y=1
    > EDS ack
    > LEDS ack
";

impl Player {
    /// Plays what a client asks in the beginning.
    fn started(publication: &Arc<Publication>) -> Self {
        let mut player = Self::new(Protocol::Delta, ElementTypes::from([TypeUrl::LB_ENDPOINT]));
        drop(player.session.on_publication(publication.clone()));
        player.say("> CDS\n > CDS ack");
        for line in STARTED.lines().filter(|line| line.trim().starts_with('>')) {
            player.say(line);
        }
        player
    }
}

fn started(script: &str) {
    check_leds(&format!("{STARTED}{script}"));
}

#[test]
fn without_the_setting_assignments_are_sent_in_full() {
    check("publish EDS c{0/x=1}\n > EDS +c\n < EDS c=[0/x=1]\n > EDS ack");
}

#[test]
fn only_the_endpoint_that_changed_is_sent() {
    started(
        "publish EDS c{0/x=1,0/y=2}
         < LEDS a/c/0/y=2
         > LEDS ack
         publish EDS c{0/x=1,0/y=2,0/z=1}
         < LEDS a/c/0/z=1
         > LEDS ack
         publish EDS c{0/y=2,0/z=2}
         < LEDS a/c/0/z=2 -a/c/0/x
         > LEDS ack",
    );
}

#[test]
fn an_assignment_that_changes_is_sent_in_the_other_epoch_with_all_endpoints() {
    started(
        "publish EDS c{0/x=1,0/y=1,1/z=1}
         < EDS c=b:0,1
         > LEDS +b/c/0/* +b/c/1/* -a/c/0/*
         < LEDS b/c/0/x=1 b/c/0/y=1 b/c/1/z=1
         > EDS ack
         > LEDS ack
         publish EDS c{0/x=1,0/y=2,1/z=1}
         < LEDS b/c/0/y=2
         > LEDS ack
         publish EDS c{0/x=1}
         < EDS c=a:0
         > LEDS +a/c/0/* -b/c/0/* -b/c/1/*
         < LEDS a/c/0/x=1",
    );
}

#[test]
fn an_assignment_that_follows_its_cluster_is_sent_in_the_other_epoch() {
    check_leds(
        "publish CDS c=1 EDS c{0/x=1}
         > CDS
         < CDS c=1
         > EDS +c
         < EDS c=a:0
         > LEDS +a/c/0/*
         < LEDS a/c/0/x=1
         > EDS ack
         > LEDS ack
         > CDS ack
         publish CDS c=2 EDS c{0/x=1}
         < CDS c=2
         < EDS c=b:0
         > LEDS +b/c/0/* -a/c/0/*
         < LEDS b/c/0/x=1
         > EDS ack
         > LEDS ack
         > CDS ack",
    );
}

#[test]
fn endpoints_wait_for_the_assignment_that_they_belong_to() {
    started(
        "publish EDS c{0/x=1,0/y=1,1/z=1}
         < EDS c=b:0,1
         publish EDS c{0/y=1,1/z=2}       # nothing of it belongs to what the client has open
         > LEDS +b/c/0/* +b/c/1/* -a/c/0/*
         < LEDS b/c/0/y=1 b/c/1/z=2
         > EDS ack
         > LEDS ack",
    );
}

#[test]
fn endpoints_wait_while_their_assignment_cannot_be_sent() {
    started(
        "publish EDS c{0/x=1,0/y=1,1/z=1}
         < EDS c=b:0,1
         publish EDS c{0/z=2}
         > LEDS +b/c/0/* +b/c/1/* -a/c/0/*
         > EDS ack
         < EDS c=a:0
         > LEDS +a/c/0/* -b/c/0/* -b/c/1/*
         < LEDS a/c/0/z=2
         > EDS ack",
    );
}

#[test]
fn routes_wait_for_the_endpoints_of_new_clusters() {
    check_leds(
        "publish CDS c=1 EDS c{0/x=1} RDS r=1
         > CDS
         < CDS c=1
         > EDS +c
         < EDS c=a:0
         > RDS +r
         > LEDS +a/c/0/*
         < LEDS a/c/0/x=1
         > EDS ack
         > LEDS ack
         < RDS r=1",
    );
}

#[test]
fn a_collection_without_endpoints_is_released() {
    check_leds(
        "publish EDS c{0/x=bad}
         > EDS +c
         < EDS c=a:0
         > LEDS +a/c/0/*
         < LEDS a/c/0/x=bad
         > EDS ack
         > LEDS nack:it_is_bad
         ! LEDS a/c/0/x
         publish EDS c{0/x=bad,1/x=1}
         < EDS c=b:0,1
         > LEDS +b/c/0/* +b/c/1/* -a/c/0/*
         < LEDS b/c/1/x=1 -b/c/0/-",
    );
    check_leds("> LEDS +a/c/0/*\n < LEDS -a/c/0/-");
}

#[test]
fn collections_of_an_assignment_that_is_going_are_left_alone() {
    check_leds(
        "publish EDS c{0/x=1} d=1
         > EDS +c +d
         < EDS c=a:0 d=1
         publish EDS d=1
         > LEDS +a/c/0/*               # an answer would leave the cluster without endpoints
         > EDS ack
         < EDS -c
         publish EDS c{0/x=1} d=1
         > EDS ack
         < EDS c=b:0
         > LEDS +b/c/0/* -a/c/0/*
         < LEDS b/c/0/x=1",
    );
}

#[test]
fn a_service_that_shrinks_is_sent_in_full() {
    started(
        "publish EDS c=1
         < EDS c=1
         > LEDS -a/c/0/*
         > EDS ack
         publish EDS c{0/x=1}
         < EDS c=b:0
         > LEDS +b/c/0/*
         < LEDS b/c/0/x=1",
    );
}

#[test]
fn endpoints_stay_as_long_as_their_assignment() {
    check_leds(
        "publish CDS c=1 EDS c{0/x=1} RDS r=1
         > CDS
         < CDS c=1
         > EDS +c
         < EDS c=a:0
         > LEDS +a/c/0/*
         < LEDS a/c/0/x=1
         > EDS ack
         > LEDS ack
         > CDS ack
         > RDS +r
         < RDS r=1
         > RDS ack
         publish RDS r=2
         < RDS r=2
         publish CDS c=1 EDS c{0/x=2} RDS r=2
         < EDS c=b:0
         > LEDS +b/c/0/* -a/c/0/*
         < LEDS b/c/0/x=2",
    );
}

#[test]
fn endpoints_stay_when_their_assignment_goes_while_it_waits_to_be_replaced() {
    check_leds(
        "publish EDS c{0/x=1} d=1
         > EDS +c +d
         < EDS c=a:0 d=1
         > LEDS +a/c/0/*
         < LEDS a/c/0/x=1
         > EDS ack
         > LEDS ack
         publish EDS c{0/x=1} d=2
         < EDS d=2
         publish EDS c{1/y=1} d=2      # cannot be sent yet
         publish EDS d=2               # x is not taken away: nothing else is there
         > EDS ack
         < EDS -c
         > EDS ack
         publish EDS c{0/x=1} d=2
         < EDS c=b:0
         > LEDS +b/c/0/* -a/c/0/*
         < LEDS b/c/0/x=1",
    );
}

#[test]
fn one_bad_endpoint_is_left_out() {
    started(
        "publish EDS c{0/x=2,0/y=bad}
         < LEDS a/c/0/x=2 a/c/0/y=bad
         > LEDS nack:weight
         < LEDS a/c/0/x=2
         < LEDS a/c/0/y=bad
         > LEDS ack
         > LEDS nack:weight
         ! LEDS a/c/0/y
         publish EDS c{0/x=3,0/y=bad}
         < LEDS a/c/0/x=3
         > LEDS ack
         publish EDS c{0/x=3,0/y=bad,1/z=1}
         < EDS c=b:0,1
         > LEDS +b/c/0/* +b/c/1/* -a/c/0/*
         < LEDS b/c/0/x=3 b/c/1/z=1
         > EDS ack
         > LEDS ack
         publish EDS c{0/x=3,0/y=3,1/z=1}
         < LEDS b/c/0/y=3",
    );
}

const WITH_ANOTHER: &str = "
    publish EDS c{0/x=1} d=1
    > EDS +c +d
    < EDS c=a:0 d=1
    > LEDS +a/c/0/*
    < LEDS a/c/0/x=1
    > EDS ack
    > LEDS ack
    publish EDS c{0/x=1,1/y=1} d=bad
    < EDS c=b:0,1 d=bad
";

#[test]
fn an_assignment_in_doubt_is_sent_in_the_epoch_that_the_client_has_not() {
    check_leds(&format!(
        "{WITH_ANOTHER}
         > EDS nack:it_is_bad            # nothing of it was applied
         < EDS c=b:0,1
         < EDS d=bad
         > LEDS +b/c/0/* +b/c/1/* -a/c/0/*
         < LEDS b/c/0/x=1 b/c/1/y=1
         > EDS ack
         > EDS nack:it_is_bad
         ! EDS d",
    ));
}

#[test]
fn an_assignment_that_was_applied_though_rejected_is_sent_in_the_other_epoch() {
    check_leds(&format!(
        "{WITH_ANOTHER}
         > LEDS +b/c/0/* +b/c/1/* -a/c/0/*
         < LEDS b/c/0/x=1 b/c/1/y=1
         > EDS nack:it_is_bad
         < EDS c=a:0,1
         < EDS d=bad
         > LEDS ack
         > LEDS +a/c/0/* +a/c/1/* -b/c/0/* -b/c/1/*
         < LEDS a/c/0/x=1 a/c/1/y=1
         > EDS ack",
    ));
}

#[test]
fn reconnect_lists_the_assignment_and_gets_it_in_the_other_epoch() {
    check_leds(
        "publish CDS c=1 d=1 EDS c{0/x=1} d=1
         > CDS have:c=1 have:d=1
         > EDS +c +d have:c=a:0 have:d=1
         < EDS c=b:0
         > LEDS +a/c/0/*                # sent before the client had the response
         > LEDS +b/c/0/* -a/c/0/*
         < LEDS b/c/0/x=1
         > EDS ack
         > LEDS ack",
    );
    check_leds("publish EDS c{0/x=1}\n > EDS +c have:c=b:0\n < EDS c=a:0");
}

#[test]
fn two_clusters_are_in_epochs_of_their_own() {
    check_leds(
        "publish EDS c{0/x=1} d{0/x=1}
         > EDS +c +d
         < EDS c=a:0 d=a:0
         > LEDS +a/c/0/*
         < LEDS a/c/0/x=1
         > LEDS +a/d/0/*
         > EDS ack
         > LEDS ack
         < LEDS a/d/0/x=1
         > LEDS ack
         > EDS -d
         > LEDS -a/d/0/*
         > EDS +d
         < EDS d=a:0
         > LEDS +a/d/0/*
         < LEDS a/d/0/x=1
         > EDS ack
         > LEDS ack
         publish EDS c{0/x=1} d{0/x=1,1/x=1}
         < EDS d=b:0,1
         > LEDS +b/d/0/* +b/d/1/* -a/d/0/*
         < LEDS b/d/0/x=1 b/d/1/x=1
         > EDS ack
         > LEDS ack
         publish EDS c{0/x=2} d{0/x=2,1/x=1}
         < LEDS a/c/0/x=2 b/d/0/x=2",
    );
}

#[test]
fn the_number_of_collections_is_bounded() {
    started(
        "> LEDS +a/1/0/* +a/2/0/* +a/3/0/* +a/4/0/* +a/5/0/*
         x more than 5 names are subscribed for LEDS
         < LEDS -a/1/0/-
         < LEDS -a/2/0/-
         < LEDS -a/3/0/-
         < LEDS -a/4/0/-
         < LEDS -a/5/0/-",
    );
}

#[test]
fn one_endpoint_is_one_body_for_all_who_know_it_alike() {
    let first = Arc::new(publication(1, " EDS c{0/x=1,0/y=1}"));
    let next = Arc::new(publication(2, " EDS c{0/x=1,0/y=2}").following(&first));
    let bodies = [(); 2].map(|()| body(Player::started(&first).session.on_publication(next.clone())));
    assert_eq!(bodies[0], bodies[1], "the same bytes in the same place");
}

#[test]
fn collections_are_one_body_for_all_who_open_them() {
    let publication = Arc::new(publication(1, " EDS c{0/x=1,0/y=2}"));
    let bodies = [(); 2].map(|()| {
        let mut player = Player::new(Protocol::Delta, ElementTypes::from([TypeUrl::LB_ENDPOINT]));
        drop(player.session.on_publication(publication.clone()));
        player.say("> CDS\n > EDS +c");
        let request = player.request("LEDS +a/c/0/*");
        body(on(&mut player.session, &request))
    });
    assert_eq!(bodies[0], bodies[1], "the same bytes in the same place");
}

/// Where the pieces of the only response are, without that which is the session's own.
fn body(actions: Vec<Action>) -> Vec<*const u8> {
    let responses: Vec<_> = actions
        .into_iter()
        .filter_map(|action| match action {
            Action::Send(response) => Some(response),
            _ => None,
        })
        .collect();
    let [response] = &responses[..] else { panic!("{responses:?}") };
    let mut pieces: Vec<_> = response.segments().map(|piece| piece.as_ptr()).collect();
    pieces.pop();
    assert!(!pieces.is_empty());
    pieces
}
