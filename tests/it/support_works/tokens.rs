//! The token server issues, refuses and misbehaves as told, and counts.

use base64::Engine as _;
use http::Method;
use serde_json::Value;

use crate::support::http::{Answer, Http};
use crate::support::secrets;
use crate::support::token_server::{Mood, Outcome, Post, SERVICE, TokenServer};

async fn by_get(tokens: &TokenServer, login: Option<(&str, &str)>, repository: &str) -> Answer {
    let url =
        format!("{}?service={SERVICE}&scope=repository%3A{repository}%3Apull", tokens.realm());
    let basic = login.map(|(user, password)| format!("Basic {}", secrets::basic(user, password)));
    let headers: Vec<_> = basic.iter().map(|value| ("authorization", value.as_str())).collect();
    Http::plain().get(&url, &headers).await.unwrap()
}

async fn by_post(tokens: &TokenServer, user: &str, password: &str, repository: &str) -> Answer {
    let form = format!(
        "grant_type=password&client_id=containerd-client&service={SERVICE}\
         &username={user}&password={password}&scope=repository%3A{repository}%3Apull"
    );
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    Http::plain().send(Method::POST, &tokens.realm(), &headers, form).await.unwrap()
}

/// As containerd does: POST, and GET where that is not known.
pub async fn log_in(tokens: &TokenServer, user: &str, password: &str, repository: &str) -> String {
    let post = by_post(tokens, user, password, repository).await;
    let (answer, field) = if post.status < 400 {
        (post, "access_token")
    } else {
        (by_get(tokens, Some((user, password)), repository).await, "token")
    };
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()[field].as_str().unwrap().to_owned()
}

/// The `access` claim, without a look at the signature: docker-registry looks at that.
fn access(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    serde_json::from_slice::<Value>(&bytes).unwrap()["access"].take()
}

#[tokio::test]
async fn rights_are_in_the_token_and_requests_are_counted() {
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &["team/app"]);
    tokens.publish("library/nginx");

    let post = by_post(&tokens, "alice", &password, "team/app").await.json();
    assert_eq!(access(post["access_token"].as_str().unwrap())[0]["name"], "team/app");
    assert!(post["token"].is_null(), "a POST gives access_token only");
    let other = by_get(&tokens, Some(("alice", &password)), "team/other").await.json();
    assert_eq!(access(other["token"].as_str().unwrap()), serde_json::json!([]));
    let public = by_get(&tokens, None, "library/nginx").await.json();
    assert_eq!(access(public["token"].as_str().unwrap())[0]["actions"][0], "pull");
    let wrong = by_get(&tokens, Some(("alice", &secrets::fresh())), "team/app").await;
    assert_eq!(wrong.status, 401);

    assert_eq!(tokens.count(Outcome::Issued), 3);
    assert_eq!(tokens.count(Outcome::LoginRefused), 1);
    assert_eq!(tokens.users_seen().into_iter().collect::<Vec<_>>(), ["alice"]);
    let first = &tokens.requests()[0];
    assert_eq!((first.grant.as_str(), first.client_id.as_str()), ("password", "containerd-client"));
    assert_eq!(first.scopes, ["repository:team/app:pull"]);
    assert_eq!(first.service, SERVICE);
}

#[tokio::test]
async fn a_server_that_knows_only_get_says_so() {
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &["team/app"]);
    for status in [400, 401, 404, 405] {
        tokens.post(Post::Unsupported(status));
        assert_eq!(by_post(&tokens, "alice", &password, "team/app").await.status, status);
    }
    assert_eq!(tokens.count(Outcome::Unsupported), 4);
    assert_eq!(by_get(&tokens, Some(("alice", &password)), "team/app").await.status, 200);
}

#[tokio::test]
async fn a_strict_server_refuses_instead_of_issuing_less() {
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &["team/app"]);
    tokens.refuse_with(403);
    assert_eq!(by_get(&tokens, Some(("alice", &password)), "team/app").await.status, 200);
    assert_eq!(by_get(&tokens, Some(("alice", &password)), "team/other").await.status, 403);
    assert_eq!(by_get(&tokens, None, "team/app").await.status, 403);
}

#[tokio::test]
async fn moods_show() {
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &["team/app"]);
    let ask = async |mood| {
        tokens.mood(mood);
        by_get(&tokens, Some(("alice", &password)), "team/app").await
    };
    for status in [401, 403, 500] {
        assert_eq!(ask(Mood::Refuses(status)).await.status, status);
    }
    let too_many = ask(Mood::TooMany(Some("7"))).await;
    assert_eq!((too_many.status, too_many.header("retry-after")), (429, Some("7")));
    let newline = ask(Mood::NewlineInToken).await.json();
    assert!(newline["token"].as_str().unwrap().contains('\n'));
    assert!(ask(Mood::NoToken).await.json()["token"].is_null());
    let bad = ask(Mood::BadJson).await;
    assert!(serde_json::from_slice::<Value>(&bad.body).is_err());
    assert_eq!(ask(Mood::ExpiresInString).await.json()["expires_in"], "300");
    assert_eq!(ask(Mood::Well).await.json()["expires_in"], 300);
}

#[tokio::test]
#[should_panic(expected = "the log holds a secret, first in line 2")]
async fn a_token_that_was_issued_is_a_secret_from_then_on() {
    let tokens = TokenServer::start().await;
    let password = tokens.add_user("alice", &["team/app"]);
    let token = log_in(&tokens, "alice", &password, "team/app").await;
    secrets::assert_no_secret("the log", &format!("fine\nAuthorization: Bearer {token}\n"));
}

#[test]
fn a_password_is_found_in_every_spelling() {
    let password = secrets::fresh();
    let auth = secrets::basic("alice", &password);
    let encoded = base64::engine::general_purpose::STANDARD.encode(&password);
    for leak in [password, auth, encoded] {
        let found = std::panic::catch_unwind(|| secrets::assert_no_secret("it", &leak));
        assert!(found.is_err());
    }
    secrets::assert_no_secret("it", "nothing to see here");
}
