//! What to try while the mesh keeps running.

use std::{io, path::Path};

use super::{
    lab::Lab,
    mesh::{ADMIN_PORT, NAMESPACE},
    output::{Look, Output, line},
};

/// Says where everything is, and what to try.
pub(super) fn say(lab: &Lab, out: Output) -> io::Result<()> {
    let directory = lab.directory().path().display();
    let gateway = lab.mesh().entrance();
    let admin = lab.control_plane().admin_address();
    let fairlead = program();
    let bookstore =
        lab.mesh().of("bookstore").next().map(|workload| workload.address.to_string()).unwrap_or_default();
    line(&out.paint(Look::Title, "\nThe mesh keeps running. Ctrl-C ends it."))?;
    line("\n  Ask the bookstore, through the gateway:")?;
    out.quote(&format!(
        "curl http://{gateway}/
curl http://{gateway}/reviews
curl -H 'x-user: ada' http://{gateway}/reviews"
    ))?;
    line("\n  Look at the proxies, and at what they were sent:")?;
    out.quote(&format!(
        "{fairlead} proxy-status --server {admin}
{fairlead} proxy-config routes bookstore-v1.{NAMESPACE} --server {admin}
curl http://{bookstore}:{ADMIN_PORT}/config_dump"
    ))?;
    line(&format!("\n  Edit the files in {directory}, for example:"))?;
    out.quote(&format!(
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
    line("\n  Mistakes are told by")?;
    out.quote(&format!("{fairlead} analyze {directory}"))
}

/// How this program is called from the working directory, as far as that is known.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| "fairlead".into());
    let below =
        std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).map(Path::to_owned).ok());
    below.unwrap_or(path).display().to_string()
}
