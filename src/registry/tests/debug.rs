//! What Debug shows of whatever might hold a secret: nothing of it.

use http::{HeaderMap, HeaderValue, Method};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;

use super::fake::{Fake, answer};
use super::login::{good_token, guarded};
use super::world::{assert_found, certificate, client};
use crate::credentials::Credential;
use crate::image::Reference;
use crate::registry::auth::TokenQuestion;
use crate::registry::challenge::Challenges;
use crate::registry::identity::Identities;
use crate::registry::transport::{Answer, Request};
use crate::registry::who::Who;
use crate::registry::{ClientConfig, Lookup, Progress, ProxyRule, RegistryClient};

/// Every secret of these tests has this in it, and nothing else has.
const SECRET: &str = "hush";

fn ada() -> Credential {
    Credential::new("ada-hush", "secret-hush")
}

#[tokio::test]
async fn nothing_of_a_lookup_shows() {
    let challenge = r#"Bearer realm="https://auth.test/token?key=hush",service="reg.test""#;
    let registry = Fake::tls(certificate("reg.test"), guarded(challenge, "Bearer good")).await;
    let tokens = Fake::tls(certificate("auth.test"), |_| good_token()).await;
    let client = client(&[("reg.test", &registry), ("auth.test", &tokens)]);
    let (credential, progress) = (ada(), Progress::new());
    let reference = Reference::parse("reg.test/app:1").unwrap();
    let lookup = Lookup {
        reference: &reference,
        credential: Some(&credential),
        tenant: "shop",
        entry: None,
    };
    let outcome = client.lookup(lookup, &progress).await;
    assert_found(&outcome);
    let id = client.credential_id(Some(&credential));
    let shown = format!("{client:?} {lookup:?} {progress:?} {outcome:?} {id:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("good"), "{shown}");
}

#[test]
fn nothing_of_the_settings_shows() {
    let proxies = ProxyRule::Fixed {
        https: "http://user:hush@proxy.test:3128".to_owned(),
        http: "http://user:hush@proxy.test:3128".to_owned(),
        no_proxy: String::new(),
    };
    let config = ClientConfig { proxies, ..ClientConfig::default() };
    let shown = format!("{config:?} {:?}", RegistryClient::new(config.clone()).unwrap());
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn nothing_of_a_request_shows() {
    let who = Who::new("shop", Some(&ada()), &Identities::new().unwrap());
    let uri: http::Uri = "https://cdn.test/blob?signature=hush".parse().unwrap();
    let mut request = Request::new(Method::POST, uri.clone());
    request.authorization = who.login.as_ref().unwrap().basic();
    request.form = Some("username=ada&password=hush".into());
    let question =
        TokenQuestion { realm: uri, service: None, scopes: Vec::new(), via: None, aside: false };
    let mut headers = HeaderMap::new();
    let challenge = HeaderValue::from_static(r#"Bearer realm="https://auth.test/?key=hush""#);
    headers.insert("www-authenticate", challenge);
    let challenges = Challenges::of(&headers);
    assert!(challenges.bearer.is_some());
    let shown = format!("{request:?} {question:?} {challenges:?} {who:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("Basic"), "{shown}");
    assert!(shown.contains("cdn.test"), "{shown}");
}

#[tokio::test]
async fn nothing_of_an_answer_shows() {
    let fake = Fake::plain(|_| {
        let location = ("location", "https://cdn.test/blob?signature=hush");
        answer(307, &[location, ("set-cookie", "session=hush")], "")
    })
    .await;
    let tcp = tokio::net::TcpStream::connect(fake.address).await.unwrap();
    let (mut send, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.unwrap();
    tokio::spawn(connection);
    let response = send.send_request(http::Request::new(Empty::<bytes::Bytes>::new())).await;
    let response = response.unwrap();
    assert!(response.headers().contains_key("set-cookie"));
    let shown = format!("{:?}", Answer::new(response, "reg.test".to_owned(), true, false));
    assert!(!shown.contains(SECRET) && shown.contains("307"), "{shown}");
}
