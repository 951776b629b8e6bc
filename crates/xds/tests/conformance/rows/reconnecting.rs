//! What a client that comes back is sent.

use crate::row::{Row, both, delta, sotw};

const DELTA: &str = "xDS: Incremental xDS";
const ACK: &str = "xDS: ACK/NACK and resource type instance version";
const HARNESS: &str = "xds-test-harness";
const ENVOY: &str = "Envoy 1.40, observed";

pub(crate) const ROWS: &[Row] = &[
    both(
        "REC-01",
        "The stream is cut and opened again; nothing has changed.",
        "Delta with `initial_resource_versions`: nothing. State of the world: everything, for a client may have \
         forgotten.",
        DELTA,
        "publish CDS a=1 b=1 EDS a=1
         > CDS
         < CDS a=1 b=1
         > CDS ack
         > EDS +a
         < EDS a=1
         > EDS ack
         cut
         > CDS have:held
         S < CDS a=1 b=1
         S > CDS ack
         S > EDS +a
         D > EDS +a have:held
         S < EDS a=1
         S > EDS ack
         quiet",
    ),
    delta(
        "REC-02",
        "The client comes with versions that are unknown here.",
        "Those resources, and those that it lacks; not the ones that it has.",
        DELTA,
        "publish CDS a=1 b=2 c=1
         > CDS have:a=1 have:b=old
         < CDS b=2 c=1
         > CDS ack
         quiet",
    ),
    delta(
        "REC-03",
        "The client comes with resources that no longer exist, to a server that never knew them.",
        "`removed_resources` names them, once the client has acknowledged something.",
        "java-control-plane#463",
        "publish CDS a=1 b=1 LDS x=1
         > CDS
         < CDS a=1 b=1
         > CDS ack
         > LDS
         < LDS x=1
         > LDS ack
         cut
         replica CDS a=2 LDS x=1
         > CDS have:held
         < CDS a=2
         > LDS have:held
         > CDS ack
         < CDS -b
         > CDS ack
         quiet",
    ),
    delta(
        "REC-04",
        "A replica publishes the same.",
        "Nothing: versions are digests of contents, the same in every process.",
        "ours",
        "publish CDS a=1 LDS x=1
         > CDS
         < CDS a=1
         > CDS ack
         > LDS
         < LDS x=1
         > LDS ack
         cut
         replica CDS a=1 LDS x=1
         > CDS have:held
         > LDS have:held
         quiet",
    ),
    delta(
        "REC-05",
        "Names with versions, and among them one that the client lacks and one that does not exist.",
        "The one that it lacks, and `removed_resources` for the other.",
        DELTA,
        "publish CDS a=1 EDS a=1 b=1
         > CDS have:a=1
         > EDS +a +b +x have:a=1
         < EDS b=1 -x
         > EDS ack
         quiet",
    ),
    delta(
        "REC-06",
        "Versions are listed and the names are not repeated.",
        "Nothing: the client must name what it wants.",
        DELTA,
        "publish EDS a=1
         > EDS have:a=old
         quiet",
    ),
    both(
        "REC-07",
        "The first request of a stream has the nonce of an earlier stream.",
        "The nonce means nothing; the subscription begins.",
        ACK,
        "publish LDS a=1
         > LDS nonce:7
         < LDS a=1
         > LDS ack
         quiet",
    ),
    sotw(
        "REC-08",
        "Endpoints are asked for before clusters, with the version of an earlier stream.",
        "They are answered, even if with nothing.",
        ENVOY,
        "publish CDS a=1 EDS a=1
         > EDS +a +gone have:held
         < EDS a=1
         > EDS ack
         > CDS
         < CDS a=1
         < EDS a=1
         > EDS ack
         > CDS ack
         quiet",
    ),
    delta(
        "REC-09",
        "Endpoints are asked for before clusters, with the versions of an earlier stream.",
        "They are sent although the client has them: it asks in this order while a cluster warms.",
        ENVOY,
        "publish CDS a=1 EDS a=1
         > EDS +a have:a=1
         < EDS a=1
         > EDS ack
         > CDS have:a=1
         quiet",
    ),
    sotw(
        "REC-10",
        "A request on a running stream carries the node again, and neither nonce nor version.",
        "It begins the subscription anew: all of it is sent.",
        HARNESS,
        "publish RDS r=1 s=1
         > RDS +r
         < RDS r=1
         > RDS ack
         > RDS +s nonce:none node:a
         < RDS r=1 s=1
         > RDS ack
         quiet",
    ),
    both(
        "REC-11",
        "A client comes back after something was rejected.",
        "The content is sent again, because a quarantine ends with its stream; if it is rejected again, it is left out.",
        "ours: quarantine",
        "publish LDS a=1 b=1
         > LDS
         < LDS a=1 b=1
         > LDS ack
         publish LDS a=bad b=1
         D < LDS a=bad
         S < LDS a=bad b=1
         > LDS nack:it_is_bad
         quiet
         cut
         D > LDS have:a=1 have:b=1
         D < LDS a=bad
         D > LDS nack:it_is_bad
         S > LDS
         S < LDS a=bad b=1
         S > LDS nack:Error_adding/updating_listener(s)_a:_bad
         S < LDS b=1
         S > LDS ack
         quiet",
    ),
];
