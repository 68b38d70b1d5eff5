//! A certificate and its key: read from files, and checked to go together.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use secrecy::{ExposeSecret as _, SecretSlice};

/// No chain of certificates comes near this; a file that does was named by mistake.
const LARGEST: u64 = 1 << 20;

/// How often files that change while they are read are read again.
const ATTEMPTS: usize = 3;

/// Where a certificate chain and its private key are kept, both as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The server's certificate, followed by intermediates if there are any.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl CertificateFiles {
    /// What messages call a pair that never was in files.
    pub(super) fn in_memory() -> Self {
        Self { certificate: "(certificate)".into(), key: "(key)".into() }
    }
}

/// What is wrong with a pair; says what, why and the fix, and never shows what a file holds.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// Could not be read.
    #[error(
        "{} cannot be read ({why}); check the path, the mount and the file's permissions",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// Nothing in it.
    #[error("{} is empty; write the PEM text into it", .0.display())]
    Empty(PathBuf),
    /// Something else than a small file.
    #[error("{} is not a file of at most {LARGEST} bytes; name the PEM file itself", .0.display())]
    NotAFile(PathBuf),
    /// No certificate in it that can be read.
    #[error(
        "{} holds no readable certificate; it must be PEM, with the server's certificate first",
        .0.display()
    )]
    NoCertificate(PathBuf),
    /// No private key in it that can be read.
    #[error(
        "{} holds no usable private key; it must be unencrypted PEM (ECDSA P-256 or P-384, Ed25519 or RSA)",
        .0.display()
    )]
    NoKey(PathBuf),
    /// A key of another certificate.
    #[error(
        "{} is not the key of {}; they come from two different issues, renew both together",
        .key.display(),
        .certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

/// What the two files hold.
pub(super) struct Contents {
    pub(super) certificate: Vec<u8>,
    pub(super) key: SecretSlice<u8>,
}

/// Reads both files as they are at one moment: between the two reads, Kubernetes may exchange
/// the directory they are in.
pub(super) fn read(files: &CertificateFiles) -> Result<Contents, PairError> {
    let mut certificate = bytes(&files.certificate)?;
    let mut key = bytes(&files.key)?;
    for _ in 1..ATTEMPTS {
        let again = bytes(&files.certificate)?;
        if again == certificate {
            break;
        }
        certificate = again;
        key = bytes(&files.key)?;
    }
    Ok(Contents { certificate, key: key.into() })
}

fn bytes(path: &Path) -> Result<Vec<u8>, PairError> {
    let unreadable = |why| PairError::Unreadable { path: path.to_owned(), why };
    // Asked before it is opened: opening a pipe would wait for somebody to write to it.
    let found = fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() || found.len() > LARGEST {
        return Err(PairError::NotAFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.trim_ascii().is_empty() {
        return Err(PairError::Empty(path.to_owned()));
    }
    Ok(bytes)
}

impl Contents {
    pub(super) fn check(&self, files: &CertificateFiles) -> Result<CertifiedKey, PairError> {
        check(&self.certificate, self.key.expose_secret(), files)
    }
}

/// Makes a pair of both, if they are one. `files` are for the messages.
///
/// The parsers' own errors quote what they tripped over, which may be a line of the key: they are
/// left out.
pub(super) fn check(
    certificate: &[u8],
    key: &[u8],
    files: &CertificateFiles,
) -> Result<CertifiedKey, PairError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|_| PairError::NoCertificate(files.certificate.clone()))?;
    if chain.is_empty() {
        return Err(PairError::NoCertificate(files.certificate.clone()));
    }
    let no_key = || PairError::NoKey(files.key.clone());
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| no_key())?;
    let key = default_provider().key_provider.load_private_key(key).map_err(|_| no_key())?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Ok(()) => Ok(pair),
        Err(rustls::Error::InconsistentKeys(_)) => Err(PairError::Mismatch {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
        }),
        Err(_) => Err(PairError::NoCertificate(files.certificate.clone())),
    }
}

#[cfg(test)]
mod tests;
