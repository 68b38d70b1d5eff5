//! What the registry holds, and its good answers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use serde_json::json;

use super::answer::Answer;
use crate::support::images::{Blob, Image};

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Ping,
    /// By tag or digest.
    Manifest(String),
    Blob(String),
    Tags,
    Other,
}

impl Route {
    /// The repository and what is asked of it.
    pub fn of(path: &str) -> (String, Self) {
        let Some(rest) = path.strip_prefix("/v2/") else { return (String::new(), Self::Other) };
        if rest.is_empty() {
            return (String::new(), Self::Ping);
        }
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            return (repository.to_owned(), Self::Tags);
        }
        if let Some((repository, reference)) = rest.rsplit_once("/manifests/") {
            return (repository.to_owned(), Self::Manifest(reference.to_owned()));
        }
        if let Some((repository, digest)) = rest.rsplit_once("/blobs/") {
            return (repository.to_owned(), Self::Blob(digest.to_owned()));
        }
        (String::new(), Self::Other)
    }
}

#[derive(Default)]
pub struct Store(Mutex<HashMap<String, Repository>>);

#[derive(Default)]
struct Repository {
    tags: BTreeMap<String, String>,
    manifests: HashMap<String, Blob>,
    blobs: HashMap<String, Blob>,
}

impl Store {
    pub fn add(&self, repository: &str, tag: &str, image: &Image) {
        let mut all = self.0.lock().unwrap();
        let repository = all.entry(repository.to_owned()).or_default();
        repository.tags.insert(tag.to_owned(), image.top.digest.clone());
        for manifest in image.children.iter().chain([&image.top]) {
            repository.manifests.insert(manifest.digest.clone(), manifest.clone());
        }
        for blob in &image.blobs {
            repository.blobs.insert(blob.digest.clone(), blob.clone());
        }
    }

    pub fn untag(&self, repository: &str, tag: &str) {
        if let Some(repository) = self.0.lock().unwrap().get_mut(repository) {
            repository.tags.remove(tag);
        }
    }

    pub fn lose(&self, repository: &str, digest: &str) {
        if let Some(repository) = self.0.lock().unwrap().get_mut(repository) {
            repository.manifests.remove(digest);
            repository.blobs.remove(digest);
        }
    }

    /// What distribution's registry answers: an absent repository looks like an absent tag,
    /// except in the list of tags.
    pub fn answer(&self, name: &str, route: &Route) -> Answer {
        let all = self.0.lock().unwrap();
        let repository = all.get(name);
        match route {
            Route::Ping => json_answer("{}"),
            Route::Tags => repository.map_or_else(
                || Answer::error(404, "NAME_UNKNOWN", "repository name not known to registry"),
                |repository| {
                    let tags: Vec<_> = repository.tags.keys().collect();
                    // With the newline of Go's encoder.
                    json_answer(&format!("{}\n", json!({ "name": name, "tags": tags })))
                },
            ),
            Route::Manifest(reference) => repository
                .and_then(|it| it.manifests.get(it.tags.get(reference).unwrap_or(reference)))
                .map_or_else(
                    || Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
                    |manifest| blob_answer(manifest).with("Content-Type", manifest.media_type),
                ),
            Route::Blob(digest) => repository.and_then(|it| it.blobs.get(digest)).map_or_else(
                || Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
                |blob| blob_answer(blob).with("Content-Type", "application/octet-stream"),
            ),
            Route::Other => Answer::new(404, "404 page not found\n"),
        }
    }
}

fn json_answer(body: &str) -> Answer {
    Answer::new(200, body.to_owned()).with("Content-Type", "application/json; charset=utf-8")
}

fn blob_answer(blob: &Blob) -> Answer {
    Answer::new(200, blob.bytes.clone()).with("Docker-Content-Digest", &blob.digest)
}
