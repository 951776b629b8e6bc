//! Encoding of responses by hand, so that the bytes of resources are never copied.
//!
//! Field numbers: `DiscoveryResponse { version_info 1, resources 2: Any, type_url 4, nonce 5 }`,
//! `DeltaDiscoveryResponse { system_version_info 1, resources 2: Resource { version 1, resource 2: Any, name 3 },
//! type_url 4, nonce 5, removed_resources 6 }`, `Any { type_url 1, value 2 }`.
//! Protobuf leaves the order of fields free, so resources come first and the rest follows in the tail.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use fairlead_resource::{Digest, EncodedResource, ResourceName, ResourceSet, TypeUrl};
use prost::encoding::{encode_varint, encoded_len_varint};
use xxhash_rust::xxh3::Xxh3;

use super::runs::{Run, SentVersions};

/// The key of a length-delimited field of this number.
const fn key(field: u8) -> u8 {
    field << 3 | 2
}

/// A response without its tail, as sessions share it.
#[derive(Clone)]
pub(crate) struct EncodedResponse {
    /// The encoded fields, in pieces.
    pub(crate) segments: Arc<[Bytes]>,
    pub(crate) bytes: usize,
    /// The resources that it adds and changes, for the accounting by nonce.
    pub(crate) carried: SentVersions,
    pub(crate) gone: Arc<[ResourceName]>,
    /// Number of its resources, including those that the client already had.
    pub(crate) resources: usize,
    /// A digest of names and contents: the version of the response.
    pub(crate) version: u64,
}

impl EncodedResponse {
    /// The response in one piece, for many clients: each then sends slices of it, while small pieces would have to be
    /// copied into chunks for each client.
    pub(crate) fn joined(self) -> Self {
        if self.segments.len() < 2 {
            return self;
        }
        Self { segments: Arc::new([self.segments.concat().into()]), ..self }
    }
}

/// Encodes a delta response, as several responses if the resources exceed `limit` bytes.
pub(crate) fn delta_responses<'a>(
    type_url: TypeUrl,
    resources: impl IntoIterator<Item = &'a EncodedResource>,
    removed: &[ResourceName],
    limit: usize,
) -> Vec<EncodedResponse> {
    let mut responses = Vec::new();
    let mut writer = Writer::new(type_url);
    for resource in resources {
        if writer.bytes > 0 && writer.bytes + resource.encoded_len() > limit {
            responses.push(std::mem::replace(&mut writer, Writer::new(type_url)).finish());
        }
        writer.delta_resource(resource);
    }
    for name in removed {
        writer.removed_name(name);
    }
    responses.push(writer.finish());
    responses
}

/// As [`delta_responses`], of resources of `set` in runs.
pub(crate) fn delta_responses_of_runs(
    type_url: TypeUrl,
    (carried, set): (&SentVersions, &ResourceSet),
    removed: &[ResourceName],
    limit: usize,
) -> Vec<EncodedResponse> {
    let mut responses = Vec::new();
    let mut writer = Writer::new(type_url);
    for run in carried.runs() {
        let encoded = run.delta(|| {
            let mut writer = Writer::new(type_url);
            resources_of(run, set).for_each(|resource| writer.delta_resource(resource));
            writer.joined()
        });
        if writer.bytes > 0 && writer.bytes + encoded.len() > limit {
            responses.push(std::mem::replace(&mut writer, Writer::new(type_url)).finish());
        }
        writer.run(run, encoded);
    }
    for name in removed {
        writer.removed_name(name);
    }
    responses.push(writer.finish());
    responses
}

/// As [`whole_state`], of resources of `set` in runs.
pub(crate) fn whole_state_of_runs(
    type_url: TypeUrl,
    carried: &SentVersions,
    set: &ResourceSet,
) -> EncodedResponse {
    let mut writer = Writer::new(type_url);
    for run in carried.runs() {
        let encoded = run.plain(|| {
            let mut writer = Writer::new(type_url);
            resources_of(run, set).for_each(|resource| writer.plain_resource(resource));
            writer.joined()
        });
        writer.run(run, encoded);
    }
    writer.finish()
}

fn resources_of<'a>(run: &'a Run, set: &'a ResourceSet) -> impl Iterator<Item = &'a EncodedResource> {
    run.contents().iter().map(|(name, _)| set.get(name).expect("a run holds resources of the set"))
}

/// Names and contents as a client knows them, where they differ from those in the accounting.
pub(crate) trait EpochView {
    fn resource(&self, type_url: TypeUrl, resource: &EncodedResource) -> EncodedResource;
    fn name(&self, type_url: TypeUrl, name: &ResourceName) -> ResourceName;
}

/// As [`delta_responses`], with resources and names as a client knows them; the accounting keeps the original ones.
pub(crate) fn delta_responses_in_epochs(
    type_url: TypeUrl,
    resources: &[EncodedResource],
    removed: &[ResourceName],
    limit: usize,
    view: &impl EpochView,
) -> Vec<EncodedResponse> {
    let known: Vec<_> = resources.iter().map(|resource| view.resource(type_url, resource)).collect();
    let names: Vec<_> = removed.iter().map(|name| view.name(type_url, name)).collect();
    let mut responses = delta_responses(type_url, &known, &names, limit);
    let mut rest = resources;
    for response in &mut responses {
        let (carried, later) = rest.split_at(response.resources);
        response.carried = carried.iter().map(|r| (r.name.clone(), r.digest)).collect();
        rest = later;
    }
    if let Some(last) = responses.last_mut() {
        last.gone = removed.into();
    }
    responses
}

/// Encodes a state-of-the-world response.
pub(crate) fn whole_state<'a>(
    type_url: TypeUrl,
    resources: impl IntoIterator<Item = &'a EncodedResource>,
) -> EncodedResponse {
    let mut writer = Writer::new(type_url);
    for resource in resources {
        writer.plain_resource(resource);
    }
    writer.finish()
}

/// A piece of the response: a range of the header buffer, or a fragment of a resource.
enum Piece {
    Header(usize),
    Fragment(Bytes),
}

struct Writer {
    url: &'static str,
    headers: BytesMut,
    pieces: Vec<Piece>,
    bytes: usize,
    resources: usize,
    /// Runs, followed by single resources.
    runs: Vec<Arc<Run>>,
    carried: Vec<(ResourceName, Digest)>,
    gone: Vec<ResourceName>,
    version: Xxh3,
}

impl Writer {
    fn new(type_url: TypeUrl) -> Self {
        Self {
            url: type_url.as_str(),
            headers: BytesMut::new(),
            pieces: Vec::new(),
            bytes: 0,
            resources: 0,
            runs: Vec::new(),
            carried: Vec::new(),
            gone: Vec::new(),
            version: Xxh3::new(),
        }
    }

    fn delta_resource(&mut self, resource: &EncodedResource) {
        let version = resource.digest.to_string();
        let value_len = resource.encoded_len();
        let any_len = self.any_len(value_len);
        let len = field_len(version.len()) + field_len(resource.name.len()) + field_len(any_len);
        let start = self.headers.len();
        put_key(&mut self.headers, 2, len);
        put_str(&mut self.headers, 1, &version);
        put_str(&mut self.headers, 3, &resource.name);
        put_key(&mut self.headers, 2, any_len);
        self.any(resource, value_len, start);
    }

    fn plain_resource(&mut self, resource: &EncodedResource) {
        let value_len = resource.encoded_len();
        let any_len = self.any_len(value_len);
        let start = self.headers.len();
        put_key(&mut self.headers, 2, any_len);
        self.any(resource, value_len, start);
    }

    fn any_len(&self, value_len: usize) -> usize {
        field_len(self.url.len()) + field_len(value_len)
    }

    fn any(&mut self, resource: &EncodedResource, value_len: usize, start: usize) {
        put_str(&mut self.headers, 1, self.url);
        put_key(&mut self.headers, 2, value_len);
        let header = self.headers.len() - start;
        self.pieces.push(Piece::Header(header));
        self.pieces.extend(resource.fragments().iter().cloned().map(Piece::Fragment));
        self.bytes += header + value_len;
        self.account(&resource.name, resource.digest);
        self.carried.push((resource.name.clone(), resource.digest));
    }

    fn account(&mut self, name: &ResourceName, digest: Digest) {
        self.resources += 1;
        self.version.update(name.as_bytes());
        self.version.update(&digest.0.to_le_bytes());
    }

    fn run(&mut self, run: &Arc<Run>, encoded: Bytes) {
        for (name, digest) in run.contents() {
            self.account(name, *digest);
        }
        self.bytes += encoded.len();
        self.pieces.push(Piece::Fragment(encoded));
        self.runs.push(run.clone());
    }

    fn removed_name(&mut self, name: &ResourceName) {
        let start = self.headers.len();
        put_str(&mut self.headers, 6, name);
        let header = self.headers.len() - start;
        self.pieces.push(Piece::Header(header));
        self.bytes += header;
        self.gone.push(name.clone());
        self.version.update(&[0xff]);
        self.version.update(name.as_bytes());
    }

    fn joined(self) -> Bytes {
        self.finish().segments.concat().into()
    }

    fn finish(self) -> EncodedResponse {
        let mut headers = self.headers.freeze();
        let segments = self
            .pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Header(len) => headers.split_to(len),
                Piece::Fragment(bytes) => bytes,
            })
            .collect();
        EncodedResponse {
            segments,
            bytes: self.bytes,
            resources: self.resources,
            carried: SentVersions::new(self.runs, self.carried),
            gone: self.gone.into(),
            version: self.version.digest(),
        }
    }
}

/// The version, type and nonce that end a response of either variant.
pub(crate) fn tail(version: &str, type_url: TypeUrl, nonce: &str) -> Bytes {
    let mut buf = BytesMut::with_capacity(version.len() + type_url.as_str().len() + nonce.len() + 12);
    put_str(&mut buf, 1, version);
    put_str(&mut buf, 4, type_url.as_str());
    put_str(&mut buf, 5, nonce);
    buf.freeze()
}

fn field_len(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

fn put_key(buf: &mut BytesMut, field: u8, len: usize) {
    buf.extend_from_slice(&[key(field)]);
    encode_varint(len as u64, buf);
}

fn put_str(buf: &mut BytesMut, field: u8, value: &str) {
    put_key(buf, field, value.len());
    buf.extend_from_slice(value.as_bytes());
}

#[cfg(test)]
mod tests;
