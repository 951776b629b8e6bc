//! Names of other forms, resource locators, resources with a time to live.

use crate::row::{Row, both, delta};

const TP1: &str = "xRFC TP1";
const TP2: &str = "xRFC TP2, Unconstrained Parameters";
const TTL: &str = "xDS: TTL";

pub(crate) const ROWS: &[Row] = &[
    both(
        "NAM-01",
        "An `xdstp://` name of a single resource.",
        "It is a name that does not exist. Delta: `removed_resources`. State of the world: absent. Others are \
         served.",
        TP1,
        "publish CDS a=1 EDS a=1
         > EDS +a +xdstp://authority/envoy.config.endpoint.v3.ClusterLoadAssignment/a
         D < EDS a=1 -xdstp://authority/envoy.config.endpoint.v3.ClusterLoadAssignment/a
         S < EDS a=1
         > EDS ack
         quiet
         publish CDS a=1 EDS a=2
         < EDS a=2
         > EDS ack
         quiet",
    ),
    both(
        "NAM-02",
        "An `xdstp://` collection of listeners or clusters.",
        "The same: it does not exist, and in particular it is no wildcard.",
        TP1,
        "publish CDS a=1 LDS x=1
         > LDS +xdstp://authority/envoy.config.listener.v3.Listener/*
         D < LDS -xdstp://authority/envoy.config.listener.v3.Listener/*
         S < LDS
         > LDS ack
         > CDS +xdstp:///envoy.config.cluster.v3.Cluster/foo/*?env=prod
         D < CDS -xdstp:///envoy.config.cluster.v3.Cluster/foo/*?env=prod
         S < CDS
         > CDS ack
         publish CDS a=2 LDS x=2
         quiet",
    ),
    both(
        "NAM-03",
        "An `xdstp://` name of a type that is not served.",
        "Nothing, as for any name of such a type.",
        TP1,
        "publish CDS a=1
         > Thing +xdstp://authority/type.example.com.Thing/a
         > CDS
         < CDS a=1
         > CDS ack
         quiet",
    ),
    both(
        "NAM-04",
        "A resource locator with dynamic parameters, for a resource that exists.",
        "The resource: it has one variant and no constraint, which matches whatever the parameters are.",
        TP2,
        "publish EDS a=1 b=1
         > EDS loc:+a +b
         < EDS a=1 b=1
         > EDS ack
         quiet",
    ),
    both(
        "NAM-05",
        "A resource locator for a resource that does not exist.",
        "As for a name.",
        TP2,
        "publish EDS a=1
         > EDS loc:+x +a
         D < EDS a=1 -x
         S < EDS a=1
         > EDS ack
         quiet",
    ),
    both(
        "NAM-06",
        "The first request of CDS has a resource locator and no names.",
        "No wildcard: the located resource alone.",
        TP2,
        "publish CDS a=1 b=1
         > CDS loc:+a
         < CDS a=1
         D > CDS ack
         S > CDS ack loc:+a
         quiet
         publish CDS a=1 b=2
         quiet",
    ),
    delta(
        "NAM-07",
        "A name is unsubscribed by its locator.",
        "Nothing more of it.",
        TP2,
        "publish EDS a=1
         > EDS loc:+a
         < EDS a=1
         > EDS ack
         > EDS loc:-a
         quiet
         publish EDS a=2
         quiet",
    ),
    both(
        "NAM-08",
        "The node says that the client takes resources with a TTL, and wrapped ones.",
        "Resources come without TTL and are not wrapped; there are no heartbeats.",
        TTL,
        "publish CDS a=1
         > CDS feature:xds.config.supports-resource-ttl feature:xds.config.supports-resource-in-sotw
         < CDS a=1
         > CDS ack
         quiet",
    ),
    both(
        "NAM-09",
        "Names with spaces, slashes, quotes, non-ASCII letters and NUL.",
        "Names are opaque: they exist or not.",
        "ours",
        "publish RDS ä/\"'%00=1
         > RDS +ä/\"'%00 +a/b?c\u{0}
         D < RDS ä/\"'%00=1 -a/b?c\u{0}
         S < RDS ä/\"'%00=1
         > RDS ack
         quiet",
    ),
];
