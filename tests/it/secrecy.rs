//! Nothing of a Secret but its name and hosts, nothing of a login, a token or a signed URL, is in
//! any log line, answer, metric or `Debug`.
//!
//! Every process that the tests start has its whole output searched for every secret they know;
//! here the program is made to handle as many of them as it can while it logs all it has to say.

use std::sync::Arc;

use pullcheck::credentials::provider::{Document, read};
use pullcheck::credentials::{
    ConfigFormat, Credential, DecodedSecret, DockerConfig, Keyring, PullSecret, SecretState,
};
use pullcheck::facts::{
    CredentialSource, Facts, Front, Gaps, SecretFact, ServiceAccountFact, ServiceAccountState,
    Settings,
};
use pullcheck::image::Reference;
use pullcheck::registry::{ClientConfig, Lookup, Progress, RegistryClient, RequestBudget};
use pullcheck::resolve::{Limits, Question, Resolver};
use pullcheck::telemetry::Metrics;

use crate::support::api_server::{ApiServer, Entry};
use crate::support::images;
use crate::support::misbehaving::{Access, Answer, Logins, Registry, faults};
use crate::support::reviews::{POD, Review, pod_spec_with_secrets};
use crate::support::secrets::{self, assert_no_secret};
use crate::support::token_server::{Mood, TokenServer};
use crate::support::webhook::Launch;

const REPOSITORY: &str = "team/app";

/// A user name is as much of a Secret as the password.
fn secret_login(host: &str) -> (String, String, String) {
    let (user, password) = (secrets::fresh(), secrets::fresh());
    let auth = secrets::basic(&user, &password);
    let json = format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#);
    (user, password, json)
}

fn shows_none(what: &str, value: &impl std::fmt::Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert_no_secret(what, &text);
        assert!(!text.is_empty());
    }
}

#[test]
fn no_type_of_the_core_shows_a_secret() {
    let (user, password, json) = secret_login("registry.test");
    let credential = Credential::new(user.clone(), password.clone());
    shows_none("Credential", &credential);
    shows_none("Option", &Some((CredentialSource::Secret("s".to_owned()), credential.clone())));

    let config = DockerConfig::decode(ConfigFormat::DockerConfigJson, json.as_bytes()).unwrap();
    assert_eq!(config.entries.len(), 1);
    shows_none("DockerConfig", &config);
    let keyring = Keyring::build(std::iter::once((0, &config)));
    shows_none("Keyring", &keyring);
    shows_none("Match", &keyring.lookup("registry.test/team/app"));

    let variable = secrets::fresh();
    let text = format!(
        r#"{{"apiVersion":"kubelet.config.k8s.io/v1","kind":"CredentialProviderConfig",
        "providers":[{{"name":"p","matchImages":["r.io"],"defaultCacheDuration":"1h",
        "apiVersion":"credentialprovider.kubelet.k8s.io/v1","args":["{variable}"],
        "env":[{{"name":"A","value":"{variable}"}}]}}]}}"#
    );
    let (providers, _, problems) = read(&[Document { file: "f".to_owned(), text }]);
    assert!(problems.is_empty(), "{problems:?}");
    shows_none("Provider", &providers);
    let answer = format!(
        r#"{{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Image",
        "kind":"CredentialProviderResponse",
        "auth":{{"r.io":{{"username":"{user}","password":"{password}"}}}}}}"#
    );
    shows_none("Response", &providers[0].response(answer.as_bytes()).unwrap());
    let undecodable = answer.replace("Image", &password);
    shows_none("ResponseFault", &providers[0].response(undecodable.as_bytes()).unwrap_err());

    let question = Question {
        reference: Reference::parse("registry.test/team/app:1").unwrap(),
        credentials: vec![(CredentialSource::DockerConfig, credential)],
        nodes: Arc::new([]),
        tenant: "shop".into(),
        anew: false,
        requests: RequestBudget::new(1),
    };
    shows_none("Question", &question);

    let decode = |value: &str| {
        DecodedSecret::from_data("kubernetes.io/dockerconfigjson", |key| {
            (key == ".dockerconfigjson").then_some(value.as_bytes())
        })
    };
    // Whatever is wrong with one, what it holds is not in the error either.
    let malformed = [
        json.replace("\"auth\"", "\"password\":1,\"auth\""),
        json.replace('=', "!"),
        json.replace("{\"auths\"", "{auths"),
        format!(r#"{{"auths":{{"registry.test":{{"auth":"{user}"}}}}}}"#),
        format!(r#"{{"auths":{{"registry.test":"{password}"}}}}"#),
        format!(r#"{{"auths":"{password}"}}"#),
        password.clone(),
        format!("\"{password}\""),
    ];
    for text in std::iter::once(&json).chain(&malformed) {
        let decoded = decode(text);
        shows_none("DecodedSecret", &decoded);
        if let DecodedSecret::Malformed(error) = &decoded {
            assert_no_secret("an error", &error.to_string());
            assert_no_secret("its fix", error.fix());
        }
        let secret = PullSecret { name: "regcred".to_owned(), state: SecretState::Read(decoded) };
        let settings = Settings::default();
        let facts = Facts {
            namespace: "shop",
            is_template: false,
            pins: pullcheck::workload::Pins::default(),
            nodes: None,
            gaps: Gaps::default(),
            images: Vec::new(),
            secrets: vec![SecretFact { field: "f".to_owned(), secret, used: true }],
            service_account: ServiceAccountFact {
                name: "default".to_owned(),
                field: "g".to_owned(),
                state: ServiceAccountState::NotNeeded,
            },
            misplaced_pull_secrets: &[],
            settings: &settings,
            front: Front::Serve,
        };
        shows_none("Facts", &facts);
        shows_none("findings", &pullcheck::causes::findings(&facts));
    }
}

/// What is remembered of a login that went through: tokens, refusals, answers.
#[tokio::test]
async fn no_memory_of_the_running_parts_shows_a_secret() {
    let tokens = TokenServer::start().await;
    let user = secrets::fresh();
    let password = tokens.add_user(&user, &["*"]);
    let registry = Registry::start(Access::bearer(&tokens)).await;
    let image = registry.add(REPOSITORY, "1.0", &images::simple("memory"));
    let mut config = ClientConfig::default();
    config.address_rule.loopback_allowed = true;
    shows_none("ClientConfig", &config);
    let client = RegistryClient::new(config).unwrap();
    let reference = Reference::parse(&image).unwrap();
    for password in [&password, &secrets::fresh()] {
        let credential = Credential::new(user.clone(), password.clone());
        shows_none("CredentialId", &client.credential_id(Some(&credential)));
        let lookup = Lookup {
            reference: &reference,
            credential: Some(&credential),
            tenant: "shop",
            entry: None,
        };
        shows_none("Lookup", &lookup);
        let progress = Progress::new();
        shows_none("Outcome", &client.lookup(lookup, &progress).await);
        shows_none("Progress", &progress);
        shows_none("RegistryClient", &client);
    }
    assert!(tokens.requests().len() >= 2);

    let resolver = Resolver::new(client, Limits::default(), Arc::new(Metrics::new()));
    let question = Question {
        reference,
        credentials: vec![(
            CredentialSource::Secret("regcred".to_owned()),
            Credential::new(user.clone(), password.clone()),
        )],
        nodes: Arc::new([]),
        tenant: "shop".into(),
        anew: false,
        requests: RequestBudget::new(100),
    };
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    shows_none("Attempt", &resolver.resolve(&question, deadline).await);
    shows_none("Resolver", &resolver);
}

/// Everything at once, with every line that any part of the program can log.
#[tokio::test]
async fn the_most_talkative_log_holds_no_secret() {
    let logins = Logins::default();
    let tokens = TokenServer::start().await;
    let user = secrets::fresh();
    let by_basic = logins.add(&user, &["*"]);
    let by_token = tokens.add_user(&user, &["*"]);
    let basic = Registry::start(Access::basic(&logins)).await;
    let bearer = Registry::start(Access::bearer(&tokens)).await;
    let hosts = [basic.host(), bearer.host()];
    let api = ApiServer::start(&["shop"]).await;
    let entry = |host, password| Entry { host, user: &user, password };
    api.put_pull_secret(
        "shop",
        "right",
        &[entry(&hosts[0], &by_basic), entry(&hosts[1], &by_token)],
    );
    let wrong = secrets::fresh();
    api.put_pull_secret("shop", "wrong", &[entry(&hosts[0], &wrong), entry(&hosts[1], &wrong)]);
    let (_, _, json) = secret_login(&hosts[0]);
    let json = json.replace("auth\":\"", "auth\":\"*");
    let key = ".dockerconfigjson";
    api.put_secret("shop", "malformed", "kubernetes.io/dockerconfigjson", &[(key, &json)]);
    api.put_secret("shop", "opaque", "Opaque", &[(key, &json)]);

    // Signed URLs, and texts that bring back what was sent.
    let signature = secrets::fresh();
    let mut pulled = Vec::new();
    for registry in [&basic, &bearer] {
        pulled.push(registry.add(REPOSITORY, "1.0", &images::simple("good")));
        pulled.push(registry.add(REPOSITORY, "1.0", &images::simple("good")).replace("1.0", "2.0"));
        let echo = registry.add("team/echo", "1.0", &images::simple("echo"));
        registry.misbehave(
            "team/echo",
            faults::Fault::new(faults::Act::Script(Arc::new(|seen| {
                let sent = seen.header("authorization").to_owned();
                Answer::error(403, &sent, &sent).with("X-Sent", &sent)
            }))),
        );
        pulled.push(echo);
        let signed = registry.add("team/signed", "1.0", &images::simple("signed"));
        let location = format!("http://127.0.0.1:1/blob?X-Amz-Signature={signature}");
        registry.misbehave("team/signed", faults::redirect(&location));
        pulled.push(signed);
    }
    let realm = bearer.add("team/realm", "1.0", &images::simple("realm"));
    let challenge = format!("Bearer realm=\"{}?key={signature}\",service=\"x\"", tokens.realm());
    bearer.misbehave("team/realm", faults::challenge(&[&challenge]));
    pulled.push(realm);

    let webhook = Launch::beside(&api).mode("enforce").env("PULLCHECK_LOG", "trace").start().await;
    for (secret, mood) in [
        ("right", Mood::Well),
        ("wrong", Mood::Well),
        ("malformed", Mood::Well),
        ("opaque", Mood::Well),
        ("right", Mood::BadJson),
    ] {
        tokens.mood(mood);
        for image in &pulled {
            let spec = pod_spec_with_secrets(image, &[secret]);
            // Answers are searched as they come.
            webhook.review(&Review::create(&POD, &POD.object("shop", "web", spec))).await;
        }
    }
    assert!(!logins.accepted().is_empty() && !logins.refused().is_empty());
    webhook.probe("/metrics").await;
    let log = webhook.log();
    assert!(
        log.contains("TRACE") && log.contains("DEBUG"),
        "it has to talk for this to say anything"
    );
    assert_no_secret("the log", &log);
    // The metrics name no image, no user and no registry.
    let metrics = webhook.probe("/metrics").await.text();
    for private in [REPOSITORY, "regcred", "jane", &hosts[0]] {
        assert!(!metrics.contains(private), "{private} in {metrics}");
    }
}
