//! What the tests share: names, certificates, one good image, and a client that believes in them.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

use super::fake::{Fake, Reply, Seen, answer, status};
use crate::credentials::Credential;
use crate::facts::{Outcome, Refusal, Trouble};
use crate::image::{Algorithm, Digest, Reference};
use crate::registry::{
    AddressRule, ClientConfig, FixedResolver, Lookup, Progress, ProxyRule, RegistryClient,
};

/// The media type of the good image.
pub(super) const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
/// That of its config.
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// The good image's config.
pub(super) fn config() -> &'static [u8] {
    br#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#
}

static MANIFEST: LazyLock<String> = LazyLock::new(|| {
    let (digest, size) = (config_digest(), config().len());
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"{CONFIG}","digest":"{digest}","size":{size}}},"layers":[]}}"#
    )
});

/// The good image's manifest.
pub(super) fn manifest() -> &'static [u8] {
    MANIFEST.as_bytes()
}

/// The good image's config's digest.
pub(super) fn config_digest() -> Digest {
    Digest::of(Algorithm::Sha256, config())
}

/// The good image's digest.
pub(super) fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, manifest())
}

/// A registry that has `app:1`, and answers everything else with a bare 404.
pub(super) fn app(seen: &Seen) -> Reply {
    if seen.is("GET", &config_path()) {
        return answer(200, &[], config());
    }
    let digest = digest();
    let paths = ["/v2/app/manifests/1".to_owned(), format!("/v2/app/manifests/{digest}")];
    if !paths.contains(&seen.path) {
        return status(404);
    }
    let length = manifest().len().to_string();
    let headers = [
        ("content-type", OCI),
        ("docker-content-digest", digest.as_str()),
        ("content-length", &length),
    ];
    answer(200, &headers, if seen.method == "HEAD" { b"" } else { manifest() })
}

/// The path that an image of the reference `app:1` is asked for at.
pub(super) const APP: &str = "/v2/app/manifests/1";

/// The path that its config is asked for at.
pub(super) fn config_path() -> String {
    format!("/v2/app/blobs/{}", config_digest())
}

/// A certificate authority of its own.
pub(super) type Ca = CertifiedIssuer<'static, KeyPair>;

static CA: LazyLock<CertifiedIssuer<'static, KeyPair>> = LazyLock::new(|| ca("tests"));

pub(super) fn ca(name: &str) -> Ca {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A TLS server for this name, its certificate from the CA that the clients know.
pub(super) fn certificate(name: &str) -> Arc<rustls::ServerConfig> {
    certificate_with(name, &CA, |_| {})
}

/// The same from a CA that nobody knows.
pub(super) fn foreign_certificate(name: &str) -> Arc<rustls::ServerConfig> {
    certificate_with(name, &ca("nobody knows"), |_| {})
}

/// The same from this one, which shows a certificate to a client only if the client shows one of
/// `clients`, where those are given.
pub(super) fn certificate_of(
    ca: &Ca,
    name: &str,
    clients: Option<&Ca>,
) -> Arc<rustls::ServerConfig> {
    let mut config = rustls::ServerConfig::clone(&certificate_with(name, ca, |_| {}));
    if let Some(clients) = clients {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, ca).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(clients.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build();
        config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.unwrap())
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
    }
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// A client's certificate and key, in PEM.
pub(super) fn client_pem(ca: &Ca) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
    (params.signed_by(&key, ca).unwrap().pem(), key.serialize_pem())
}

/// The same, long expired.
pub(super) fn expired_certificate(name: &str) -> Arc<rustls::ServerConfig> {
    certificate_with(name, &CA, |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    })
}

fn certificate_with(
    name: &str,
    issuer: &CertifiedIssuer<'static, KeyPair>,
    change: impl FnOnce(&mut CertificateParams),
) -> Arc<rustls::ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Settings that know the tests' CA and these names, and may dial loopback.
pub(super) fn settings(names: &[(&str, &Fake)]) -> ClientConfig {
    let addresses: Vec<_> = names.iter().map(|(name, fake)| (*name, fake.address)).collect();
    settings_at(&addresses)
}

/// The same, by address.
pub(super) fn settings_at(names: &[(&str, SocketAddr)]) -> ClientConfig {
    let resolver = names
        .iter()
        .fold(FixedResolver::default(), |names, (name, address)| names.with(*name, *address));
    ClientConfig {
        extra_roots_pem: CA.pem().into_bytes(),
        address_rule: AddressRule { loopback_allowed: true, ..AddressRule::default() },
        resolver: Some(Arc::new(resolver)),
        proxies: ProxyRule::Never,
        ..ClientConfig::default()
    }
}

/// A client for these names.
pub(super) fn client(names: &[(&str, &Fake)]) -> RegistryClient {
    RegistryClient::new(settings(names)).unwrap()
}

/// A client for these names, by address.
pub(super) fn client_at(names: &[(&str, SocketAddr)]) -> RegistryClient {
    RegistryClient::new(settings_at(names)).unwrap()
}

/// A wait that a server which never answers outlasts.
pub(super) const SOON: Duration = Duration::from_millis(50);

/// A TLS registry under `reg.test`, and a client that knows it.
pub(super) async fn registry(
    behave: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Fake, RegistryClient) {
    let fake = Fake::tls(certificate("reg.test"), behave).await;
    let client = client(&[("reg.test", &fake)]);
    (fake, client)
}

/// Asks anonymously.
pub(super) async fn look(client: &RegistryClient, image: &str) -> Outcome {
    look_as(client, image, None).await
}

/// Asks with a credential, for the namespace `shop`.
pub(super) async fn look_as(
    client: &RegistryClient,
    image: &str,
    credential: Option<&Credential>,
) -> Outcome {
    look_for(client, "shop", image, credential).await
}

/// Asks with a credential, for this namespace.
pub(super) async fn look_for(
    client: &RegistryClient,
    tenant: &str,
    image: &str,
    credential: Option<&Credential>,
) -> Outcome {
    let reference = Reference::parse(image).unwrap();
    let lookup = Lookup { reference: &reference, credential, tenant, entry: None };
    client.lookup(lookup, &Progress::new()).await
}

/// The refusal that an outcome must be.
pub(super) fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The trouble that an outcome must be.
pub(super) fn trouble(outcome: Outcome) -> Trouble {
    match outcome {
        Outcome::Trouble(trouble) => trouble,
        other => panic!("no trouble: {other:?}"),
    }
}

/// The image must have been found.
pub(super) fn assert_found(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Found(_)), "{outcome:?}");
}
