//! Suggestions: while the mesh keeps running, and after it has ended.
//!
//! Each command works as printed, in the directory in which the demo was started.

use std::{io, path::Path};

use super::{
    mesh::{NAMESPACE, ROOT_NAMESPACE},
    output::{Look, Output},
    running::Demo,
};

/// Prints where everything is, and what to try.
pub(super) fn say(demo: &Demo, out: Output) -> io::Result<()> {
    let path = demo.directory().path();
    let directory = quoted(&path.display().to_string());
    let gateway = demo.mesh().entrance();
    let admin = demo.control_plane().admin_address();
    let fairlead = program();
    let bookstore = demo.mesh().of("bookstore").next().map(|workload| workload.address);
    let bookstore = bookstore.map(|address| format!("{address}:{}", demo.mesh().ports.envoy_admin()));
    out.line(&out.paint(Look::Title, "\nThe mesh keeps running. Ctrl-C ends it."))?;
    out.line("  In another terminal, ask the bookstore through the gateway:")?;
    out.commands(&format!(
        "curl http://{gateway}/
curl http://{gateway}/reviews"
    ))?;
    out.line("  Look at the proxies, and at what they were sent:")?;
    out.commands(&format!(
        "{fairlead} proxy-status --server {admin}
{fairlead} proxy-config routes bookstore-v1.{NAMESPACE} --server {admin}
curl http://{}/clusters",
        bookstore.unwrap_or_default()
    ))?;
    let stays = if demo.directory().stays() { "it stays there" } else { "it goes with the demo" };
    out.line(&format!("  The YAML of the mesh is in {}; {stays}.", path.display()))?;
    out.line("  Edit it, for example so that one user has reviews of their own:")?;
    out.commands(&format!(
        "cat > {directory}/reviews.yaml <<'END'
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews, namespace: {NAMESPACE}}}
spec:
  hosts: [reviews]
  http:
  - match: [{{headers: {{x-user: {{exact: ada}}}}}}]
    route: [{{destination: {{host: reviews, subset: v3}}}}]
  - route: [{{destination: {{host: reviews, subset: v1}}}}]
END"
    ))?;
    out.line("  See who answers now; mistakes are told by the last command:")?;
    out.commands(&format!(
        "curl -H 'x-user: ada' http://{gateway}/reviews
curl http://{gateway}/reviews
{fairlead} analyze {directory}"
    ))
}

/// Prints what to do after the end.
pub(super) fn after(kept: Option<&Path>, shift: u16, out: Output) -> io::Result<()> {
    let fairlead = program();
    out.line(&out.paint(Look::Title, "\nWhat next"))?;
    let directory = if let Some(path) = kept {
        let path = path.display().to_string();
        out.line(&format!("  The YAML of the mesh has stayed in {path}."))?;
        path
    } else {
        let directory = unused();
        let shifted = if shift == 0 { String::new() } else { format!(" --shift-ports {shift}") };
        out.line("  Play with the mesh: it runs until Ctrl-C then, and says what to try. Its YAML stays:")?;
        out.commands(&format!("{fairlead} demo --keep --no-steps --dir {directory}{shifted}"))?;
        directory
    };
    out.line("  What is wrong in that YAML, and what is its gateway sent?")?;
    let directory = quoted(&directory);
    out.commands(&format!(
        "{fairlead} analyze {directory}
{fairlead} render {directory} --type gateway --namespace {ROOT_NAMESPACE} --label istio=ingressgateway"
    ))?;
    out.line("  Your own YAML, with an Envoy of your own: README.md, at \"Your own YAML\". All commands:")?;
    out.commands(&format!("{fairlead} --help"))
}

/// This program as it was called, which works again in the same directory.
fn program() -> String {
    quoted(
        &std::env::args_os()
            .next()
            .map_or_else(|| "fairlead".into(), |name| name.to_string_lossy().into_owned()),
    )
}

/// A name for a new directory.
fn unused() -> String {
    let names = ["my-mesh".to_owned()].into_iter().chain((2..).map(|n| format!("my-mesh-{n}")));
    names.into_iter().find(|name| !Path::new(name).exists()).unwrap_or_default()
}

/// A word quoted for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
