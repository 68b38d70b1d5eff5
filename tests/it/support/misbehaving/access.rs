//! Who may pull what.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::Answer;
use crate::support::secrets;
use crate::support::server::Seen;
use crate::support::token_server::{Standing, TokenServer};

/// How the registry lets people in; clones are the same.
#[derive(Clone, Default)]
pub struct Access {
    basic: Option<Logins>,
    bearer: Option<TokenServer>,
}

/// User names and passwords for Basic; clones are the same.
#[derive(Clone, Default)]
pub struct Logins(Arc<Mutex<Accounts>>);

#[derive(Default)]
struct Accounts {
    users: HashMap<String, Account>,
    accepted: Vec<String>,
    refused: Vec<String>,
}

struct Account {
    password: String,
    repositories: Vec<String>,
}

impl Logins {
    /// A new user who may pull these repositories (`*` for all), and the password.
    pub fn add(&self, user: &str, repositories: &[&str]) -> String {
        let password = secrets::fresh();
        secrets::register_login(user, &password);
        let account = Account {
            password: password.clone(),
            repositories: repositories.iter().map(ToString::to_string).collect(),
        };
        self.0.lock().unwrap().users.insert(user.to_owned(), account);
        password
    }

    /// User names of the logins that were refused, one for each request.
    pub fn refused(&self) -> Vec<String> {
        self.0.lock().unwrap().refused.clone()
    }

    /// User names of the logins that were accepted, one for each request.
    pub fn accepted(&self) -> Vec<String> {
        self.0.lock().unwrap().accepted.clone()
    }

    fn check(&self, authorization: &str, repository: &str) -> Result<(), Answer> {
        let Some((user, password)) = parse_basic(authorization) else {
            return Err(Answer::unauthorized(&[BASIC.to_owned()]));
        };
        let mut accounts = self.0.lock().unwrap();
        match accounts.users.get(&user) {
            Some(account) if account.password == password => {
                let allowed =
                    account.repositories.iter().any(|name| name == "*" || name == repository);
                accounts.accepted.push(user);
                if allowed || repository.is_empty() {
                    Ok(())
                } else {
                    Err(Answer::error(403, "DENIED", "requested access to the resource is denied"))
                }
            }
            _ => {
                accounts.refused.push(user);
                Err(Answer::unauthorized(&[BASIC.to_owned()]))
            }
        }
    }
}

/// The challenge that asks for a user name and password.
pub const BASIC: &str = "Basic realm=\"pullcheck tests\"";

/// User name and password of an `Authorization: Basic` header.
pub fn parse_basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

impl Access {
    /// Everybody, with or without a login.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// By user name and password.
    pub fn basic(logins: &Logins) -> Self {
        Self { basic: Some(logins.clone()), bearer: None }
    }

    /// By a token of this server.
    pub fn bearer(tokens: &TokenServer) -> Self {
        Self { basic: None, bearer: Some(tokens.clone()) }
    }

    /// By either.
    pub fn either(logins: &Logins, tokens: &TokenServer) -> Self {
        Self { basic: Some(logins.clone()), bearer: Some(tokens.clone()) }
    }

    /// Whether there is any login at all.
    pub fn asks_for_login(&self) -> bool {
        self.basic.is_some() || self.bearer.is_some()
    }

    /// Lets the request through, or says what is answered instead. Counts logins: once a request.
    pub fn check(&self, seen: &Seen, repository: &str) -> Result<(), Answer> {
        let authorization = seen.header("authorization");
        let bearer = authorization.strip_prefix("Bearer ");
        match (&self.basic, &self.bearer) {
            (None, None) => Ok(()),
            (Some(logins), None) => logins.check(authorization, repository),
            (Some(logins), Some(_)) if bearer.is_none() && seen.is_authorized() => {
                logins.check(authorization, repository)
            }
            (_, Some(tokens)) => {
                let challenge = tokens.challenge(repository);
                let reason = match tokens.standing(bearer.unwrap_or_default(), repository) {
                    Standing::Granted => return Ok(()),
                    Standing::Insufficient => ",error=\"insufficient_scope\"",
                    Standing::Unknown if bearer.is_some() => ",error=\"invalid_token\"",
                    Standing::Unknown => "",
                };
                Err(Answer::unauthorized(&[format!("{challenge}{reason}")]))
            }
        }
    }
}
