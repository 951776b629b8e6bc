//! ACK, NACK and nonces.

use crate::row::{Row, both, delta, sotw};

const ACK: &str = "xDS: ACK/NACK and resource type instance version";
const UPDATES: &str = "xDS: When to send an update";
const RACES: &str = "xDS: Resource updates";
const STALE: &str = "xDS: Incremental xDS";
const HARNESS: &str = "xds-test-harness";
const ENVOY: &str = "Envoy 1.40, observed";

pub(crate) const ROWS: &[Row] = &[
    both(
        "ACK-01",
        "An ACK, twice.",
        "Nothing.",
        UPDATES,
        "publish CDS a=1
         > CDS
         < CDS a=1
         > CDS ack
         D > CDS nonce:of:CDS
         S > CDS
         quiet",
    ),
    both(
        "ACK-02",
        "A request with a nonce that was never given out.",
        "It is not answered, but its names take effect, and the stream continues.",
        STALE,
        "publish EDS a=1 b=1
         > EDS +a
         < EDS a=1
         > EDS ack
         > EDS nonce:ffff
         > EDS nonce:no-number
         quiet
         > EDS +b nonce:ffff
         < EDS b=1
         > EDS ack
         quiet",
    ),
    both(
        "ACK-03",
        "The answer to a response that was answered before, after newer ones.",
        "Nothing; the newer response still waits for its own.",
        RACES,
        "publish RDS r=1
         > RDS +r
         < RDS r=1
         > RDS ack
         publish RDS r=2
         < RDS r=2
         > RDS nonce:previous
         publish RDS r=3
         quiet
         > RDS ack
         < RDS r=3
         > RDS ack
         quiet",
    ),
    both(
        "ACK-04",
        "A NACK of a response that was accepted before.",
        "Nothing.",
        RACES,
        "publish RDS r=1
         > RDS +r
         < RDS r=1
         > RDS ack
         publish RDS r=2
         < RDS r=2
         > RDS ack
         > RDS nonce:previous nack:late
         quiet
         publish RDS r=3
         < RDS r=3
         > RDS ack
         quiet",
    ),
    both(
        "ACK-05",
        "The ACK of one type comes under the type URL of another.",
        "It counts for the type whose nonce it has, and the stream continues.",
        HARNESS,
        "publish CDS a=1 LDS x=1
         > CDS
         < CDS a=1
         > CDS ack
         > LDS
         < LDS x=1
         > CDS nonce:of:LDS
         quiet
         publish CDS a=1 LDS x=2
         < LDS x=2
         > LDS ack nonce:of:LDS
         quiet",
    ),
    both(
        "NACK-01",
        "A response with one resource is rejected.",
        "Nothing: the same content is not sent again, also when the same is published anew.",
        ACK,
        "publish LDS a=1
         > LDS
         < LDS a=1
         > LDS ack
         publish LDS a=bad
         < LDS a=bad
         > LDS nack:it_is_bad
         quiet
         publish LDS a=bad
         quiet",
    ),
    both(
        "NACK-02",
        "A rejected resource is fixed.",
        "The fixed content is sent.",
        ACK,
        "publish LDS a=1
         > LDS
         < LDS a=1
         > LDS ack
         publish LDS a=bad
         < LDS a=bad
         > LDS nack:it_is_bad
         publish LDS a=2
         < LDS a=2
         > LDS ack
         quiet",
    ),
    both(
        "NACK-03",
        "A rejected resource returns to the content that the client has.",
        "Nothing.",
        UPDATES,
        "publish LDS a=1
         > LDS
         < LDS a=1
         > LDS ack
         publish LDS a=bad
         < LDS a=bad
         > LDS nack:it_is_bad
         publish LDS a=1
         quiet",
    ),
    both(
        "NACK-04",
        "One type is rejected, another changes.",
        "The other type is updated, and so are other resources of the rejected type.",
        ACK,
        "publish LDS a=1 RDS r=1
         > LDS
         < LDS a=1
         > LDS ack
         > RDS +r
         < RDS r=1
         > RDS ack
         publish LDS a=bad RDS r=1
         < LDS a=bad
         > LDS nack:it_is_bad
         publish LDS a=bad RDS r=2
         < RDS r=2
         > RDS ack
         publish LDS a=bad b=1 RDS r=2
         D < LDS b=1
         S < LDS a=1 b=1
         > LDS ack
         quiet",
    ),
    both(
        "NACK-05",
        "A response with two resources is rejected, and the message names one.",
        "The other is sent again; the named one is not.",
        ENVOY,
        "publish LDS a=1 b=1
         > LDS
         < LDS a=1 b=1
         > LDS ack
         publish LDS a=bad b=2
         < LDS a=bad b=2
         > LDS nack:Error_adding/updating_listener(s)_a:_bad
         D < LDS b=2
         S < LDS a=1 b=2
         > LDS ack
         quiet",
    ),
    both(
        "NACK-06",
        "A response of RDS with four resources is rejected, and the message names none.",
        "Each is sent alone, all at once; the good ones arrive, and the bad one is not sent again.",
        ENVOY,
        "publish RDS a=1 b=1 c=1 d=1
         > RDS +a +b +c +d
         < RDS a=1 b=1 c=1 d=1
         > RDS ack
         publish RDS a=2 b=2 c=bad d=2
         < RDS a=2 b=2 c=bad d=2
         > RDS nack:something_is_bad
         < RDS a=2
         < RDS b=2
         < RDS c=bad
         < RDS d=2
         > RDS ack
         > RDS ack
         > RDS nack:something_is_bad
         > RDS ack
         quiet",
    ),
    both(
        "NACK-07",
        "The very first response is rejected.",
        "Nothing, until something better is published.",
        ACK,
        "publish CDS a=bad
         > CDS
         < CDS a=bad
         > CDS nack:it_is_bad
         quiet
         publish CDS a=1
         < CDS a=1
         > CDS ack
         quiet",
    ),
    both(
        "NACK-08",
        "Another client of the view asks for a content that one has rejected.",
        "It is sent: what one client refuses may be its own fault.",
        "ours: quarantine",
        "publish CDS a=bad b=1
         > CDS
         < CDS a=bad b=1
         > CDS nack:Error_adding/updating_cluster(s)_a:_bad
         < CDS b=1
         > CDS ack
         a2: > CDS
         a2: < CDS a=bad b=1
         a2: > CDS ack
         a2: quiet",
    ),
    both(
        "NACK-09",
        "An error without a nonce, after a response.",
        "It answers nothing: in particular the response is not sent again, which would go on for ever.",
        "ours",
        "publish LDS a=bad
         > LDS
         < LDS a=bad
         > LDS nonce:none nack:it_is_bad
         quiet",
    ),
    both(
        "NACK-10",
        "A NACK and a new name in one request.",
        "Both count.",
        ACK,
        "publish EDS a=1 b=1
         > EDS +a
         < EDS a=1
         > EDS ack
         publish EDS a=bad b=1
         < EDS a=bad
         > EDS +b nack:it_is_bad
         < EDS b=1
         > EDS ack
         quiet",
    ),
    sotw(
        "NACK-11",
        "An error with nonce and version of the last response, while an earlier one is unanswered too.",
        "The error is the earlier one's, and the last is accepted: Envoy answers several cluster responses at once \
         when clusters have warmed.",
        ENVOY,
        "publish CDS a=1 EDS a=1
         > CDS
         < CDS a=1
         > EDS +a
         < EDS a=1
         > EDS ack
         > CDS ack
         publish CDS a=bad EDS a=1
         < CDS a=bad
         < EDS a=1
         > EDS ack
         publish CDS a=2 EDS a=1
         < CDS a=2
         < EDS a=1
         > EDS ack
         > CDS late-nack:it_is_bad
         quiet
         publish CDS a=bad EDS a=1
         quiet",
    ),
    delta(
        "NACK-12",
        "A response with nothing but a removed name is rejected.",
        "Nothing: it counts as acknowledged, because it would be rejected for ever. The resource is sent when it is published again.",
        "ours",
        "publish EDS a=1
         > EDS +a
         < EDS a=1
         > EDS ack
         publish
         < EDS -a
         > EDS nack:no
         quiet
         publish EDS a=1
         < EDS a=1
         > EDS ack
         quiet",
    ),
    sotw(
        "NACK-13",
        "A rejected resource is asked for by name.",
        "It is left out of what is sent.",
        "ours: quarantine",
        "publish CDS a=bad b=1
         > CDS +*
         < CDS a=bad b=1
         > CDS nack:Error_adding/updating_cluster(s)_a:_bad
         < CDS b=1
         > CDS ack
         > CDS +a
         < CDS b=1
         > CDS ack
         publish CDS a=bad b=2
         < CDS b=2
         > CDS ack
         quiet",
    ),
];
