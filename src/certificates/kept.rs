//! The certificates that `serve` keeps in a Secret of its own: read from it, and made anew.
//!
//! One authority issues, the newest. Older ones stay in the list that clients are to trust until
//! no certificate of theirs can be in use. When an authority gets its successor, it signs that
//! one's key too, and the serving certificate is shown together with this signature: so clients
//! that trust only the old authority, or only the new one, or both accept it at any moment.

use std::fmt;
use std::time::SystemTime;

use rcgen::{KeyPair, PublicKeyData as _};

use super::authority::Authority;
use super::plan::{self, AUTHORITY_DAYS, SERVING_DAYS, Step};
use super::{Certificate, MintError, Pair, read};

/// Most authorities in the list; more come together only where clocks disagree by months.
const MOST_AUTHORITIES: usize = 8;

/// Most names in a certificate that also has those of the one before it.
const MOST_NAMES: usize = 32;

/// The values of the Secret. The first two are where Secrets of type `kubernetes.io/tls` have them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Stored([Vec<u8>; 4]);

impl Stored {
    /// Their keys: the chain that is served and its key, the authorities that clients are to trust,
    /// and the key of the one that issues.
    pub const KEYS: [&'static str; 4] = ["tls.crt", "tls.key", "ca.crt", "ca.key"];

    /// What is stored under each key; nothing is as good as an empty value.
    pub fn of(value: impl FnMut(&'static str) -> Vec<u8>) -> Self {
        Self(Self::KEYS.map(value))
    }

    /// Each key with its value.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        Self::KEYS.into_iter().zip(self.0.iter().map(Vec::as_slice))
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").finish_non_exhaustive()
    }
}

/// What was found of it, as far as it can be used.
#[derive(Debug)]
pub struct Kept {
    chain: Vec<Certificate>,
    key: Option<KeyPair>,
    authorities: Vec<Certificate>,
    list: Vec<u8>,
    issuer: Option<(Certificate, Authority)>,
    empty: bool,
}

impl Kept {
    /// Reads what is stored. Whatever is damaged is left out.
    pub fn read(stored: &Stored) -> Self {
        let Stored([chain, key, list, authority_key]) = stored;
        let mut chain = read::all(chain);
        let key = key_pair(key);
        let is_pair = match (chain.first(), &key) {
            (Some(leaf), Some(key)) => key.subject_public_key_info() == leaf.public_key,
            _ => false,
        };
        if !is_pair {
            chain.clear();
        }
        let authorities = read::all(list);
        let issuer = key_pair(authority_key).and_then(|key| {
            let public = key.subject_public_key_info();
            let is_issuer = |it: &&Certificate| it.is_authority && it.public_key == public;
            let certificate = authorities.iter().find(is_issuer)?;
            Some((certificate.clone(), Authority::known(certificate, key)?))
        });
        Self {
            chain,
            key: key.filter(|_| is_pair),
            authorities,
            list: list.clone(),
            issuer,
            empty: stored.0.iter().all(Vec::is_empty),
        }
    }

    /// The chain that is to be served, the server's certificate first; empty if there is none that
    /// goes with its key.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// That chain and its key, if they hold at this moment.
    pub fn pair(&self, now: SystemTime) -> Option<Pair> {
        let leaf = self.chain.first()?;
        let key = self.key.as_ref()?;
        let certificate = self.chain.iter().map(Certificate::pem).collect();
        leaf.holds_at(now).then(|| Pair { certificate, key: key.serialize_pem() })
    }

    /// The authorities that clients are to trust, and what else they trusted before.
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    /// What clients are to trust, as PEM text; empty where there is nothing.
    pub fn bundle(&self) -> String {
        self.authorities.iter().map(Certificate::pem).collect()
    }

    /// What to do about it; nothing on most days.
    pub fn next(&self, names: &[String], now: SystemTime) -> Option<Step> {
        plan::next(self, names, now)
    }

    /// Does it, and gives what is to be stored then. `trusted` is what clients trust already; a
    /// beginning takes it over as far as it holds, because others may still serve under it. It need
    /// not be an authority: with cert-manager's `selfSigned` issuer clients trust the server's own
    /// certificate.
    ///
    /// # Errors
    ///
    /// If `names` are none, or cannot be in a certificate.
    pub fn renewed(
        &self,
        step: Step,
        names: &[String],
        trusted: &[Certificate],
        now: SystemTime,
    ) -> Result<Stored, MintError> {
        let mut older: Vec<Certificate> = self.authorities.clone();
        let present = match (&self.issuer, step) {
            (Some(issuer), Step::Succeed | Step::Renew(_) | Step::Tidy) => Some(issuer),
            _ => None,
        };
        let Some((certificate, authority)) = present else {
            older.extend(trusted.iter().filter(|it| it.holds_at(now)).cloned());
            let authority = Authority::mint_first(now, AUTHORITY_DAYS)?;
            return issued(&authority, &older, &[], names, now);
        };
        match step {
            Step::Succeed => {
                let (next, vouched) = authority.mint_next(now, AUTHORITY_DAYS)?;
                issued(&next, &older, &read::all(vouched.as_bytes()), names, now)
            }
            Step::Renew(why) => {
                let names = self.names(why, names);
                let vouched: Vec<_> = self.chain.iter().skip(1).cloned().collect();
                let vouched: Vec<_> = vouched
                    .into_iter()
                    .filter(|it| it.public_key == certificate.public_key && it.holds_at(now))
                    .collect();
                issued(authority, &older, &vouched, &names, now)
            }
            Step::Begin(_) | Step::Tidy => {
                let pair = self.chain.iter().map(Certificate::pem).collect::<String>();
                let key = self.key.as_ref().map(KeyPair::serialize_pem).unwrap_or_default();
                let pair = Pair { certificate: pair, key };
                Ok(stored(&pair, authority, &list(certificate, authority, &older, now)))
            }
        }
    }

    /// The authority that issues, if its key is there.
    pub(super) fn issuer(&self) -> Option<&(Certificate, Authority)> {
        self.issuer.as_ref()
    }

    /// Whether nothing at all is there.
    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// Whether the list of authorities is as it would be written now.
    pub(super) fn is_tidy(&self, now: SystemTime) -> bool {
        self.issuer.as_ref().is_some_and(|(certificate, authority)| {
            list(certificate, authority, &self.authorities, now).as_bytes() == self.list
        })
    }

    /// The names of the next certificate. One that is renewed for the sake of a name keeps those
    /// of the old one: replicas whose settings differ would otherwise renew in turns.
    fn names(&self, why: plan::Why, wanted: &[String]) -> Vec<String> {
        let mut names = wanted.to_vec();
        if why == plan::Why::Names {
            let old = self.chain.first().map_or(&[][..], |leaf| &leaf.names);
            names.extend(old.iter().filter(|name| !wanted.contains(name)).cloned());
            names.truncate(MOST_NAMES.max(wanted.len()));
        }
        names
    }
}

/// A new serving certificate and everything beside it.
fn issued(
    authority: &Authority,
    older: &[Certificate],
    vouched: &[Certificate],
    names: &[String],
    now: SystemTime,
) -> Result<Stored, MintError> {
    let mut pair = authority.issue_at(names, now, SERVING_DAYS)?;
    pair.certificate.extend(vouched.iter().map(Certificate::pem));
    let own = read::all(authority.certificate().as_bytes());
    let list = own.first().map(|own| list(own, authority, older, now)).unwrap_or_default();
    Ok(stored(&pair, authority, &list))
}

/// The authorities that clients are to trust, the newest first.
fn list(
    issuer: &Certificate,
    authority: &Authority,
    others: &[Certificate],
    now: SystemTime,
) -> String {
    let stays = |it: &&Certificate| plan::stays(it, issuer, authority.made(), now);
    let mut list: Vec<&Certificate> = others.iter().filter(stays).collect();
    list.sort_by_key(|it| std::cmp::Reverse(it.not_before));
    list.insert(0, issuer);
    let mut once: Vec<&Certificate> = Vec::new();
    for certificate in list {
        if !once.contains(&certificate) {
            once.push(certificate);
        }
    }
    once.into_iter().take(MOST_AUTHORITIES).map(Certificate::pem).collect()
}

fn stored(pair: &Pair, authority: &Authority, list: &str) -> Stored {
    let own = authority.pair();
    Stored([&pair.certificate, &pair.key, list, &own.key].map(|text: &str| text.into()))
}

fn key_pair(pem: &[u8]) -> Option<KeyPair> {
    KeyPair::from_pem(std::str::from_utf8(pem).ok()?).ok()
}
