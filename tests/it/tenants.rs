//! No namespace's answer, token or login ever serves another, through the running server.

use http::HeaderMap;

use crate::support::api_server::{ApiServer, Entry};
use crate::support::images;
use crate::support::misbehaving::{Access, Logins, Registry};
use crate::support::real_registry::{self, Flavour, MISSING, RealRegistry};
use crate::support::reviews::{POD, Review, pod_spec, pod_spec_with_secrets};
use crate::support::secrets;
use crate::support::server::Seen;
use crate::support::skip;
use crate::support::token_server::TokenServer;
use crate::support::webhook::{Launch, Reviewed, Webhook};

const REPOSITORY: &str = "team/app";

/// Everybody has a secret `regcred` for the registry: red that of alice, blue alice's with a wrong
/// password, green that of bob, who may not pull this repository. Grey has none.
struct Tenants {
    webhook: Webhook,
    _api: ApiServer,
    image: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tenant {
    Red,
    Blue,
    Green,
    Grey,
}

use Tenant::{Blue, Green, Grey, Red};

impl Tenants {
    async fn at(host: &str, alice: &str, bob: &str, image: String) -> Self {
        let api = ApiServer::start(&["red", "blue", "green", "grey"]).await;
        let wrong = secrets::fresh();
        for (namespace, user, password) in
            [("red", "alice", alice), ("blue", "alice", wrong.as_str()), ("green", "bob", bob)]
        {
            api.put_pull_secret(namespace, "regcred", &[Entry { host, user, password }]);
        }
        let webhook = Launch::beside(&api).mode("enforce").start().await;
        Self { webhook, _api: api, image }
    }

    async fn ask(&self, tenant: Tenant) -> Reviewed {
        let namespace = format!("{tenant:?}").to_lowercase();
        let spec = match tenant {
            Grey => pod_spec(&self.image),
            _ => pod_spec_with_secrets(&self.image, &["regcred"]),
        };
        let review = Review::create(&POD, &POD.object(&namespace, "web", spec));
        self.webhook.review(&review).await
    }

    /// Each gets what its own credential is worth.
    async fn each_gets_its_own(&self, tenant: Tenant) {
        let answer = self.ask(tenant).await;
        let expected: &[&str] = match tenant {
            Red => &[],
            Blue => &["credential-rejected"],
            Green | Grey => &["access-denied"],
        };
        assert_eq!(answer.denied_codes(), expected, "{tenant:?}: {:#}", answer.json);
        assert_eq!(answer.warnings(), Vec::<String>::new(), "{tenant:?}");
    }

    /// Cold, warm, in every order, and all at once.
    async fn none_gets_anothers(&self) {
        for tenant in [Red, Blue, Green, Grey, Grey, Green, Blue, Red, Blue, Red] {
            self.each_gets_its_own(tenant).await;
        }
        let all = (0..40).map(|number| [Red, Blue, Green, Grey][number % 4]);
        futures_util::future::join_all(all.map(|tenant| self.each_gets_its_own(tenant))).await;
    }
}

/// The user whose login a request to a registry with Basic carries.
fn user(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("authorization")?.to_str().unwrap();
    Some(crate::support::misbehaving::access::parse_basic(value).unwrap().0)
}

#[tokio::test]
async fn with_basic_every_namespace_is_known_by_its_own_password() {
    let logins = Logins::default();
    let alice = logins.add("alice", &[REPOSITORY]);
    let bob = logins.add("bob", &["team/other"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("basic tenants"));
    let tenants = Tenants::at(&registry.host(), &alice, &bob, image).await;

    // One after the other: what was sent for whom is what arrived in between.
    for (tenant, allowed) in
        [(Red, "alice"), (Grey, ""), (Green, "bob"), (Grey, ""), (Blue, "alice")]
    {
        let before = registry.log().all().len();
        tenants.each_gets_its_own(tenant).await;
        for seen in &registry.log().all()[before..] {
            let user = user(&seen.headers).unwrap_or_default();
            assert!(user.is_empty() || user == allowed, "{user} on behalf of {tenant:?}");
        }
    }
    assert_eq!(logins.refused(), ["alice"], "the wrong password, once");
    tenants.none_gets_anothers().await;
    assert_eq!(logins.refused(), ["alice"], "a refusal is remembered");
}

fn token(seen: &Seen) -> Option<String> {
    seen.header("authorization").strip_prefix("Bearer ").map(str::to_owned)
}

#[tokio::test]
async fn a_token_is_used_for_the_credential_that_got_it_and_no_other() {
    let server = TokenServer::start().await;
    let alice = server.add_user("alice", &[REPOSITORY]);
    let bob = server.add_user("bob", &["team/other"]);
    let registry = Registry::start(Access::bearer(&server)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("bearer tenants"));
    let tenants = Tenants::at(&registry.host(), &alice, &bob, image).await;

    let mut of_others: Vec<(Tenant, String)> = Vec::new();
    for tenant in [Red, Grey, Green, Blue] {
        let (before, asked) = (registry.log().all().len(), server.requests().len());
        tenants.each_gets_its_own(tenant).await;
        let users: Vec<_> =
            server.requests().split_off(asked).into_iter().map(|it| it.user).collect();
        let own = match tenant {
            Red | Blue => Some("alice".to_owned()),
            Green => Some("bob".to_owned()),
            Grey => None,
        };
        assert!(
            !users.is_empty() && users.iter().all(|user| *user == own),
            "{tenant:?}: {users:?}"
        );
        for token in registry.log().all()[before..].iter().filter_map(token) {
            let stolen =
                of_others.iter().find(|(other, known)| *other != tenant && *known == token);
            assert!(stolen.is_none(), "{tenant:?} came with the token of {stolen:?}");
            of_others.push((tenant, token));
        }
    }
    assert!(of_others.iter().any(|(tenant, _)| *tenant == Grey), "the anonymous got one too");
    assert!(of_others.iter().all(|(tenant, _)| *tenant != Blue), "the refused got none");
    tenants.none_gets_anothers().await;
}

#[tokio::test]
async fn the_real_registry_keeps_them_apart_too() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let server = TokenServer::start().await;
    let alice = server.add_user("alice", &[REPOSITORY]);
    let bob = server.add_user("bob", &["team/other"]);
    let registry = RealRegistry::start(&binary, Flavour::Bearer(&server)).await;
    let image = registry.push(REPOSITORY, "1.0", &images::simple("real tenants")).await;
    let tenants = Tenants::at(&registry.host(), &alice, &bob, image).await;
    tenants.none_gets_anothers().await;
}

/// Over one connection come requests for many; what each carries decides, not the connection.
#[tokio::test]
async fn a_connection_that_one_has_logged_in_on_is_worth_nothing_to_another() {
    let logins = Logins::default();
    let alice = logins.add("alice", &[REPOSITORY]);
    let bob = logins.add("bob", &["team/other"]);
    let registry = Registry::start(Access::basic(&logins)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("connections"));
    let tenants = Tenants::at(&registry.host(), &alice, &bob, image).await;
    for tenant in [Red, Grey, Green] {
        tenants.each_gets_its_own(tenant).await;
    }
    let seen = registry.log().all();
    let grey = seen.iter().filter(|seen| !seen.is_authorized());
    let shared = grey.filter(|one| {
        seen.iter().any(|other| other.connection == one.connection && other.is_authorized())
    });
    assert!(shared.count() > 0, "connections are reused, which is what this test is about");
}
