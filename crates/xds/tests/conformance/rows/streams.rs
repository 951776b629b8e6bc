//! How streams begin, live beside each other, and end.

use crate::row::{Row, both};

const OVERVIEW: &str = "xDS: Basic Protocol Overview";
const GRPC: &str = "gRPC status codes";

pub(crate) const ROWS: &[Row] = &[
    both(
        "STR-01",
        "A type that is not served.",
        "No answer; other types on the stream go on.",
        "ours",
        "publish CDS a=1
         > Thing +a
         > Thing
         > CDS
         < CDS a=1
         > CDS ack
         > Thing +b
         quiet",
    ),
    both(
        "STR-02",
        "The first request has no node.",
        "The stream ends with `InvalidArgument`.",
        OVERVIEW,
        "nobody: > CDS
         nobody: x InvalidArgument
         publish CDS a=1
         > CDS
         < CDS a=1",
    ),
    both(
        "STR-03",
        "The node changes in mid-stream.",
        "The first counts: it was authenticated, and chose what is served.",
        OVERVIEW,
        "publish CDS a=1
         > CDS
         < CDS a=1
         > CDS ack node:b
         > LDS node:stranger
         < LDS
         > LDS ack
         publish CDS a=2
         < CDS a=2
         > CDS ack
         quiet
         b: > CDS
         b: < CDS other=1",
    ),
    both(
        "STR-04",
        "Two streams of one node id, as at a hot restart.",
        "Each is served for itself; the end of one does not touch the other.",
        "ours",
        "publish CDS a=1 LDS x=1
         > CDS
         < CDS a=1
         a2: > CDS
         a2: < CDS a=1
         > CDS ack
         a2: > CDS ack
         a2: quiet
         a2: cut
         publish CDS a=2 LDS x=1
         < CDS a=2
         > CDS ack
         quiet",
    ),
    both(
        "STR-05",
        "The client closes its half.",
        "The stream ends with `Ok`.",
        GRPC,
        "publish CDS a=1
         > CDS
         < CDS a=1
         half-close
         x Ok
         a2: > CDS
         a2: < CDS a=1",
    ),
    both(
        "STR-06",
        "The client closes its half before its first request.",
        "The stream ends with `InvalidArgument`.",
        GRPC,
        "open
         half-close
         x InvalidArgument",
    ),
    both(
        "STR-07",
        "A stream without a request.",
        "It ends with `DeadlineExceeded` after the greeting timeout (10 s; less here).",
        "ours: `ServerOptions::greeting_timeout`",
        "with greeting_ms=50
         open
         x DeadlineExceeded",
    ),
    both(
        "STR-08",
        "The owner does not admit the client.",
        "The stream ends with the owner's status.",
        GRPC,
        "stranger: > CDS
         stranger: x PermissionDenied
         > CDS
         < CDS",
    ),
    both(
        "STR-09",
        "A request above the limit (16 MiB; less here).",
        "The stream ends with `ResourceExhausted`; others go on.",
        GRPC,
        "with max_request_bytes=10000
         publish CDS a=1
         a2: > CDS
         a2: < CDS a=1
         > EDS +a-rather-long-name-#1000
         x ResourceExhausted
         a2: > CDS ack
         a2: quiet",
    ),
    both(
        "STR-10",
        "A million names in one request.",
        "The stream ends with `ResourceExhausted` (200,000 names of a type are allowed); others go on.",
        "ours: `SessionOptions::max_names`",
        "publish CDS a=1
         a2: > CDS
         a2: < CDS a=1
         > EDS +n#1000000
         x ResourceExhausted
         a2: > CDS ack
         a2: quiet",
    ),
    both(
        "STR-11",
        "More names than are allowed, over several requests.",
        "The stream ends with `ResourceExhausted`.",
        "ours: `SessionOptions::max_names`",
        "with max_names=5
         > SDS +n#5
         quiet
         > SDS +m
         x ResourceExhausted",
    ),
    both(
        "STR-12",
        "The server shuts down.",
        "The stream ends with `Unavailable` after what is queued.",
        "ours: `Server::serve`",
        "publish CDS a=1
         > CDS
         < CDS a=1
         drain
         x Unavailable",
    ),
    both(
        "STR-13",
        "The first request is of a type that is not served.",
        "The client is admitted by its node, and the stream continues.",
        "ours",
        "publish CDS a=1
         > Thing
         > CDS
         < CDS a=1
         > CDS ack
         quiet",
    ),
    both(
        "STR-14",
        "The stream is reset while a response is in flight.",
        "It is forgotten; the next stream is served.",
        GRPC,
        "publish CDS a=1
         > CDS
         cut
         > CDS
         < CDS a=1
         > CDS ack
         quiet",
    ),
];
