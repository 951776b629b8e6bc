//! One request, by an unmodified client, and what came back.

use std::collections::BTreeMap;

use fairlead_testkit::{
    app::Echo,
    netns::{NetnsError, Pod},
};

use crate::scenario::{Answer, Expect, First, Request, Tcp};

/// What became of a request.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Who answered, if a server did.
    from: Option<String>,
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    echo: Option<Echo>,
    body: String,
    /// That there was no answer, and why.
    failed: Option<Failed>,
}

#[derive(Debug)]
enum Failed {
    Closed(String),
    TimedOut,
}

/// Sends the request from a pod. An address that it does not name is that of `workload`.
pub(crate) fn send(request: &Request, from: &Pod, workload: &Pod) -> Outcome {
    let (address, port) = request.to.rsplit_once(':').expect("`to` is <address>:<port>");
    let address = address.trim_matches(['[', ']']);
    let address = match address {
        "" | "${POD_IP}" => workload.ip().to_string(),
        address => address.to_owned(),
    };
    match request.tcp {
        None | Some(Tcp::Flag(false)) => http(request, from, &address, port),
        Some(Tcp::Flag(true) | Tcp::First(First::Client)) => bytes(from, &address, port, "echo hello >&3;"),
        Some(Tcp::First(First::Server)) => bytes(from, &address, port, ""),
    }
}

fn http(request: &Request, from: &Pod, address: &str, port: &str) -> Outcome {
    let mut arguments: Vec<String> = [
        "--silent",
        "--show-error",
        "--include",
        "--insecure",
        "--globoff",
        "--path-as-is",
        "--max-time",
        "5",
    ]
    .map(str::to_owned)
    .into();
    let bracketed = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let (scheme, name) = match request.tls.as_deref() {
        None => ("http", bracketed.as_str()),
        Some("") => ("https", bracketed.as_str()),
        Some(name) => {
            arguments.extend(["--resolve".to_owned(), format!("{name}:{port}:{bracketed}")]);
            ("https", name)
        }
    };
    if let Some(host) = &request.host {
        arguments.extend(["--header".to_owned(), format!("Host: {host}")]);
    }
    if let Some(method) = &request.method {
        arguments.extend(["--request".to_owned(), method.clone()]);
    }
    for (key, value) in &request.headers {
        arguments.extend(["--header".to_owned(), format!("{key}: {value}")]);
    }
    // A whole URL is what a client asks a proxy for.
    let path = if request.path.starts_with('/') {
        request.path.as_str()
    } else {
        arguments.extend(["--request-target".to_owned(), request.path.clone()]);
        "/"
    };
    arguments.push(format!("{scheme}://{name}:{port}{path}"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match from.output("curl", &arguments) {
        Ok(text) => answered(&text),
        Err(error) => failed(error, "(28)"),
    }
}

/// Reads what `curl --include` prints.
fn answered(text: &str) -> Outcome {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(key, value)| (key.to_lowercase(), value.trim().to_owned())).collect();
    let echo: Option<Echo> = serde_json::from_str(body).ok();
    let from = echo.as_ref().map(|echo| echo.service.clone());
    Outcome { from, status, headers, echo, body: body.to_owned(), failed: None }
}

fn bytes(from: &Pod, address: &str, port: &str, speak: &str) -> Outcome {
    let script = format!("exec 3<>/dev/tcp/{address}/{port} && {{ {speak} head -n 1 <&3; }}");
    match from.output("timeout", &["5", "bash", "-c", &script]) {
        Ok(line) if line.trim().is_empty() => {
            Outcome { failed: Some(Failed::Closed("no byte came".to_owned())), ..Outcome::default() }
        }
        Ok(line) => {
            let name = line.split(':').next().unwrap_or_default().trim();
            Outcome { from: Some(name.to_owned()), body: line, ..Outcome::default() }
        }
        // `timeout` says nothing when it ends what it runs.
        Err(NetnsError::Failed { said, .. }) if said.is_empty() => {
            Outcome { failed: Some(Failed::TimedOut), ..Outcome::default() }
        }
        Err(error) => failed(error, "timed out"),
    }
}

fn failed(error: NetnsError, timeout: &str) -> Outcome {
    let NetnsError::Failed { said, .. } = error else { panic!("{error}") };
    let failed = if said.contains(timeout) { Failed::TimedOut } else { Failed::Closed(said) };
    Outcome { failed: Some(failed), ..Outcome::default() }
}

impl Outcome {
    /// Whether it is what was expected.
    pub(crate) fn matches(&self, expect: &Expect) -> Result<(), String> {
        let right = match expect {
            Expect::Status(status) => self.status == Some(*status),
            Expect::Who(who) if who == "closed" => matches!(self.failed, Some(Failed::Closed(_))),
            Expect::Who(who) => {
                self.from.as_ref() == Some(who) && self.status.is_none_or(|status| status == 200)
            }
            Expect::Answer(answer) => self.answers(answer),
        };
        if right { Ok(()) } else { Err(format!("{}, not {expect:?}", self.describe())) }
    }

    fn answers(&self, wanted: &Answer) -> bool {
        let same = |wanted: &Option<String>, is: Option<&String>| wanted.is_none() || wanted.as_ref() == is;
        let echo = self.echo.as_ref();
        same(&wanted.from, self.from.as_ref())
            && wanted.status.is_none_or(|status| self.status == Some(status))
            && same(&wanted.location, self.headers.get("location"))
            && wanted.headers.iter().all(|(key, value)| self.headers.get(&key.to_lowercase()) == Some(value))
            && same(&wanted.path, echo.map(|echo| &echo.path))
            && same(&wanted.authority, echo.map(|echo| &echo.authority))
            && wanted.received.iter().all(|(key, value)| {
                echo.and_then(|echo| echo.headers.get(&key.to_lowercase())) == Some(value)
            })
            && wanted.body.as_ref().is_none_or(|part| self.body.contains(part))
    }

    fn describe(&self) -> String {
        match &self.failed {
            Some(Failed::Closed(said)) => format!("closed ({said})"),
            Some(Failed::TimedOut) => "timed out".to_owned(),
            None => format!("{:?} from {:?} {:?} {}", self.status, self.from, self.headers, self.body.trim()),
        }
    }
}
