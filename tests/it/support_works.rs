//! The tools do what the tests take for granted.

mod misbehaviour;
mod processes;
mod registries;
mod tokens;

use crate::support::http::{Answer, Http};
use crate::support::images::media;

/// GET of a manifest as a runtime asks.
async fn get(http: &Http, url: &str, authorization: Option<&str>) -> anyhow::Result<Answer> {
    ask(http, http::Method::GET, url, authorization).await
}

async fn ask(
    http: &Http,
    method: http::Method,
    url: &str,
    authorization: Option<&str>,
) -> anyhow::Result<Answer> {
    let mut headers = vec![("accept", media::ACCEPT)];
    headers.extend(authorization.map(|value| ("authorization", value)));
    http.send(method, url, &headers, "").await
}
