//! A token server as Docker's registries use one: GET with Basic, POST as OAuth2, tokens that
//! docker-registry verifies; with users, their rights, and moods.

mod form;
mod signer;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};

use form::Form;
use signer::Signer;

pub use signer::ISSUER;

use super::misbehaving::Answer;
use super::misbehaving::access::parse_basic;
use super::secrets;
use super::server::{Gate, Greeting, Reply, Seen, Server};
use super::tls::Leaf;

/// The server; clones are the same one.
#[derive(Clone)]
pub struct TokenServer(Arc<Inner>);

struct Inner {
    server: Server,
    state: Arc<State>,
}

struct State {
    signer: Signer,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    users: HashMap<String, User>,
    public: HashSet<String>,
    issued: HashMap<String, Vec<(String, String)>>,
    log: Vec<TokenRequest>,
    mood: Mood,
    post: Post,
    strict: Option<u16>,
    lifetime: Option<u64>,
}

struct User {
    password: String,
    rights: Vec<String>,
}

/// How the server is today.
#[derive(Clone, Default)]
pub enum Mood {
    #[default]
    Well,
    /// Every request is refused with this status: 401, 403, 500, ...
    Refuses(u16),
    /// 429, with or without `Retry-After`.
    TooMany(Option<&'static str>),
    /// No answer, ever.
    Hangs,
    /// Waits at the gate, then is well.
    Gated(Gate),
    /// A token with a newline in it.
    NewlineInToken,
    /// 200 with a document that holds no token.
    NoToken,
    /// 200 with what is not JSON.
    BadJson,
    /// A good token whose `expires_in` is a string.
    ExpiresInString,
}

/// What a POST gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Post {
    /// A token, under `access_token` only.
    #[default]
    Works,
    /// This status, as servers answer that know only GET: 404, 405, 401, 400.
    Unsupported(u16),
}

/// One request for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    pub method: Method,
    /// `None` if it was anonymous.
    pub user: Option<String>,
    pub service: String,
    /// As sent, in the order sent.
    pub scopes: Vec<String>,
    /// `grant_type` of a POST.
    pub grant: String,
    pub client_id: String,
    pub outcome: Outcome,
}

/// What came of a request for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Issued,
    /// The user name and password were looked at and refused.
    LoginRefused,
    /// POST is not supported.
    Unsupported,
    /// The mood decided, whoever asked.
    Moody,
}

/// What a token is worth at the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Granted,
    /// Ours, and not for that.
    Insufficient,
    /// Not one of ours, or forgotten.
    Unknown,
}

/// The `service` of the challenge and the `aud` of the tokens.
pub const SERVICE: &str = "registry.pullcheck.test";

impl TokenServer {
    /// Plain HTTP.
    pub async fn start() -> Self {
        Self::launch(None).await
    }

    /// HTTPS with this certificate.
    pub async fn start_tls(leaf: &Leaf) -> Self {
        Self::launch(Some(leaf)).await
    }

    async fn launch(leaf: Option<&Leaf>) -> Self {
        let state = Arc::new(State { signer: Signer::new(), book: Mutex::default() });
        let shared = state.clone();
        let handler = move |seen| {
            let state = shared.clone();
            async move { state.reply(seen).await }
        };
        let server = Server::start(leaf.map(Leaf::server), Greeting::Serve, handler).await;
        Self(Arc::new(Inner { server, state }))
    }

    /// The URL of the challenge's `realm`.
    pub fn realm(&self) -> String {
        format!("{}/token", self.0.server.url())
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.0.server.host()
    }

    /// The challenge for pulling from a repository.
    pub fn challenge(&self, repository: &str) -> String {
        let realm = self.realm();
        let bare = format!("Bearer realm=\"{realm}\",service=\"{SERVICE}\"");
        if repository.is_empty() {
            return bare;
        }
        format!("{bare},scope=\"repository:{repository}:pull\"")
    }

    /// A PEM file with the certificate that signs, for docker-registry's `rootcertbundle`.
    pub fn bundle(&self) -> PathBuf {
        self.0.state.signer.bundle()
    }

    /// A new user who may do anything in these repositories (`*` for all), and the password.
    pub fn add_user(&self, name: &str, repositories: &[&str]) -> String {
        let password = secrets::fresh();
        secrets::register_login(name, &password);
        let rights = repositories.iter().map(ToString::to_string).collect();
        let user = User { password: password.clone(), rights };
        self.book(|book| book.users.insert(name.to_owned(), user));
        password
    }

    /// Lets everybody pull from a repository.
    pub fn publish(&self, repository: &str) {
        self.book(|book| book.public.insert(repository.to_owned()));
    }

    /// Changes how it is.
    pub fn mood(&self, mood: Mood) {
        self.book(|book| book.mood = mood);
    }

    /// Changes what a POST gets.
    pub fn post(&self, post: Post) {
        self.book(|book| book.post = post);
    }

    /// From now on a wrong password gets this status (401 until then), and so does whoever lacks
    /// the right that is asked for, instead of a token without it. GHCR and GitLab: 403.
    pub fn refuse_with(&self, status: u16) {
        self.book(|book| book.strict = Some(status));
    }

    /// Seconds that tokens say they live; 300 until then.
    pub fn lifetime(&self, seconds: u64) {
        self.book(|book| book.lifetime = Some(seconds));
    }

    /// The registry knows none of the tokens any more, as when they have expired.
    pub fn forget_tokens(&self) {
        self.book(|book| book.issued.clear());
    }

    /// A token without asking for it, to push with.
    pub fn mint(&self, user: &str, repository: &str, actions: &[&str]) -> String {
        let grants = actions.iter().map(|it| (repository.to_owned(), (*it).to_owned())).collect();
        self.0.state.issue(user, grants)
    }

    /// What a token is worth for pulling from a repository; any token will do for the ping.
    pub fn standing(&self, token: &str, repository: &str) -> Standing {
        self.book(|book| match book.issued.get(token) {
            None => Standing::Unknown,
            Some(_) if repository.is_empty() => Standing::Granted,
            Some(grants) if grants.iter().any(|(name, it)| name == repository && it == "pull") => {
                Standing::Granted
            }
            Some(_) => Standing::Insufficient,
        })
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<TokenRequest> {
        self.book(|book| book.log.clone())
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.0.server.connections()
    }

    /// How many ended in one way.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.book(|book| book.log.iter().filter(|it| it.outcome == outcome).count())
    }

    /// The user names that were seen, whatever became of them.
    pub fn users_seen(&self) -> BTreeSet<String> {
        self.book(|book| book.log.iter().filter_map(|it| it.user.clone()).collect())
    }

    fn book<T>(&self, with: impl FnOnce(&mut Book) -> T) -> T {
        with(&mut self.0.state.book.lock().unwrap())
    }
}

/// A request for a token as either method brings it.
struct Ask {
    user: Option<(String, String)>,
    request: TokenRequest,
}

impl Ask {
    fn of(seen: &Seen) -> Self {
        let post = seen.method == Method::POST;
        let form =
            Form::parse(if post { std::str::from_utf8(&seen.body).unwrap() } else { &seen.query });
        let user = if post {
            form.first("username").map(|user| (user, form.first("password").unwrap_or_default()))
        } else {
            parse_basic(seen.header("authorization"))
        };
        let scopes = form.all("scope");
        let request = TokenRequest {
            method: seen.method.clone(),
            user: user.as_ref().map(|(name, _)| name.clone()),
            service: form.first("service").unwrap_or_default(),
            // A POST sends one field with spaces, a GET one field for each.
            scopes: scopes.iter().flat_map(|it| it.split(' ')).map(str::to_owned).collect(),
            grant: form.first("grant_type").unwrap_or_default(),
            client_id: form.first("client_id").unwrap_or_default(),
            outcome: Outcome::Moody,
        };
        Self { user, request }
    }
}

impl State {
    async fn reply(&self, seen: Seen) -> Reply {
        let mut ask = Ask::of(&seen);
        let mood = self.book.lock().unwrap().mood.clone();
        // It counts when it arrives, not when it is answered: a hung one has been asked too.
        let number = {
            let mut book = self.book.lock().unwrap();
            book.log.push(ask.request.clone());
            book.log.len() - 1
        };
        let (outcome, answer) = match mood {
            Mood::Well | Mood::NewlineInToken | Mood::ExpiresInString => {
                self.judge(&mut ask, &mood)
            }
            Mood::Gated(gate) => {
                gate.pass().await;
                self.judge(&mut ask, &Mood::Well)
            }
            Mood::Hangs => std::future::pending().await,
            Mood::Refuses(status) => (Outcome::Moody, Answer::error(status, "DENIED", "not today")),
            Mood::TooMany(retry_after) => {
                let answer = Answer::error(429, "TOOMANYREQUESTS", "too many requests");
                let answer = match retry_after {
                    None => answer,
                    Some(value) => answer.with("Retry-After", value),
                };
                (Outcome::Moody, answer)
            }
            Mood::NoToken => (Outcome::Moody, document(&json!({ "expires_in": 300 }))),
            Mood::BadJson => (Outcome::Moody, Answer::new(200, "{\"token\": \"unfinished")),
        };
        self.book.lock().unwrap().log[number].outcome = outcome;
        answer.into_reply(false)
    }

    fn judge(&self, ask: &mut Ask, mood: &Mood) -> (Outcome, Answer) {
        let post = ask.request.method == Method::POST;
        let book = self.book.lock().unwrap();
        if let (true, Post::Unsupported(status)) = (post, book.post) {
            return (Outcome::Unsupported, Answer::new(status, ""));
        }
        let refusal = Answer::error(
            book.strict.unwrap_or(401),
            if book.strict == Some(403) { "DENIED" } else { "UNAUTHORIZED" },
            "authentication failed",
        );
        let user = match &ask.user {
            None => None,
            Some((name, password)) => match book.users.get(name) {
                Some(user) if user.password == *password => Some(user),
                _ => return (Outcome::LoginRefused, refusal),
            },
        };
        let mut grants = Vec::new();
        for (repository, action) in ask.request.scopes.iter().flat_map(|it| parse_scope(it)) {
            let by_right = user.is_some_and(|user| {
                user.rights.iter().any(|right| right == "*" || *right == repository)
            });
            let by_all = action == "pull" && book.public.contains(&repository);
            if by_right || by_all {
                grants.push((repository, action));
            } else if book.strict.is_some() {
                return (Outcome::LoginRefused, refusal);
            }
        }
        let lifetime = book.lifetime.unwrap_or(300);
        drop(book);

        let name = ask.request.user.clone().unwrap_or_default();
        let mut token = self.issue(&name, grants);
        if matches!(mood, Mood::NewlineInToken) {
            token.insert(token.len() / 2, '\n');
            secrets::register(&token);
        }
        let expires_in =
            if matches!(mood, Mood::ExpiresInString) { json!("300") } else { json!(lifetime) };
        let mut body = json!({ "access_token": token, "expires_in": expires_in });
        if !post {
            body["token"] = token.into();
        }
        (Outcome::Issued, document(&body))
    }

    fn issue(&self, user: &str, grants: Vec<(String, String)>) -> String {
        let mut actions: Vec<(String, Vec<String>)> = Vec::new();
        for (repository, action) in &grants {
            match actions.iter_mut().find(|(name, _)| name == repository) {
                Some((_, list)) => list.push(action.clone()),
                None => actions.push((repository.clone(), vec![action.clone()])),
            }
        }
        let access: Vec<Value> = actions
            .iter()
            .map(|(name, list)| json!({ "type": "repository", "name": name, "actions": list }))
            .collect();
        let token = self.signer.token(SERVICE, user, &json!(access));
        secrets::register(&token);
        self.book.lock().unwrap().issued.insert(token.clone(), grants);
        token
    }
}

fn document(json: &Value) -> Answer {
    Answer::new(200, json.to_string()).with("Content-Type", "application/json")
}

/// `repository:name:pull,push` as pairs; the name may hold a colon before a port.
fn parse_scope(scope: &str) -> Vec<(String, String)> {
    let Some((name, actions)) =
        scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'))
    else {
        return Vec::new();
    };
    actions.split(',').map(|action| (name.to_owned(), action.to_owned())).collect()
}
