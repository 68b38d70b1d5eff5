use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, RootCertStore};

use super::authority::DAY;
use super::*;

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// Verifies as a client that trusts `authority` and asks for `host` at `at`.
fn verify(authority: &Authority, server: &Pair, host: &str, at: SystemTime) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    roots.add(der(&authority.pair().certificate)).unwrap();
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()))
            .build()
            .unwrap();
    let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    verifier
        .verify_server_cert(
            &der(&server.certificate),
            &[],
            &ServerName::try_from(host.to_owned()).unwrap(),
            &[],
            UnixTime::since_unix_epoch(since_epoch),
        )
        .map(drop)
}

#[test]
fn a_client_that_trusts_the_authority_accepts_every_named_host_and_no_other() {
    let now = SystemTime::now();
    let authority = Authority::mint(now).unwrap();
    let hosts = ["localhost", "127.0.0.1", "::1", "pullcheck.pullcheck.svc"];
    let server = authority.issue(&hosts, SERVER_DAYS).unwrap();
    for host in hosts {
        verify(&authority, &server, host, now).unwrap();
    }
    for host in ["example.com", "127.0.0.2", "pullcheck.other.svc"] {
        let error = verify(&authority, &server, host, now).unwrap_err();
        assert!(
            matches!(
                error,
                Error::InvalidCertificate(
                    CertificateError::NotValidForName
                        | CertificateError::NotValidForNameContext { .. }
                )
            ),
            "{host}: {error}"
        );
    }
}

#[test]
fn a_client_that_trusts_another_authority_refuses() {
    let now = SystemTime::now();
    let server = Authority::mint(now).unwrap().issue(&["localhost"], 1).unwrap();
    let stranger = Authority::mint(now).unwrap();
    assert!(verify(&stranger, &server, "localhost", now).is_err());
}

#[test]
fn it_holds_for_clocks_a_little_behind_and_ends_when_it_should() {
    let now = SystemTime::now();
    let authority = Authority::mint(now).unwrap();
    let server = authority.issue(&["localhost"], 30).unwrap();
    let minute = Duration::from_secs(60);
    verify(&authority, &server, "localhost", now - 30 * minute).unwrap();
    verify(&authority, &server, "localhost", now + 30 * DAY - minute).unwrap();
    let error = verify(&authority, &server, "localhost", now + 30 * DAY + minute).unwrap_err();
    assert!(
        matches!(
            error,
            Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. }
            )
        ),
        "{error}"
    );
}

#[test]
fn the_key_goes_with_its_certificate_and_no_two_pairs_share_one() {
    let authority = Authority::mint(SystemTime::now()).unwrap();
    let [first, second] = [(), ()].map(|()| authority.issue(&["localhost"], 1).unwrap());
    let together = |certificate: &Pair, key: &Pair| {
        let key = PrivateKeyDer::from_pem_slice(key.key.as_bytes()).unwrap();
        CertifiedKey::from_der(vec![der(&certificate.certificate)], key, &default_provider())
            .map(drop)
    };
    together(&first, &first).unwrap();
    together(&authority.pair(), &authority.pair()).unwrap();
    assert!(together(&first, &second).is_err());
}

#[test]
fn a_host_that_no_client_could_ask_for_is_refused() {
    let authority = Authority::mint(SystemTime::now()).unwrap();
    for host in [
        "",
        "https://localhost",
        "localhost:8443",
        "a b",
        "a..b",
        "-a",
        "a_b",
        "m\u{fc}nchen.example",
        "10.0.0.300",
        "[::1]",
        "*.",
        "a.*.b",
    ] {
        let error = authority.issue(&[host], 1).unwrap_err();
        assert!(matches!(&error, MintError::Host(named) if named == host), "{host}: {error}");
    }
    for host in ["a", "A-1.example", "*.pullcheck.svc", "fe80::1", "10.0.0.30"] {
        authority.issue(&[host], 1).unwrap();
    }
    assert!(matches!(authority.issue(&[""; 0], 1), Err(MintError::NoHosts)));
}

#[test]
fn a_certificate_lasts_at_least_a_day_and_no_longer_than_its_authority() {
    let authority = Authority::mint(SystemTime::now()).unwrap();
    for days in [0, CA_DAYS + 1, u16::MAX] {
        assert!(
            matches!(authority.issue(&["a"], days), Err(MintError::Days(named)) if named == days)
        );
    }
    authority.issue(&["a"], CA_DAYS).unwrap();
}

#[test]
fn no_key_shows_in_debug_output() {
    let authority = Authority::mint(SystemTime::now()).unwrap();
    let server = authority.issue(&["localhost"], 1).unwrap();
    for shown in
        [format!("{authority:?}"), format!("{server:?}"), format!("{:?}", authority.pair())]
    {
        assert!(!shown.contains("PRIVATE KEY"), "{shown}");
    }
}
