//! How a client asks for resources.

use crate::row::{Row, both, delta, sotw};

const HINTS: &str = "xDS: How the client specifies what resources to return";
const UPDATES: &str = "xDS: When to send an update";
const GROUPING: &str = "xDS: Grouping Resources into Responses";
const MISSING: &str = "xDS: Knowing When a Requested Resource Does Not Exist";
const DELTA: &str = "xDS: Subscribing to Resources";
const RACES: &str = "xDS: Resource updates";
const HARNESS: &str = "xds-test-harness";

pub(crate) const ROWS: &[Row] = &[
    both(
        "SUB-01",
        "The first request of CDS or LDS names nothing.",
        "All resources of the type come in one response; the ACK is not answered.",
        HINTS,
        "publish CDS a=1 b=1 LDS x=1 y=1
         > CDS
         < CDS a=1 b=1
         > CDS ack
         > LDS
         < LDS x=1 y=1
         > LDS ack
         quiet",
    ),
    both(
        "SUB-02",
        "The first request names `*`.",
        "The same as for an empty first request.",
        HINTS,
        "publish CDS a=1 b=1
         > CDS +*
         < CDS a=1 b=1
         > CDS ack
         quiet",
    ),
    both(
        "SUB-03",
        "All resources are asked for and there are none.",
        "An empty response at once; resources that appear later are sent.",
        MISSING,
        "> CDS
         < CDS
         > CDS ack
         quiet
         publish CDS a=1
         < CDS a=1
         > CDS ack
         quiet",
    ),
    both(
        "SUB-04",
        "Under a wildcard a resource changes, another is added, a third removed.",
        "Delta: what changed, and after its acknowledgement the removed name. State of the world: all of CDS or LDS in one response, with what is removed until the rest is acknowledged.",
        GROUPING,
        "publish LDS a=1 b=1 c=1
         > LDS
         < LDS a=1 b=1 c=1
         > LDS ack
         publish LDS a=2 b=1 d=1
         D < LDS a=2 d=1
         S < LDS a=2 b=1 c=1 d=1
         > LDS ack
         D < LDS -c
         S < LDS a=2 b=1 d=1
         > LDS ack
         quiet",
    ),
    both(
        "SUB-05",
        "CDS or LDS by name.",
        "Only those resources; changes of others are not sent.",
        HARNESS,
        "publish CDS a=1 b=1 LDS x=1 y=1
         > CDS +a
         < CDS a=1
         > CDS ack
         > LDS +y
         < LDS y=1
         > LDS ack
         publish CDS a=1 b=2 LDS x=2 y=1
         quiet
         publish CDS a=2 b=2 LDS x=2 y=1
         < CDS a=2
         > CDS ack
         quiet",
    ),
    both(
        "SUB-06",
        "EDS and RDS by name; one of the resources changes.",
        "The changed one alone, in both variants.",
        GROUPING,
        "publish EDS a=1 b=1 c=1 RDS r=1 s=1
         > EDS +a +b
         < EDS a=1 b=1
         > EDS ack
         > RDS +r
         < RDS r=1
         > RDS ack
         publish EDS a=1 b=2 c=2 RDS r=1 s=2
         < EDS b=2
         > EDS ack
         quiet",
    ),
    both(
        "SUB-07",
        "Names first, then `*`.",
        "Delta: the rest. State of the world: all.",
        HINTS,
        "publish CDS a=1 b=1
         > CDS +a
         < CDS a=1
         > CDS ack
         > CDS +*
         D < CDS b=1
         S < CDS a=1 b=1
         > CDS ack
         quiet",
    ),
    both(
        "SUB-08",
        "An empty first request, then `*` and a name.",
        "The wildcard stays; the name is sent although it was sent before. Others are still sent.",
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
         quiet
         publish CDS a=1 b=2
         D < CDS b=2
         S < CDS a=1 b=2
         > CDS ack
         quiet",
    ),
    both(
        "SUB-09",
        "`*` and a name in one request.",
        "Each resource once.",
        HINTS,
        "publish CDS a=1 b=1
         > CDS +* +a
         < CDS a=1 b=1
         > CDS ack
         quiet",
    ),
    both(
        "SUB-10",
        "A name beside `*` that does not exist.",
        "Delta: `removed_resources` names it. State of the world: all that exists.",
        MISSING,
        "publish CDS a=1
         > CDS +*
         < CDS a=1
         > CDS ack
         > CDS +x
         D < CDS -x
         S < CDS a=1
         > CDS ack
         quiet
         publish CDS a=1 x=1
         D < CDS x=1
         S < CDS a=1 x=1
         > CDS ack
         quiet",
    ),
    both(
        "SUB-11",
        "A resource that does not exist is asked for beside one that does, and appears later.",
        "Delta: `removed_resources` names it at once. State of the world: what exists. Neither again until it \
         appears; then it is sent.",
        MISSING,
        "publish EDS a=1
         > EDS +a +x
         D < EDS a=1 -x
         S < EDS a=1
         > EDS ack
         quiet
         publish EDS a=1 x=1
         < EDS x=1
         > EDS ack
         quiet",
    ),
    both(
        "SUB-12",
        "Only resources that do not exist are asked for.",
        "Delta: `removed_resources` names them. State of the world: an empty response. Once, not in a loop.",
        "go-control-plane#1319",
        "> RDS +x +y
         D < RDS -x -y
         S < RDS
         > RDS ack
         quiet
         publish RDS y=1
         < RDS y=1
         > RDS ack
         quiet",
    ),
    both(
        "SUB-13",
        "A secret that does not exist is asked for.",
        "Nothing until it exists: told that there is none, Envoy would serve without it. (The owner of a server \
         may choose otherwise, as `fairlead serve` does.)",
        "ours: `SessionOptions::answer_missing`",
        "> SDS +default
         quiet
         publish SDS default=1
         < SDS default=1
         > SDS ack
         quiet",
    ),
    both(
        "SUB-14",
        "A name twice in one request.",
        "The resource once.",
        "xDS: Duplicate Resource Names",
        "publish EDS a=1
         > EDS +a +a
         < EDS a=1
         > EDS ack
         quiet",
    ),
    delta(
        "SUB-15",
        "A name that is already subscribed is subscribed again.",
        "The resource is sent again, unchanged.",
        DELTA,
        "publish EDS a=1 b=1
         > EDS +a +b
         < EDS a=1 b=1
         > EDS ack
         > EDS +a
         < EDS a=1
         > EDS ack
         quiet",
    ),
    sotw(
        "SUB-16",
        "The same names are sent again with the last nonce.",
        "Nothing.",
        UPDATES,
        "publish EDS a=1
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS
         > EDS
         quiet",
    ),
    both(
        "SUB-17",
        "A second name before the first response was read.",
        "Both resources come. Delta: the second after the ACK of the first.",
        RACES,
        "publish RDS r=1 q=1
         > RDS +r
         > RDS +q
         < RDS r=1
         D > RDS ack
         D < RDS q=1
         S < RDS q=1 r=1
         > RDS ack
         quiet",
    ),
    both(
        "SUB-18",
        "A name is added while a response is in flight (state of the world: with the nonce before it).",
        "The response stays the only one until its ACK; then the added resource is sent.",
        RACES,
        "publish RDS r=1 q=1
         > RDS +r
         < RDS r=1
         > RDS ack
         publish RDS r=2 q=1
         < RDS r=2
         D > RDS +q
         S > RDS +q nonce:previous
         quiet
         > RDS ack
         < RDS q=1
         > RDS ack
         quiet",
    ),
    both(
        "SUB-19",
        "Three changes while a response is in flight.",
        "After its ACK one response with the newest content; what was in between is never sent.",
        UPDATES,
        "publish LDS a=1
         > LDS
         < LDS a=1
         publish LDS a=2
         publish LDS a=3
         publish LDS a=4 b=1
         quiet
         > LDS ack
         < LDS a=4 b=1
         > LDS ack
         quiet",
    ),
    both(
        "SUB-20",
        "A change while a response is in flight is taken back.",
        "Nothing.",
        UPDATES,
        "publish LDS a=1
         > LDS
         < LDS a=1
         publish LDS a=2
         publish LDS a=1
         quiet
         > LDS ack
         quiet",
    ),
    both(
        "SUB-21",
        "The same contents are published again.",
        "Nothing: versions are digests of contents.",
        UPDATES,
        "publish CDS a=1 LDS x=1 EDS a=1
         > CDS
         < CDS a=1
         > CDS ack
         > EDS +a
         < EDS a=1
         > EDS ack
         publish CDS a=1 LDS x=1 EDS a=1
         quiet",
    ),
    both(
        "SUB-22",
        "A content returns after another one.",
        "It is sent: what counts is what the client holds, not which versions it has seen.",
        HARNESS,
        "publish RDS r=1
         > RDS +r
         < RDS r=1
         > RDS ack
         publish RDS r=2
         < RDS r=2
         > RDS ack
         publish RDS r=1
         < RDS r=1
         > RDS ack
         quiet",
    ),
    both(
        "SUB-23",
        "A resource is removed and comes back.",
        "Delta: `removed_resources`, then the resource. State of the world: nothing for the removal (a parent \
         tells it), then the resource.",
        "xDS: Deleting Resources",
        "publish RDS r=1 s=1
         > RDS +r +s
         < RDS r=1 s=1
         > RDS ack
         publish RDS s=1
         D < RDS -r
         D > RDS ack
         quiet
         publish RDS r=1 s=1
         < RDS r=1
         > RDS ack
         quiet",
    ),
    both(
        "SUB-24",
        "Ten thousand names in one request.",
        "All that exist in one response (delta: and the others as removed).",
        "ours",
        "publish EDS n7=1 n9999=1
         > EDS +n#10000
         D < EDS n7=1 n9999=1 -n#0..7 -n#8..9999
         S < EDS n7=1 n9999=1
         > EDS ack
         quiet",
    ),
    both(
        "SUB-25",
        "Two types on one stream.",
        "Each with its own subscription, nonces and versions.",
        "xDS: Aggregated Discovery Service",
        "publish EDS a=1 RDS r=1
         > RDS +r
         < RDS r=1
         > EDS +a
         < EDS a=1
         > RDS ack
         > EDS ack
         publish EDS a=1 RDS r=2
         < RDS r=2
         > RDS ack
         publish EDS a=2 RDS r=2
         < EDS a=2
         > EDS ack
         quiet",
    ),
];
