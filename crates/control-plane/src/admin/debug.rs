//! What the control plane holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Query, State as Extract},
    http::StatusCode,
};
use fairlead_config::{AnyConfig, Diagnostic, FieldPath, Subject};
use fairlead_resource::TypeUrl;
use fairlead_translate::{origins::Which, publication::PublicationKey};
use fairlead_xds::{Publication, server::ConnectionStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    proxies::choose,
    state::{Problem, State},
    sync::all_held_back,
};
use crate::{
    core::{Core, Objects, find, whole_of},
    dump::{self, ConfigDump, TYPES},
    explain as explanation,
    origin::Origin,
    resolver::publication_key,
};

/// Which objects `/debug/configz` shows.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Choice {
    kind: Option<String>,
    namespace: Option<String>,
}

/// Objects by identity and place. Their content is in their files; nothing about the content of Secrets is shown.
pub(super) async fn configz(
    Extract(state): Extract<State>,
    Query(choice): Query<Choice>,
) -> Result<Json<Value>, Problem> {
    let objects = state.core.inspect(|core| core.objects().clone()).await?;
    let chosen = objects.iter().filter(|object| {
        let key = object.key();
        choice.kind.as_ref().is_none_or(|kind| key.kind.as_str().eq_ignore_ascii_case(kind))
            && choice.namespace.as_ref().is_none_or(|namespace| key.namespace.as_str() == namespace)
    });
    Ok(Json(chosen.map(object_json).collect()))
}

fn object_json(object: &AnyConfig) -> Value {
    let key = object.key();
    let place = object.read_from().locate(&FieldPath::root());
    json!({
        "kind": key.kind.as_str(),
        "namespace": key.namespace.as_str(),
        "name": key.name.as_str(),
        "labels": object.labels().iter().collect::<std::collections::BTreeMap<_, _>>(),
        "file": place.as_ref().map(|place| place.file.to_string()),
        "line": place.as_ref().map(|place| place.line),
    })
}

/// The proxy, and optionally one of its resources.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct About {
    proxy: String,
    /// istiod's name for `proxy`.
    #[serde(rename = "proxyID")]
    proxy_id: String,
    /// The namespace of the proxy, if its name does not include it.
    namespace: Option<String>,
    resource: Option<String>,
}

impl About {
    fn wanted(&self) -> Result<&str, Problem> {
        let wanted = if self.proxy.is_empty() { &self.proxy_id } else { &self.proxy };
        if wanted.is_empty() {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "say which proxy: ?proxy=<id>; /debug/syncz lists them",
            ));
        }
        Ok(wanted)
    }
}

pub(super) async fn config_dump(
    Extract(state): Extract<State>,
    Query(about): Query<About>,
) -> Result<Json<ConfigDump>, Problem> {
    let Served { connection, key, publication, objects } = served(&state, &about).await?;
    let mut origins = BTreeMap::new();
    for type_url in TYPES {
        origins.insert(type_url, state.core.origins(&key, type_url).await?);
    }
    let nacked = state.core.inspect(Core::nacked).await?;
    let mut dump = dump::dump(&connection.node.id, &publication, &origins, &objects)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    for status in connection.types.iter().filter(|status| !status.held_back.is_empty()) {
        dump.held_back.insert(status.type_url.short().to_owned(), all_held_back(status, &nacked, &objects));
    }
    Ok(Json(dump))
}

/// A connected proxy, and what it is served.
struct Served {
    connection: ConnectionStatus,
    key: PublicationKey,
    publication: Arc<Publication>,
    objects: Objects,
}

/// The newest connection of the chosen proxy, and what it is served.
async fn served(state: &State, about: &About) -> Result<Served, Problem> {
    let gone = || Problem::new(StatusCode::NOT_FOUND, "the proxy has just gone");
    let connections = state.sessions.snapshot();
    let ids = connections.iter().map(|connection| &*connection.node.id);
    let chosen = choose(about.wanted()?, about.namespace.as_deref(), ids)
        .map_err(|message| Problem::new(StatusCode::NOT_FOUND, message))?;
    let id = chosen.first().map(|id| (*id).to_owned()).unwrap_or_default();
    let connection =
        connections.into_iter().filter(|connection| connection.node.id == id).last().ok_or_else(gone)?;
    let key = publication_key(&connection.node, &connection.peer, &state.settings.mesh)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let asked = key.clone();
    let seen = state.core.inspect(move |core| Some((core.latest(&asked)?, core.objects().clone()))).await?;
    let (publication, objects) = seen.ok_or_else(gone)?;
    Ok(Served { connection, key, publication, objects })
}

pub(super) async fn explain(
    Extract(state): Extract<State>,
    Query(about): Query<About>,
) -> Result<Json<Value>, Problem> {
    let Served { connection, key, publication, objects } = served(&state, &about).await?;
    let mut answer = json!({ "proxy": connection.node.id, "revision": publication.revision() });
    let mut needles = Vec::new();
    if let Some(name) = about.resource {
        let types = TYPES.into_iter().chain([TypeUrl::VIRTUAL_HOST]);
        let found = types.filter_map(|type_url| Some((type_url, find(&publication, type_url, &name)?)));
        let mut resources = Vec::new();
        for (type_url, resource) in found {
            let origins = origins_of(&state, &key, &publication, (type_url, &name)).await?;
            needles.extend(origins.iter().map(|origin| format!("{:?}", origin.object.name)));
            needles.extend(name.rsplit('|').next().filter(|host| host.contains('.')).map(str::to_owned));
            resources.push(json!({
                "type": type_url.short(),
                "name": &*resource.name,
                "version": resource.digest.to_string(),
                "origins": origins.iter().map(|origin| Origin::of(origin, &objects)).collect::<Vec<_>>(),
            }));
        }
        if resources.is_empty() {
            let message = format!("the proxy has no resource `{name}`; /debug/config_dump shows what it has");
            return Err(Problem::new(StatusCode::NOT_FOUND, message));
        }
        answer["resources"] = resources.into();
    }
    let told = state
        .core
        .inspect(move |core| explanation::explain(core.db(), &key, core.view_of(&key)?, &needles))
        .await?;
    let lines: Vec<_> = told.iter().flat_map(|told| told.lines()).collect();
    answer["computedFrom"] = lines.into();
    Ok(Json(answer))
}

/// The fields from which a resource and its parts were made.
async fn origins_of(
    state: &State,
    key: &PublicationKey,
    publication: &Publication,
    (type_url, name): (TypeUrl, &str),
) -> Result<BTreeSet<fairlead_config::Origin>, Problem> {
    let (whole_type, whole, part) = whole_of(publication, type_url, name);
    let (key, which) = (key.clone(), Which::one(&whole, part));
    let told = state.core.ask(move |core| core.origins(&key, whole_type, &which).resources.remove(&whole));
    Ok(told.await?.unwrap_or_default().all().cloned().collect())
}

pub(super) async fn diagnosticz(Extract(state): Extract<State>) -> Result<Json<Value>, Problem> {
    let diagnostics = state.core.inspect(|core| core.diagnostics().clone()).await?;
    Ok(Json(diagnostics.iter().map(diagnostic_json).collect()))
}

/// A finding as JSON; the form of `analyze --output json` too.
pub fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let mut json = json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code.as_str(),
        "name": diagnostic.code.name(),
        "path": diagnostic.path.to_string(),
        "message": diagnostic.message,
    });
    if let Subject::Object(key) = &diagnostic.on {
        json["kind"] = key.kind.as_str().into();
        json["namespace"] = key.namespace.as_str().into();
        json["object"] = key.name.as_str().into();
    }
    if let Some(help) = &diagnostic.help {
        json["help"] = help.as_str().into();
    }
    match (&diagnostic.position, &diagnostic.on) {
        (Some(place), _) => {
            json["file"] = (&*place.file).into();
            json["line"] = place.line.into();
            json["column"] = place.column.into();
        }
        (None, Subject::File(file)) => json["file"] = (&**file).into(),
        (None, Subject::Proxy(id)) => json["proxy"] = (&**id).into(),
        (None, Subject::Object(_)) => {}
    }
    json
}

pub(super) async fn enginez(Extract(state): Extract<State>) -> Result<Json<Value>, Problem> {
    let (engine, views) = state.core.inspect(|core| (core.db().stats(), core.view_count())).await?;
    let lines: Vec<_> = engine
        .lines
        .iter()
        .map(|line| {
            json!({
                "kind": line.kind.to_string(), "name": line.name, "nodes": line.nodes, "edges": line.edges,
                "facts": line.facts, "recomputed": line.recomputed,
            })
        })
        .collect();
    Ok(Json(json!({
        "revision": engine.revision.0, "nodes": engine.nodes(), "edges": engine.edges(), "views": views, "lines": lines,
    })))
}

pub(super) async fn mesh(Extract(state): Extract<State>) -> Json<Value> {
    Json(serde_json::to_value(&*state.settings).expect("settings are plain data"))
}

/// The levels to set.
#[derive(Debug, Deserialize)]
pub(super) struct Level {
    level: String,
}

pub(super) async fn log_levels(Extract(state): Extract<State>) -> Result<Json<Value>, Problem> {
    let log = state.log.as_ref().ok_or_else(no_log)?;
    Ok(Json(json!({ "level": log.levels() })))
}

pub(super) async fn set_log_levels(
    Extract(state): Extract<State>,
    Query(wanted): Query<Level>,
) -> Result<Json<Value>, Problem> {
    let log = state.log.as_ref().ok_or_else(no_log)?;
    log.set_levels(&wanted.level).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error))?;
    Ok(Json(json!({ "level": log.levels() })))
}

fn no_log() -> Problem {
    Problem::new(StatusCode::NOT_IMPLEMENTED, "the log was not set up by this process")
}
