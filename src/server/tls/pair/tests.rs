use std::time::SystemTime;

use super::*;
use crate::certificates::{Authority, Pair};

fn minted() -> Pair {
    Authority::mint(SystemTime::now()).unwrap().issue(&["localhost"], 1).unwrap()
}

fn checked(certificate: &str, key: &str) -> Result<CertifiedKey, PairError> {
    let files = CertificateFiles { certificate: "tls.crt".into(), key: "tls.key".into() };
    check(certificate.as_bytes(), key.as_bytes(), &files)
}

#[test]
fn a_pair_is_accepted_with_its_whole_chain_and_in_any_company() {
    let authority = Authority::mint(SystemTime::now()).unwrap();
    let pair = authority.issue(&["localhost"], 1).unwrap();
    let chain = format!("{}{}", pair.certificate, authority.pair().certificate);
    assert_eq!(checked(&chain, &pair.key).unwrap().cert.len(), 2);
    let both = format!("a comment\n{}{}", pair.key, pair.certificate);
    assert_eq!(checked(&both, &both).unwrap().cert.len(), 1);
}

#[test]
fn half_of_another_pair_is_refused() {
    let (old, new) = (minted(), minted());
    for (certificate, key) in [(&old.certificate, &new.key), (&new.certificate, &old.key)] {
        let error = checked(certificate, key).unwrap_err();
        assert!(matches!(error, PairError::Mismatch { .. }), "{error}");
        assert!(error.to_string().starts_with("tls.key is not the key of tls.crt"), "{error}");
    }
}

#[test]
fn what_is_no_certificate_or_no_key_is_named_for_what_it_is() {
    let pair = minted();
    let garbled = pair.certificate.replace("MII", "MIX");
    let cut = pair.certificate.get(..200).unwrap();
    let no_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for certificate in ["hello", cut, &garbled, no_x509, &pair.key] {
        let error = checked(certificate, &pair.key).unwrap_err();
        assert!(matches!(&error, PairError::NoCertificate(path) if path == Path::new("tls.crt")));
    }
    let cut = pair.key.get(..100).unwrap();
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    for key in ["hello", cut, encrypted, &pair.certificate] {
        let error = checked(&pair.certificate, key).unwrap_err();
        assert!(matches!(&error, PairError::NoKey(path) if path == Path::new("tls.key")));
    }
}

#[test]
fn no_error_shows_what_the_key_file_holds() {
    let pair = minted();
    let secret = "-----BEGIN c2VjcmV0\nc2VjcmV0\n";
    let error = checked(&pair.certificate, secret).unwrap_err();
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("c2VjcmV0"), "{shown}");
    }
}

#[test]
fn files_that_cannot_be_what_they_should_are_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("blank"), " \n\n").unwrap();
    fs::write(at("vast"), vec![b'a'; usize::try_from(LARGEST).unwrap() + 1]).unwrap();
    fs::write(at("good"), "something").unwrap();

    let read = |certificate: &str, key: &str| {
        read(&CertificateFiles { certificate: at(certificate), key: at(key) }).map(drop)
    };
    read("good", "good").unwrap();
    for (name, says) in [
        ("absent", "absent cannot be read"),
        ("blank", "blank is empty"),
        ("vast", "vast is not a file of at most"),
        ("", "is not a file"),
    ] {
        for error in [read(name, "good").unwrap_err(), read("good", name).unwrap_err()] {
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
