//! The API server's audit log, read for what became of pullcheck's part in a request.

use serde_json::Value;

use super::stage::Stage;

/// The requests that the API server has answered and that fit.
pub fn requests(stage: &Stage, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    stage.plane.audited().into_iter().filter(|event| fits(event)).collect()
}

/// Whether it was sent by this user.
pub fn is_by(event: &Value, user: &str) -> bool {
    event["user"]["username"] == user
}

/// Whether it changes objects of a resource in this way.
pub fn is(event: &Value, verb: &str, resource: &str) -> bool {
    event["verb"] == verb
        && event["objectRef"]["resource"] == resource
        && event["objectRef"]["subresource"].is_null()
}

/// Whether pullcheck refused it.
pub fn is_denied_by_us(event: &Value) -> bool {
    let message = event["responseStatus"]["message"].as_str().unwrap_or_default();
    message.contains("images.pullcheck.dev")
}

/// Whether it was let through because a webhook gave no answer.
pub fn failed_open(event: &Value) -> bool {
    let annotations = event["annotations"].as_object();
    annotations.into_iter().flatten().any(|(name, _)| name.starts_with("failed-open."))
}
