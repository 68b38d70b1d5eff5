//! The files that a host's TLS settings name, read.

use std::fmt;
use std::path::Path;

use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest as _, Sha256};

use super::complete::Tls;
use super::tree::{file, unreadable};

/// Certificates and keys in PEM.
#[derive(Clone, Default)]
pub(in crate::registry) struct Material {
    /// Bundles, each of which must hold a certificate.
    pub(in crate::registry) ca: Vec<(String, Vec<u8>)>,
    pub(in crate::registry) clients: Vec<ClientPem>,
    pub(in crate::registry) skip_verify: bool,
}

/// A client certificate's chain, and its key.
#[derive(Clone)]
pub(in crate::registry) struct ClientPem {
    /// The file it is in.
    pub(in crate::registry) name: String,
    pub(in crate::registry) certificate: Vec<u8>,
    pub(in crate::registry) key: SecretSlice<u8>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Material(..)")
    }
}

impl Material {
    /// Reads the files.
    ///
    /// # Errors
    /// Which file cannot be read: containerd, too, then fails every pull.
    pub(super) fn read(tls: &Tls) -> Result<Self, String> {
        let read = |path: &Path| file(path).map_err(|error| unreadable(path, &error));
        let mut material = Self { skip_verify: tls.skip_verify, ..Self::default() };
        for path in &tls.ca {
            material.ca.push((path.display().to_string(), read(path)?));
        }
        for pair in &tls.clients {
            let certificate = read(&pair.certificate)?;
            let key = match &pair.key {
                Some(path) => read(path)?,
                None => certificate.clone(),
            };
            let name = pair.certificate.display().to_string();
            material.clients.push(ClientPem { name, certificate, key: key.into() });
        }
        Ok(material)
    }

    /// The same for the same contents, and for no others.
    pub(in crate::registry) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |kind: u8, bytes: &[u8]| {
            hash.update([kind]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        for (_, bundle) in &self.ca {
            add(1, bundle);
        }
        for client in &self.clients {
            add(2, &client.certificate);
            add(3, client.key.expose_secret());
        }
        add(4, &[u8::from(self.skip_verify)]);
        hash.finalize().into()
    }
}
