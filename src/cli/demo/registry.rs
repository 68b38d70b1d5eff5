//! The embedded registry: a small, honest one that answers under several names.
//!
//! It speaks enough of the distribution spec and of Docker's token protocol for the demo, and
//! answers as the registries do that it stands for.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode, header};
use serde_json::json;

use crate::image::{Algorithm, Digest};

/// The login that the private registry of the demo accepts. It opens nothing but the demo.
pub(super) const LOGIN: (&str, &str) = ("acme-bot", "demo-password");

/// Stands for Docker Hub.
pub(super) const HUB: &str = "registry-1.docker.io";
/// Stands for Docker Hub's token server.
const HUB_AUTH: &str = "auth.docker.io";
/// A private registry that issues its own tokens.
pub(super) const PRIVATE: &str = "registry.acme.example";
/// A registry that has had enough of us.
pub(super) const LIMITED: &str = "busy.example";
/// Every name that the embedded registry answers to.
pub(super) const NAMES: [&str; 4] = [HUB, HUB_AUTH, PRIVATE, LIMITED];

/// One repository of the demo.
struct Repository {
    host: &'static str,
    path: &'static str,
    tags: &'static [&'static str],
    private: bool,
}

const REPOSITORIES: &[Repository] = &[
    Repository {
        host: HUB,
        path: "library/nginx",
        tags: &["1.26", "1.27", "alpine", "latest", "stable"],
        private: false,
    },
    Repository { host: PRIVATE, path: "shop/api", tags: &["v1", "v2"], private: true },
];

struct Manifest {
    bytes: Vec<u8>,
    digest: Digest,
}

/// The digest of the demo's one image.
pub(super) fn digest() -> Digest {
    manifest().digest
}

/// The registry as a service.
pub(super) fn router() -> Router {
    Router::new().fallback(answer).with_state(Arc::new(manifest()))
}

fn manifest() -> Manifest {
    let descriptor = |kind: &str, text: &str| {
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": media_type, "size": text.len(), "digest": digest_of(text).to_string()})
    };
    let bytes = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("config.v1+json", CONFIG),
        "layers": [descriptor("layer.v1.tar+gzip", LAYER)],
    })
    .to_string()
    .into_bytes();
    let digest = Digest::of(Algorithm::Sha256, &bytes);
    Manifest { bytes, digest }
}

fn digest_of(text: &str) -> Digest {
    Digest::of(Algorithm::Sha256, text.as_bytes())
}

/// What every image here is made of; nobody unpacks it.
const CONFIG: &str = r#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]}}"#;
const LAYER: &str = "layer";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

async fn answer(State(manifest): State<Arc<Manifest>>, request: Request) -> Response {
    let host = host(&request).to_owned();
    if host == LIMITED {
        let mut response = error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS");
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
        return response;
    }
    let path = request.uri().path().to_owned();
    if path == "/token" {
        return token(&request);
    }
    let Some((repository, rest)) = path.strip_prefix("/v2/").and_then(split) else {
        return error(StatusCode::NOT_FOUND, "UNSUPPORTED");
    };
    let known = REPOSITORIES.iter().find(|r| r.host == host && r.path == repository);
    let bearer = authorization(&request).and_then(|value| value.strip_prefix("Bearer "));
    let Some(bearer) = bearer else { return challenge(&host, repository, "") };
    let Some(known) = known.filter(|r| !r.private || bearer == LOGIN.0) else {
        // Docker Hub and many others do not tell absent from private.
        return challenge(&host, repository, ",error=\"insufficient_scope\"");
    };
    match rest {
        "tags/list" => body(
            StatusCode::OK,
            "application/json",
            json!({"name": known.path, "tags": known.tags}).to_string().into_bytes(),
        ),
        rest if rest.starts_with("blobs/") => {
            let named = |blob: &&str| rest.ends_with(digest_of(blob).as_str());
            match [CONFIG, LAYER].into_iter().find(named) {
                Some(blob) => body(StatusCode::OK, "application/octet-stream", blob.into()),
                None => error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            }
        }
        rest => {
            let wanted = rest.strip_prefix("manifests/").unwrap_or_default();
            let digest = manifest.digest.to_string();
            if known.tags.contains(&wanted) || wanted == digest {
                let mut response = body(StatusCode::OK, MANIFEST, manifest.bytes.clone());
                if let Ok(value) = header::HeaderValue::from_str(&digest) {
                    response.headers_mut().insert("docker-content-digest", value);
                }
                response
            } else {
                error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN")
            }
        }
    }
}

/// The token server: anybody gets a token for what is public, a login gets one under its name,
/// and a wrong password gets none.
fn token(request: &Request) -> Response {
    let login = match request.method() {
        // OAuth2 is left out here, as many registries do; runtimes then ask with Basic.
        &Method::POST => return error(StatusCode::NOT_FOUND, "UNSUPPORTED"),
        _ => authorization(request).and_then(basic),
    };
    let name = match login {
        None => "anonymous".to_owned(),
        Some((user, password)) if (user.as_str(), password.as_str()) == LOGIN => user,
        Some(_) => return error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
    };
    let token = json!({"token": name, "expires_in": 300}).to_string();
    body(StatusCode::OK, "application/json", token.into_bytes())
}

fn host(request: &Request) -> &str {
    let header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let host = authority.or(header).unwrap_or_default();
    host.split_once(':').map_or(host, |(name, _)| name)
}

fn authorization(request: &Request) -> Option<&str> {
    request.headers().get(header::AUTHORIZATION)?.to_str().ok()
}

fn basic(value: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// `library/nginx/manifests/latest` to repository and the rest.
fn split(path: &str) -> Option<(&str, &str)> {
    let at = ["/manifests/", "/blobs/", "/tags/"].iter().find_map(|part| path.find(part))?;
    Some((path.get(..at)?, path.get(at + 1..)?))
}

fn challenge(host: &str, repository: &str, more: &str) -> Response {
    let realm = if host == HUB { HUB_AUTH } else { host };
    let value = format!(
        "Bearer realm=\"https://{realm}/token\",service=\"{host}\",\
         scope=\"repository:{repository}:pull\"{more}"
    );
    let mut response = error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
    if let Ok(value) = header::HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

fn error(status: StatusCode, code: &str) -> Response {
    let envelope = json!({"errors": [{"code": code, "message": code.to_lowercase()}]});
    body(status, "application/json", envelope.to_string().into_bytes())
}

fn body(status: StatusCode, media_type: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    *response.body_mut() = Body::from(bytes);
    response
}
