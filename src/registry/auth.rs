//! Getting tokens: as containerd asks for them, once for everybody who wants the same one, and
//! within the login budgets. A token never leaves for another credential than its own.

mod fetch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::time::timeout;

use super::Step;
use super::budget::{Budgets, Slot};
use super::fair::Fair;
use super::identity::CredentialId;
use super::progress::{Phase, Progress, current, enter};
use super::scheme::canonical;
use super::standing::Standing;
use super::token::{Method, Token};
use super::transport::{Transport, Via, ViaId};
use super::trouble::trouble;
use super::who::Who;
use crate::facts::{Outcome, Trouble, TroubleKind, Unchecked};

/// Bytes of tokens kept.
const TOKENS: u64 = 16 * 1024 * 1024;
/// Bytes of what is kept of the ways to ask realms, of either kind.
const METHODS: u64 = 2 * 1024 * 1024;
/// How long the way that worked at a realm is kept.
const METHOD: Duration = Duration::from_secs(3_600);

/// One token, as a question.
#[derive(Clone)]
pub(super) struct TokenQuestion {
    pub(super) realm: Uri,
    pub(super) service: Option<String>,
    /// Sorted, without repetition.
    pub(super) scopes: Vec<String>,
    /// How the registry that named the realm is spoken to: containerd speaks to the realm in the
    /// same way, and with the same headers.
    pub(super) via: Option<Arc<Via>>,
    /// No node asks it: that the login is refused here does not stand.
    pub(super) aside: bool,
}

impl PartialEq for TokenQuestion {
    fn eq(&self, other: &Self) -> bool {
        self.via_id() == other.via_id()
            && (&self.realm, &self.service, &self.scopes)
                == (&other.realm, &other.service, &other.scopes)
    }
}

impl TokenQuestion {
    fn via_id(&self) -> Option<ViaId> {
        self.via.as_ref().map(|via| via.id())
    }

    /// `host[:port]` of the realm, in the one spelling that budgets and refusals go by.
    pub(super) fn host(&self) -> String {
        self.realm.authority().map(canonical).unwrap_or_default()
    }

    fn key(&self, who: &Who) -> TokenKey {
        TokenKey {
            realm: self.realm.to_string(),
            service: self.service.clone(),
            scopes: self.scopes.clone(),
            via: self.via_id(),
            who: who.id(),
        }
    }
}

impl fmt::Debug for TokenQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The realm may come with a query, which is nobody's business.
        f.debug_struct("TokenQuestion").field("host", &self.host()).finish_non_exhaustive()
    }
}

/// What makes two tokens interchangeable.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TokenKey {
    realm: String,
    service: Option<String>,
    scopes: Vec<String>,
    via: Option<ViaId>,
    who: CredentialId,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

impl TokenKey {
    /// Bytes that it takes in memory.
    fn size(&self) -> usize {
        let scopes: usize = self.scopes.iter().map(|scope| size_of::<String>() + scope.len()).sum();
        self.realm.len() + self.service.as_ref().map_or(0, String::len) + scopes
    }
}

/// A token and whether it was here already.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    pub(super) token: Arc<Token>,
    /// What it was asked for with.
    pub(super) question: TokenQuestion,
    pub(super) cached: bool,
}

/// Everything known about logging in, shared by all lookups.
pub(super) struct Auth {
    transport: Arc<Transport>,
    tokens: Fair<TokenKey, Arc<Token>, Outcome>,
    /// How a credential was taken at a realm: a GET-only realm costs no second refused login. What
    /// works for one says nothing about another.
    methods: Fair<(String, CredentialId), Method>,
    /// Realms that know no POST and have given a token for a GET, whoever asked.
    without_form: Fair<String, ()>,
    pub(super) budgets: Budgets,
    pub(super) standing: Arc<Standing>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys of its memories are the realms with their queries.
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

/// A token lives as long as its answer says.
fn kept_tokens() -> Fair<TokenKey, Arc<Token>, Outcome> {
    let size = |key: &TokenKey, token: &Arc<Token>| key.size() + token.size();
    Fair::new(TOKENS, size, |token| token.lifetime)
}

impl Auth {
    pub(super) fn new(transport: Arc<Transport>) -> Self {
        Self {
            transport,
            tokens: kept_tokens(),
            methods: Fair::new(METHODS, |(realm, _): &(String, _), _| realm.len(), |_| METHOD),
            without_form: Fair::new(METHODS, |realm: &String, ()| realm.len(), |()| METHOD),
            budgets: Budgets::new(),
            standing: Arc::new(Standing::new()),
        }
    }

    /// The token for this question and this credential, from the cache or from the realm.
    pub(super) async fn token(
        self: &Arc<Self>,
        question: &TokenQuestion,
        who: &Who,
    ) -> Step<Granted> {
        let key = question.key(who);
        if let Some(token) = self.tokens.get(&who.tenant, &key) {
            let token = (**token).clone();
            return Ok(Granted { token, question: question.clone(), cached: true });
        }
        let host = question.host();
        enter(Phase::Login, &host);
        let slot = self.turn(&host, who).await?;
        let token = self.fetch_once(key, question.clone(), who.clone(), slot).await?;
        Ok(Granted { token, question: question.clone(), cached: false })
    }

    /// A token that was refused is not used again.
    pub(super) fn drop_token(&self, question: &TokenQuestion, who: &Who) {
        self.tokens.invalidate(&question.key(who));
    }

    /// Waits for the turn to log in at `host`; an anonymous request needs none.
    ///
    /// # Errors
    /// The login is known to be refused, or the budget is used up.
    pub(super) async fn turn(&self, host: &str, who: &Who) -> Step<Option<Slot>> {
        let Some(login) = &who.login else { return Ok(None) };
        enter(Phase::Login, host);
        self.not_refused(host, who)?;
        let proven = self.standing.is_proven(host, login.id);
        let slot = self
            .budgets
            .admit(&who.tenant, host, login.user, proven)
            .await
            .map_err(|words| Outcome::NotChecked(Unchecked::Budget(words)))?;
        // The login before this one may have been the same.
        self.not_refused(host, who)?;
        Ok(Some(slot))
    }

    fn not_refused(&self, host: &str, who: &Who) -> Step<()> {
        match self.standing.refused_login(&who.tenant, host, who.id()) {
            Some(refusal) => Err(Outcome::Refused(refusal)),
            None => Ok(()),
        }
    }

    /// Asks for the token in a task of its own, which a caller that gives up does not end, and
    /// which everybody with the same question waits for.
    async fn fetch_once(
        self: &Arc<Self>,
        key: TokenKey,
        question: TokenQuestion,
        who: Who,
        slot: Option<Slot>,
    ) -> Step<Arc<Token>> {
        let host = question.host();
        let auth = self.clone();
        let progress = current().unwrap_or_default();
        let task = tokio::spawn(async move {
            let limit = auth.transport.limits.total;
            loop {
                let mut asked = false;
                let fetch = async {
                    asked = true;
                    auth.fetch(&question, &who, slot.as_ref()).await
                };
                let bounded = bounded(limit, question.host(), &progress, fetch);
                let ended = auth.tokens.get_or_try(&who.tenant, key.clone(), bounded).await;
                let ended = ended.map(|token| (**token).clone());
                match ended.map_err(|outcome| Outcome::clone(&outcome)) {
                    // Another review's budget, or another namespace's, is no answer for this one.
                    Err(Outcome::NotChecked(Unchecked::Budget(_))) if !asked => {}
                    ended => return ended,
                }
            }
        });
        match task.await {
            Ok(ended) => ended,
            Err(_) => Err(trouble(TroubleKind::Error, &host, "asking for a token broke off")),
        }
    }
}

async fn bounded(
    limit: Duration,
    host: String,
    progress: &Progress,
    fetch: impl Future<Output = Step<Arc<Token>>>,
) -> Step<Arc<Token>> {
    match timeout(limit, progress.watch(fetch)).await {
        Ok(ended) => ended,
        Err(_) => Err(Outcome::Trouble(Trouble {
            kind: TroubleKind::Timeout,
            host,
            detail: "no token".to_owned(),
            waited: Some(limit),
            retry_after: None,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::parse;
    use super::*;

    #[test]
    fn a_registrys_many_long_tokens_take_no_more_than_their_room() {
        let tokens = kept_tokens();
        let body = format!(r#"{{"token":"{}","expires_in":3600}}"#, "a".repeat(16 * 1024));
        let token = parse(body.as_bytes(), Method::Get, jiff::Timestamp::now()).unwrap();
        let token = Arc::new(token);
        for index in 0..2_000 {
            let key = TokenKey {
                realm: "https://auth.test/token".to_owned(),
                service: None,
                scopes: vec![format!("repository:app{index}:pull")],
                via: None,
                who: CredentialId::ANONYMOUS,
            };
            tokens.insert(&"shop".into(), key, token.clone());
        }
        assert!((500..1_024).contains(&tokens.count()), "{}", tokens.count());
    }
}
