//! Make before break.

use crate::row::{Row, both};

const CONSISTENCY: &str = "xDS: Eventual consistency considerations";
const WARMING: &str = "xDS: Resource warming; envoy#13009";

/// Everything is subscribed and acknowledged.
macro_rules! begun {
    ($publication:literal, $rest:literal) => {
        concat!(
            "publish ",
            $publication,
            "
             > CDS
             < CDS a=1
             > EDS +a
             < EDS a=1
             > EDS ack
             > CDS ack
             > LDS
             < LDS x=1
             > RDS +r
             < RDS r=1
             > LDS ack
             > RDS ack
             quiet
             ",
            $rest
        )
    };
}

pub(crate) const ROWS: &[Row] = &[
    both(
        "ORD-01",
        "A cluster, its endpoints, a listener and a route appear at once.",
        "The cluster first, with an EDS response whose ACK tells that it was processed; its endpoints when they \
         are asked for; listener and route after the endpoints are acknowledged, listener before route.",
        CONSISTENCY,
        begun!(
            "CDS a=1 EDS a=1 LDS x=1 RDS r=1",
            "publish CDS a=1 b=1 EDS a=1 b=1 LDS x=2 RDS r=2
             D < CDS b=1
             D < EDS
             D > EDS +b
             S < CDS a=1 b=1
             S < EDS a=1
             S > EDS +b nonce:previous
             > EDS ack
             < EDS b=1
             > EDS ack
             < LDS x=2
             < RDS r=2
             > CDS ack
             > LDS ack
             > RDS ack
             quiet"
        ),
    ),
    both(
        "ORD-02",
        "A listener, its route and the route's cluster disappear at once.",
        "The listener goes first, then the route, then the cluster, then its endpoints; each after the ACK of the \
         one before. (State of the world: only listeners and clusters can be told.)",
        CONSISTENCY,
        begun!(
            "CDS a=1 EDS a=1 LDS x=1 RDS r=1",
            "publish
             D < LDS -x
             S < LDS
             quiet
             > LDS ack
             D < RDS -r
             D > RDS ack
             D < CDS -a
             S < CDS
             D quiet
             > CDS ack
             D < EDS -a
             D > EDS ack
             quiet"
        ),
    ),
    both(
        "ORD-03",
        "Only endpoints change.",
        "EDS alone.",
        CONSISTENCY,
        begun!(
            "CDS a=1 EDS a=1 LDS x=1 RDS r=1",
            "publish CDS a=1 EDS a=2 LDS x=1 RDS r=1
             < EDS a=2
             > EDS ack
             quiet"
        ),
    ),
    both(
        "ORD-04",
        "A cluster changes and its endpoints do not.",
        "Its endpoints follow it, unchanged: the cluster warms until they come.",
        WARMING,
        begun!(
            "CDS a=1 EDS a=1 LDS x=1 RDS r=1",
            "publish CDS a=2 EDS a=1 LDS x=1 RDS r=1
             < CDS a=2
             < EDS a=1
             > EDS ack
             > CDS ack
             quiet"
        ),
    ),
    both(
        "ORD-05",
        "A listener changes and names the same route.",
        "LDS alone.",
        WARMING,
        begun!(
            "CDS a=1 EDS a=1 LDS x=1 RDS r=1",
            "publish CDS a=1 EDS a=1 LDS x=2 RDS r=1
             < LDS x=2
             > LDS ack
             quiet"
        ),
    ),
    both(
        "ORD-06",
        "A secret changes.",
        "SDS alone.",
        "ours",
        "publish LDS x=1 SDS s=1
         > LDS
         < LDS x=1
         > LDS ack
         > SDS +s
         < SDS s=1
         > SDS ack
         publish LDS x=1 SDS s=2
         < SDS s=2
         > SDS ack
         quiet",
    ),
    both(
        "ORD-07",
        "Endpoints, routes and listeners change while the ACK of clusters is withheld, as Envoy does while one \
         warms.",
        "They are sent all the same.",
        "Envoy 1.40, observed",
        begun!(
            "CDS a=1 EDS a=1 LDS x=1 RDS r=1",
            "publish CDS a=2 EDS a=1 LDS x=1 RDS r=1
             < CDS a=2
             < EDS a=1
             > EDS ack
             publish CDS a=2 EDS a=2 LDS x=2 RDS r=2
             < EDS a=2
             < LDS x=2
             < RDS r=2
             > EDS ack
             > LDS ack
             > RDS ack
             > CDS ack
             quiet"
        ),
    ),
];
