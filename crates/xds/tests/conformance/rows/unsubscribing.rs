//! How a client ceases to ask.

use crate::row::{Row, both, delta, sotw};

const UNSUBSCRIBING: &str = "xDS: Unsubscribing From Resources";
const HINTS: &str = "xDS: How the client specifies what resources to return";
const DELTA: &str = "xDS: Unsubscribing from Resources (incremental)";
const HARNESS: &str = "xds-test-harness";

pub(crate) const ROWS: &[Row] = &[
    both(
        "UNS-01",
        "One of two names is dropped.",
        "No answer, and nothing more of that resource.",
        UNSUBSCRIBING,
        "publish EDS a=1 b=1
         > EDS +a +b
         < EDS a=1 b=1
         > EDS ack
         > EDS -a
         quiet
         publish EDS a=2 b=1
         quiet
         publish EDS a=2 b=2
         < EDS b=2
         > EDS ack
         quiet",
    ),
    both(
        "UNS-02",
        "All names are dropped, of CDS too.",
        "Silence; an empty list that follows names is no wildcard.",
        UNSUBSCRIBING,
        "publish CDS a=1 EDS a=1
         > CDS +a
         < CDS a=1
         > CDS ack
         > EDS +a
         < EDS a=1
         > EDS ack
         > CDS -a
         > EDS -a
         quiet
         publish CDS a=2 b=1 EDS a=2
         quiet",
    ),
    both(
        "UNS-03",
        "The list of names becomes one empty name.",
        "As if all names were dropped.",
        HARNESS,
        "publish LDS a=1 b=1
         > LDS +a +b
         < LDS a=1 b=1
         > LDS ack
         > LDS -a -b +
         quiet
         publish LDS a=2 b=2
         quiet",
    ),
    delta(
        "UNS-04",
        "A name that was never subscribed is unsubscribed.",
        "Nothing.",
        DELTA,
        "publish EDS a=1
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS -b -zzz
         quiet
         publish EDS a=2
         < EDS a=2
         > EDS ack
         quiet",
    ),
    delta(
        "UNS-05",
        "Under `*`, a name that was subscribed besides is unsubscribed.",
        "The resource is sent again, as the wildcard has it.",
        DELTA,
        "publish CDS a=1 b=1
         > CDS +* +a
         < CDS a=1 b=1
         > CDS ack
         > CDS -a
         < CDS a=1
         > CDS ack
         quiet",
    ),
    delta(
        "UNS-06",
        "The same, and the resource does not exist.",
        "`removed_resources` names it.",
        DELTA,
        "publish CDS b=1
         > CDS +* +a
         < CDS b=1 -a
         > CDS ack
         > CDS -a
         < CDS -a
         > CDS ack
         quiet",
    ),
    both(
        "UNS-07",
        "`*` is dropped and a name stays.",
        "The name stays subscribed; the rest does not.",
        HINTS,
        "publish CDS a=1 b=1
         > CDS +* +a
         < CDS a=1 b=1
         > CDS ack
         > CDS -*
         quiet
         publish CDS a=1 b=2
         quiet
         publish CDS a=2 b=2
         < CDS a=2
         > CDS ack
         quiet",
    ),
    both(
        "UNS-08",
        "After an empty first request and a name, `*` and then the name are dropped.",
        "Silence: the empty subscription no longer means everything.",
        HINTS,
        "publish CDS a=1 b=1
         > CDS
         < CDS a=1 b=1
         > CDS ack
         D > CDS +a
         D < CDS a=1
         S > CDS +* +a
         S < CDS a=1 b=1
         > CDS ack
         > CDS -*
         quiet
         publish CDS a=1 b=2
         quiet
         > CDS -a
         quiet
         publish CDS a=3 b=3
         quiet",
    ),
    sotw(
        "UNS-09",
        "After an empty first request, a name alone.",
        "The wildcard ends and the name, which is newly asked for, is sent.",
        HINTS,
        "publish CDS a=1 b=1
         > CDS
         < CDS a=1 b=1
         > CDS ack
         > CDS +a
         < CDS a=1
         > CDS ack
         quiet
         publish CDS a=1 b=2
         quiet",
    ),
    both(
        "UNS-10",
        "A name is dropped and subscribed again; the resource has not changed.",
        "It is sent again.",
        "go-control-plane#431",
        "publish EDS a=1 b=1
         > EDS +a +b
         < EDS a=1 b=1
         > EDS ack
         > EDS -a
         > EDS +a
         < EDS a=1
         > EDS ack
         quiet",
    ),
    both(
        "UNS-11",
        "A name is dropped while a response with it is in flight.",
        "Nothing more of that resource, whether the ACK came or not.",
        UNSUBSCRIBING,
        "publish RDS q=1 r=1
         > RDS +q +r
         < RDS q=1 r=1
         > RDS ack
         publish RDS q=1 r=2
         < RDS r=2
         D > RDS -r
         S > RDS -r nonce:previous
         publish RDS q=1 r=3
         quiet
         > RDS ack
         quiet",
    ),
    both(
        "UNS-12",
        "A name is dropped and subscribed again while a response with it is in flight.",
        "The resource is sent after the ACK: the client may have forgotten it.",
        DELTA,
        "publish RDS r=1
         > RDS +r
         < RDS r=1
         > RDS ack
         publish RDS r=2
         < RDS r=2
         D > RDS -r
         D > RDS +r
         S > RDS -r nonce:previous
         S > RDS +r nonce:previous
         > RDS ack
         < RDS r=2
         > RDS ack
         quiet",
    ),
    delta(
        "UNS-13",
        "The first request of CDS unsubscribes and subscribes nothing.",
        "Nothing: a wildcard needs both lists to be empty.",
        "xDS: Incremental xDS",
        "publish CDS a=1
         > CDS -zzz
         quiet
         > CDS +a
         < CDS a=1
         > CDS ack
         quiet",
    ),
    delta(
        "UNS-14",
        "The first request of EDS lists nothing.",
        "Nothing; only clusters and listeners (and virtual hosts) have the empty wildcard. Names may follow.",
        HINTS,
        "publish EDS a=1
         > EDS
         quiet
         > EDS +a
         < EDS a=1
         > EDS ack
         quiet",
    ),
    delta(
        "UNS-15",
        "`*` is dropped and subscribed again while a response in flight carries a resource that is then removed.",
        "What exists is sent, and the removed name is told: the client may hold it.",
        "xDS: Unsubscribing from Resources (incremental)",
        "publish CDS a=1 b=1
         > CDS +*
         < CDS a=1 b=1
         > CDS ack
         publish CDS a=2 b=1
         < CDS a=2
         > CDS -*
         > CDS +*
         publish CDS b=2
         > CDS ack
         < CDS b=2
         > CDS ack
         < CDS -a
         > CDS ack
         quiet",
    ),
];
