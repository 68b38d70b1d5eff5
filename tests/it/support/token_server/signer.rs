//! ES256 tokens that carry their certificate (`x5c`), which docker-registry checks against its
//! `rootcertbundle`.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A key with its self-signed certificate.
pub struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    x5c: String,
    dir: TempDir,
}

impl Signer {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "pullcheck test token server");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let cert = params.self_signed(&key).unwrap();

        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("bundle.pem"), cert.pem()).unwrap();
        let random = SystemRandom::new();
        let pkcs8 = key.serialize_der();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random).unwrap();
        Self { key, random, x5c: STANDARD.encode(cert.der()), dir }
    }

    /// The PEM file for `rootcertbundle`.
    pub fn bundle(&self) -> PathBuf {
        self.dir.path().join("bundle.pem")
    }

    /// A token, valid for an hour from a minute ago, whatever the server says of its lifetime.
    pub fn token(&self, service: &str, subject: &str, access: &Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut id = [0; 16];
        self.random.fill(&mut id).unwrap();
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [self.x5c] });
        let claims = json!({
            "iss": ISSUER,
            "sub": subject,
            "aud": service,
            "exp": now + 3600,
            "nbf": now - 60,
            "iat": now - 60,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "access": access,
        });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The `iss` of the tokens.
pub const ISSUER: &str = "pullcheck tests";
