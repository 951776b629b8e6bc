//! VirtualServices with all of their fields.

use serde_json::{Value, json};

use super::pen::{Pen, fields};

pub(super) fn destination(pen: &mut Pen) -> Value {
    let mut destination = fields!(pen, {
        "subset" 20: pen.mostly(&["v1", "v2", "v1", "gone"], &[""]),
        "port" 50: if pen.is_odd() { json!({}) } else { json!({"number": pen.port()}) },
    });
    destination["host"] = pen.host();
    destination
}

fn headers(pen: &mut Pen) -> Value {
    fn operations(pen: &mut Pen) -> Value {
        fields!(pen, {
            "set" 50: pen.map(3, Pen::header, Pen::text),
            "add" 50: pen.map(3, Pen::header, Pen::text),
            "remove" 30: pen.list(1, 3, |pen| pen.header().into()),
        })
    }
    fields!(pen, {"request" 70: operations(pen), "response" 50: operations(pen)})
}

fn http_match(pen: &mut Pen) -> Value {
    let mut uri = pen.string_match();
    if pen.often(70) {
        uri = json!({pen.pick(&["exact", "prefix"]): pen.path()});
    }
    fields!(pen, {
        "name" 10: pen.text(),
        "uri" 70: uri,
        "ignoreUriCase" 10: true,
        "scheme" 8: pen.string_match(),
        "method" 15: pen.string_match(),
        "authority" 15: pen.string_match(),
        "headers" 30: pen.map(3, Pen::header, Pen::string_match),
        "withoutHeaders" 15: pen.map(2, Pen::header, Pen::string_match),
        "queryParams" 20: pen.map(2, Pen::parameter, Pen::string_match),
        "port" 15: pen.port(),
        "sourceLabels" 10: pen.labels(),
        "sourceNamespace" 5: pen.pick(&["alphans", "zetans", ""]),
        "gateways" 10: gateways(pen),
        "statPrefix" 10: pen.text(),
    })
}

fn gateways(pen: &mut Pen) -> Value {
    let all = ["mesh", "web", "zetans/web", "a", "alphans/a", "x.y", "zetans/x.y", "istio-system/web"];
    pen.list(1, 2, |pen| pen.pick(&all).into())
}

fn http_route(pen: &mut Pen) -> Value {
    let mut route = fields!(pen, {
        "name" 20: pen.text(),
        "match" 70: pen.list(1, 3, http_match),
        "timeout" 20: pen.duration(),
        "headers" 30: headers(pen),
    });
    match pen.below(12) {
        0 | 1 => route["redirect"] = redirect(pen),
        2 => {
            let body = match pen.below(4) {
                0 => json!({"string": pen.text()}),
                1 => json!({"string": "x".repeat(pen.pick(&[4_096, 4_097, 5_000, 1_048_577]))}),
                2 => json!({}),
                _ => json!({"bytes": pen.pick(&["aGk=", "", "%%", "JVJFUSh4KSU="])}),
            };
            route["directResponse"] = fields!(pen, {"body" 70: body});
            route["directResponse"]["status"] =
                pen.mostly(&[200, 204, 404, 503, 599], &[100, 101, 199, 600, 0]).into();
        }
        3 => {
            route["delegate"] = fields!(pen, {"name" 90: pen.pick(&["a", "b", "web"]), "namespace" 40: pen.pick(&["alphans", "zetans"])});
        }
        _ => forward(pen, &mut route),
    }
    if pen.often(15) {
        route["corsPolicy"] = cors(pen);
    }
    if pen.often(15) {
        route["fault"] = fault(pen);
    }
    route
}

fn redirect(pen: &mut Pen) -> Value {
    let mut redirect = fields!(pen, {
        "uri" 60: pen.path(),
        "authority" 50: if pen.often(60) { pen.host() } else { pen.text() },
        "scheme" 30: pen.mostly(&["http", "https"], &["ftp", "", "HTTPS", "h ttp"]),
        "port" 20: pen.port(),

        "redirectCode" 30: pen.mostly(&[301, 302, 307, 308, 303], &[300, 304, 200, 0]),
    });
    if !redirect["uri"].is_string() && pen.often(40) || pen.is_odd() {
        redirect["prefixRewrite"] = pen.path();
    }
    if !redirect["port"].is_number() && pen.often(30) || pen.is_odd() {
        redirect["derivePort"] = pen.pick(&["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"]).into();
    }
    if !redirect["uri"].is_string() && !pen.is_odd() {
        redirect["authority"] = pen.host();
    }
    redirect
}

fn cors(pen: &mut Pen) -> Value {
    let method = |pen: &mut Pen| pen.mostly(&["GET", "*", "POST"], &["x", "", "G ET", "GET\n", "é"]).into();
    fields!(pen, {
        "allowOrigin" 15: pen.list(1, 2, |pen| if pen.often(70) { pen.pick(&["*", "https://a.test"]).into() } else { pen.text() }),
        "allowOrigins" 80: pen.list(1, 3, Pen::string_match),
        "allowMethods" 50: pen.list(1, 2, method),
        "allowHeaders" 40: pen.list(1, 2, |pen| pen.header().into()),
        "exposeHeaders" 40: pen.list(1, 2, |pen| pen.header().into()),
        "maxAge" 30: pen.mostly(&["1s", "24h", "87600h"], &["0s", "0.5s", "9223372035s"]),
        "allowCredentials" 30: pen.bool(),
        "unmatchedPreflights" 20: pen.pick(&["FORWARD", "IGNORE", "UNSPECIFIED"]),
    })
}

fn fault(pen: &mut Pen) -> Value {
    let mut delay = fields!(pen, {
        "percentage" 70: pen.share(),
    });
    if pen.is_odd() {
        delay["exponentialDelay"] = pen.duration();
        delay["percent"] = pen.number();
    } else {
        delay["fixedDelay"] = pen.duration();
    }
    let abort = match pen.below(8) {
        0 | 1 => json!({"grpcStatus": pen.mostly(&["UNAVAILABLE", "NOT_FOUND"], &["x", "", "14", "OK"])}),
        2 if pen.is_odd() => json!({"http2Error": pen.pick(&["PROTOCOL_ERROR", "x"])}),
        _ => json!({"httpStatus": pen.mostly(&[400, 503, 200, 599], &[199, 600, 0, -1])}),
    };
    let mut fault = fields!(pen, {"delay" 50: delay, "abort" 60: abort});
    if fault.get("abort").is_none() && !pen.is_odd() {
        fault["delay"] = delay;
    }
    if fault.get("abort").is_some() && pen.often(80) {
        fault["abort"]["percentage"] = pen.share();
    }
    fault
}

fn forward(pen: &mut Pen, route: &mut Value) {
    let count = 1 + pen.below(3);
    let destinations = (0..count).map(|_| {
        let mut weighted = fields!(pen, {"headers" 25: headers(pen)});
        weighted["destination"] = destination(pen);
        if count > 1 || pen.often(10) {
            weighted["weight"] = pen.mostly(&[1, 2, 50, 100], &[0, -1, i32::MAX]).into();
        }
        weighted
    });
    route["route"] = destinations.collect();
    if pen.often(25) {
        route["rewrite"] = rewrite(pen);
    }
    if pen.often(25) {
        route["retries"] = retries(pen);
    }
    if pen.often(15) {
        route["mirrors"] = pen.list(1, 3, |pen| {
            let mut mirror = fields!(pen, {"percentage" 60: pen.share()});
            mirror["destination"] = destination(pen);
            mirror
        });
    } else if pen.often(10) {
        route["mirror"] = destination(pen);
        match pen.below(4) {
            0 => route["mirrorPercent"] = pen.number(),
            1 => route["mirrorPercentage"] = pen.share(),
            2 => route["mirror_percent"] = pen.number(),
            _ => {}
        }
    }
}

fn rewrite(pen: &mut Pen) -> Value {
    if pen.below(4) == 0 {
        let replacements = [
            "/x",
            "/\\1",
            "/\\2\\1",
            "\\0",
            "/\\9",
            "\\",
            "/\\n",
            "",
            "\\\\",
            "é",
            "/%REQ(x)%",
            "a\u{0}b",
            "/a b",
        ];
        return json!({"uriRegexRewrite": fields!(pen, {
            "match" 98: pen.expression(),
            "rewrite" 98: pen.pick(&replacements),
        })});
    }
    fields!(pen, {"uri" 90: pen.path(), "authority" 50: if pen.often(60) { pen.host() } else { pen.text() }})
}

pub(super) fn retries(pen: &mut Pen) -> Value {
    let conditions = [
        "5xx",
        "connect-failure,503",
        "gateway-error, reset",
        "x",
        "",
        "retriable-4xx,99",
        "retriable-status-codes",
        "retriable-headers",
        "reset-before-request,refused-stream,unavailable,cancelled",
        " 503 , 5xx ",
        "5XX",
        "http3-post-connect-failure",
    ];
    fields!(pen, {
        "attempts" 97: pen.mostly(&[1, 2, 3, 10], &[0, -1, i32::MAX]),
        "perTryTimeout" 50: pen.duration(),
        "retryOn" 50: pen.mostly(&conditions, &["503,504,600,0,-1", "99999999999999999999", "é"]),
        "backoff" 30: pen.duration(),
        "retryRemoteLocalities" 20: pen.bool(),
        "retryIgnorePreviousHosts" 20: pen.bool(),
    })
}

fn l4_match(pen: &mut Pen) -> Value {
    fields!(pen, {
        "port" 50: pen.port(),
        "destinationSubnets" 30: pen.list(1, 3, Pen::address),
        "sourceLabels" 10: pen.labels(),
        "sourceNamespace" 5: pen.pick(&["alphans", "zetans"]),
        "gateways" 15: gateways(pen),
    })
}

fn l4_route(pen: &mut Pen) -> Value {
    let count = 1 + pen.below(3);
    let one = |pen: &mut Pen| {
        let weight = pen.mostly(&[1, 2, 50, 100], &[0, -1, i32::MAX]);
        if count > 1 {
            json!({"destination": destination(pen), "weight": weight})
        } else {
            json!({"destination": destination(pen)})
        }
    };
    pen.list(count, count, one)
}

pub(super) fn virtual_service(pen: &mut Pen) -> Value {
    let hosts = pen.list(1, 3, Pen::server_host);
    let first = hosts[0].clone();
    let mut spec = fields!(pen, {
        "gateways" 60: gateways(pen),
        "exportTo" 10: json!([pen.pick(&[".", "*", "zetans"])]),
        "http" 85: pen.list(1, 4, http_route),
        "tcp" 20: pen.list(1, 2, |pen| {
            let condition = |pen: &mut Pen| {
                let mut condition = l4_match(pen);
                if pen.often(5) {
                    condition["sourceSubnet"] = pen.address();
                }
                condition
            };
            let mut route = fields!(pen, {"match" 60: pen.list(1, 2, condition)});
            route["route"] = l4_route(pen);
            route
        }),
        "tls" 30: pen.list(1, 2, |pen| {
            let matches = pen.list(1, 2, |pen| {
                let mut condition = l4_match(pen);
                condition["sniHosts"] = if pen.often(90) { json!([first]) } else { pen.list(1, 3, Pen::server_host) };
                condition
            });
            json!({"match": matches, "route": l4_route(pen)})
        }),
    });
    // One that others delegate to has no hosts.
    if !pen.is_odd() {
        spec["hosts"] = hosts;
    }
    if ["http", "tcp", "tls"].iter().all(|field| spec.get(*field).is_none()) && !pen.is_odd() {
        spec["http"] = pen.list(1, 2, http_route);
    }
    json!({"spec": spec})
}
