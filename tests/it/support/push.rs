//! Pushing an image through a registry's push API: one POST and one PUT a blob, one PUT a manifest.

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::Method;

use super::http::{Answer, Http};
use super::images::{Blob, Image};
use super::secrets;

/// How to log in for a push.
#[derive(Debug, Clone)]
pub enum Login {
    Anonymous,
    Basic {
        user: String,
        password: String,
    },
    /// A token that allows `pull` and `push`.
    Bearer(String),
}

impl Login {
    fn header(&self) -> Option<String> {
        match self {
            Self::Anonymous => None,
            Self::Basic { user, password } => {
                Some(format!("Basic {}", secrets::basic(user, password)))
            }
            Self::Bearer(token) => Some(format!("Bearer {token}")),
        }
    }
}

/// Pushes to the registry at `base` (`http://host:port`) and tags it.
pub async fn push(
    http: &Http,
    base: &str,
    login: &Login,
    repository: &str,
    tag: &str,
    image: &Image,
) -> anyhow::Result<()> {
    let push = Push { http, base, authorization: login.header(), repository };
    for blob in &image.blobs {
        push.blob(blob).await.with_context(|| format!("pushing blob {}", blob.digest))?;
    }
    for child in &image.children {
        push.manifest(&child.digest, child).await?;
    }
    push.manifest(tag, &image.top).await
}

struct Push<'a> {
    http: &'a Http,
    base: &'a str,
    authorization: Option<String>,
    repository: &'a str,
}

impl Push<'_> {
    async fn send(
        &self,
        method: Method,
        url: &str,
        content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let mut headers = vec![("content-type", content_type)];
        if let Some(authorization) = &self.authorization {
            headers.push(("authorization", authorization.as_str()));
        }
        self.http.send(method, url, &headers, body).await
    }

    async fn blob(&self, blob: &Blob) -> anyhow::Result<()> {
        let url = format!("{}/v2/{}/blobs/uploads/", self.base, self.repository);
        let binary = "application/octet-stream";
        let begun = self.send(Method::POST, &url, binary, Bytes::new()).await?;
        ensure!(begun.status == 202, "beginning: {} {}", begun.status, begun.text());
        let Some(location) = begun.header("location") else { bail!("no location to upload to") };
        let absolute = if location.starts_with('/') {
            format!("{}{location}", self.base)
        } else {
            location.to_owned()
        };
        let separator = if absolute.contains('?') { '&' } else { '?' };
        let url = format!("{absolute}{separator}digest={}", blob.digest);
        let done = self.send(Method::PUT, &url, binary, blob.bytes.clone()).await?;
        ensure!(done.status == 201, "uploading: {} {}", done.status, done.text());
        Ok(())
    }

    async fn manifest(&self, reference: &str, manifest: &Blob) -> anyhow::Result<()> {
        let url = format!("{}/v2/{}/manifests/{reference}", self.base, self.repository);
        let body = manifest.bytes.clone();
        let done = self.send(Method::PUT, &url, manifest.media_type, body).await?;
        ensure!(done.status == 201, "manifest {reference}: {} {}", done.status, done.text());
        Ok(())
    }
}
