//! Who a request is made as, without keeping who that is. Never a user name or a password.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::credentials::Credential;

/// Bytes kept of a hash: 128 bits, enough that no two of what is hashed ever meet.
pub(super) const KEPT: usize = 16;

/// The bytes that are kept of a hash.
pub(super) fn cut(hash: impl IntoIterator<Item = u8>) -> [u8; KEPT] {
    let mut kept = [0; KEPT];
    kept.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    kept
}

/// A credential as a cache key: equal exactly for equal user name and password, in this process.
///
/// Every anonymous request has the same one, which no credential has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CredentialId([u8; KEPT]);

impl CredentialId {
    /// The id of every request without a login; no credential has it.
    pub const ANONYMOUS: Self = Self([0; KEPT]);

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialId(..)")
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(..)")
    }
}

/// A user name as a key of the login budgets.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UserId([u8; KEPT]);

/// Makes the ids, under a random key that lives as long as the process and is never shown.
pub(super) struct Identities {
    /// That has taken in the key: every review of a pod with pull secrets asks for an id for each
    /// of its images.
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identities(..)")
    }
}

impl Identities {
    /// Ids under a fresh key.
    ///
    /// # Errors
    /// The operating system gave no random bytes.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 64];
        getrandom::fill(&mut key)?;
        Ok(Self { keyed: <Hmac<Sha256> as KeyInit>::new((&key).into()) })
    }

    /// The id of a credential; `None` and a credential without a user name are anonymous.
    pub(super) fn credential(&self, credential: Option<&Credential>) -> CredentialId {
        match credential.filter(|credential| !credential.is_anonymous()) {
            None => CredentialId::ANONYMOUS,
            Some(credential) => CredentialId(
                self.mac(b"credential", &[credential.username(), credential.password()]),
            ),
        }
    }

    /// The id of a credential's user name.
    pub(super) fn user(&self, credential: &Credential) -> UserId {
        UserId(self.mac(b"user", &[credential.username()]))
    }

    /// Every part is preceded by its length, so that ("ab", "c") and ("a", "bc") differ.
    fn mac(&self, kind: &[u8], parts: &[&[u8]]) -> [u8; KEPT] {
        let mut mac = self.keyed.clone();
        for part in std::iter::once(kind).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        cut(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_credentials_share_an_id_and_no_others_do() {
        let ids = Identities::new().unwrap();
        let of =
            |user: &str, password: &str| ids.credential(Some(&Credential::new(user, password)));
        assert_eq!(of("ada", "one"), of("ada", "one"));
        let all = [of("ada", "one"), of("ada", "two"), of("adao", "ne"), of("ad", "aone")];
        for (index, id) in all.iter().enumerate() {
            assert!(!all[..index].contains(id));
            assert_ne!(*id, ids.credential(None));
        }
    }

    #[test]
    fn a_credential_without_a_user_name_is_anonymous_whatever_its_password() {
        let ids = Identities::new().unwrap();
        assert_eq!(ids.credential(Some(&Credential::new("", "secret"))), ids.credential(None));
    }

    #[test]
    fn another_process_has_other_ids() {
        let (here, there) = (Identities::new().unwrap(), Identities::new().unwrap());
        let ada = Credential::new("ada", "one");
        assert_ne!(here.credential(Some(&ada)), there.credential(Some(&ada)));
    }
}
