//! One look at both objects, and what has to be done about them.

use std::time::SystemTime;

use super::Keeper;
use crate::certificates::{Certificate, Kept, Step, Stored, is_accepted, read_all};
use crate::cluster::{OwnError, OwnSecret, ServiceWebhook, WebhookConfiguration};

/// How a look ended.
#[derive(Debug)]
pub(super) struct Round {
    /// What is in the way; empty if nothing is.
    pub trouble: String,
    /// Something was changed, or waits for a change to become known.
    pub unsettled: bool,
    /// Worth a word, but nothing that has to be put right here; empty if there is none.
    pub remark: String,
}

/// Why nothing could be done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Somebody else was faster: to be read again.
    Conflict,
    /// In words.
    Other(String),
}

impl From<OwnError> for Trouble {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::Conflict(_) => Self::Conflict,
            other => Self::Other(other.to_string()),
        }
    }
}

/// What is said of a list of authorities that does not stay.
const CONTENDED: &str = "somebody else keeps changing caBundle (a GitOps tool, \
                         cert-manager.io/inject-ca-from?); let it leave caBundle alone";

type Configuration = Result<Option<WebhookConfiguration>, OwnError>;

impl Keeper {
    /// Looks once.
    pub(super) async fn round(&mut self, now: SystemTime) -> Result<Round, Trouble> {
        let configuration =
            self.cluster.webhook_configuration(&self.wanted.webhook_configuration).await;
        if configuration.is_ok() {
            self.asked_for = Some(webhooks(&configuration).to_vec());
        }
        let secret = self.cluster.own_secret(&self.wanted.namespace, &self.wanted.name).await?;
        let mut troubles = Vec::new();
        let (kept, in_order) = self.kept(secret, &configuration, now, &mut troubles).await?;
        let waits = self.show(&kept, webhooks(&configuration), now, &mut troubles);
        let is_accepted = self.is_accepted(&self.shown, now);
        self.was_accepted |= is_accepted;
        let told = match &configuration {
            Err(error) => {
                troubles.push(error.to_string());
                false
            }
            // Who installs it later need not wait for us, nor we for them.
            Ok(None) => false,
            // A list without its issuer would take from the API server what it needs.
            Ok(Some(_)) if !in_order => false,
            Ok(Some(configuration)) => self.tell(configuration, &kept, now, &mut troubles).await?,
        };
        let remark = self.remark(&configuration, now);
        Ok(Round { trouble: troubles.join("; "), unsettled: waits || told, remark })
    }

    /// Whether whoever calls this webhook accepts the chain, by what was last read of them; not
    /// known before that.
    fn is_accepted(&self, chain: &[Certificate], now: SystemTime) -> bool {
        let accepts = |webhook: &ServiceWebhook| {
            !names(chain, &webhook.host)
                || is_accepted(chain, &read_all(&webhook.bundle), &webhook.host, now)
        };
        let asked_for = self.asked_for.as_ref();
        !chain.is_empty() && asked_for.is_some_and(|webhooks| webhooks.iter().all(accepts))
    }

    /// That nobody calls this webhook, or that somebody changes what we write, if so.
    fn remark(&self, configuration: &Configuration, now: SystemTime) -> String {
        if self.tellings.are_many(now) {
            return CONTENDED.to_owned();
        }
        let name = &self.wanted.webhook_configuration;
        let what = match configuration {
            Ok(None) => "does not exist",
            Ok(Some(read)) if read.webhooks().is_empty() => {
                "has no webhook with clientConfig.service"
            }
            _ => return String::new(),
        };
        format!(
            "ValidatingWebhookConfiguration {name} {what}, so no API server is told of the \
             authority; install it, or name another one by --webhook-configuration"
        )
    }

    /// What is in the Secret once that is done which was due, and whether it is.
    async fn kept(
        &self,
        secret: Option<OwnSecret>,
        configuration: &Configuration,
        now: SystemTime,
        troubles: &mut Vec<String>,
    ) -> Result<(Kept, bool), Trouble> {
        let wanted = &self.wanted;
        let (namespace, name) = (&wanted.namespace, &wanted.name);
        if secret.as_ref().is_some_and(|secret| !secret.is_own()) {
            return Err(Trouble::Other(format!(
                "Secret {namespace}/{name} is not pullcheck's own; delete it, or name another one \
                 by --tls-secret"
            )));
        }
        let value = |key| secret.as_ref().map(|secret| secret.value(key)).unwrap_or_default();
        let kept = Kept::read(&Stored::of(value));
        let Some(step) = kept.next(&wanted.hosts, now) else { return Ok((kept, true)) };
        if matches!(step, Step::Begin(_)) && configuration.is_err() {
            // Whom clients trust has to be taken over, and is not known.
            return Ok((kept, false));
        }
        let trusted = trusted(webhooks(configuration));
        let renewed = kept
            .renewed(step, &wanted.hosts, &trusted, now)
            .map_err(|error| Trouble::Other(error.to_string()))?;
        let stored = self.cluster.store_own_secret(namespace, name, secret, renewed.values()).await;
        match stored {
            Ok(_) => {
                let (made, because) = step.words();
                tracing::info!(secret = %format_args!("{namespace}/{name}"), made, because, "stored");
                Ok((Kept::read(&renewed), true))
            }
            Err(OwnError::Conflict(_)) => Err(Trouble::Conflict),
            Err(error) => {
                troubles.push(error.to_string());
                Ok((kept, false))
            }
        }
    }

    /// Shows the certificate of the Secret, unless the API server may not accept it yet and the
    /// old one holds; then it has to wait.
    fn show(
        &mut self,
        kept: &Kept,
        webhooks: &[ServiceWebhook],
        now: SystemTime,
        troubles: &mut Vec<String>,
    ) -> bool {
        let Some(pair) = kept.pair(now) else { return false };
        for webhook in webhooks.iter().filter(|webhook| !names(kept.chain(), &webhook.host)) {
            troubles.push(format!(
                "the API server asks for {}, which the certificate does not name; give it by \
                 --tls-host",
                webhook.host
            ));
        }
        if self.certificates.shows(kept.chain()) {
            return false;
        }
        let old_holds = self.certificates.not_after().is_some_and(|end| end > now);
        if old_holds && !self.is_accepted(kept.chain(), now) {
            return true;
        }
        match self.certificates.show(&pair.certificate, &pair.key) {
            Ok(()) => {
                self.shown = kept.chain().to_vec();
                self.metrics.tls_reloaded();
                tracing::info!(
                    secret = %format_args!("{}/{}", self.wanted.namespace, self.wanted.name),
                    "a new certificate is in use"
                );
            }
            Err(error) => {
                self.metrics.tls_refused();
                troubles.push(error.to_string());
            }
        }
        false
    }

    /// Writes the authorities into the configuration if they are not in it; whether it did.
    ///
    /// Only for webhooks that the certificate names: another Service may have one in it, too.
    async fn tell(
        &mut self,
        configuration: &WebhookConfiguration,
        kept: &Kept,
        now: SystemTime,
        troubles: &mut Vec<String>,
    ) -> Result<bool, Trouble> {
        let bundle = kept.bundle();
        let calls_us = |webhook: &&ServiceWebhook| names(kept.chain(), &webhook.host);
        let untold = |webhook: &&ServiceWebhook| webhook.bundle != bundle.as_bytes();
        let webhooks = configuration.webhooks().iter();
        let untold: Vec<_> = webhooks.filter(calls_us).filter(untold).collect();
        if untold.is_empty() {
            return Ok(false);
        }
        match self.cluster.trust_in_webhooks(configuration, &untold, &bundle).await {
            Ok(()) => {
                tracing::info!(
                    configuration = %self.wanted.webhook_configuration,
                    "the API server is told which authorities to trust (caBundle)"
                );
                self.tellings.add(now);
                Ok(true)
            }
            Err(OwnError::Conflict(_)) => Err(Trouble::Conflict),
            Err(error) => {
                troubles.push(error.to_string());
                Ok(false)
            }
        }
    }
}

fn webhooks(configuration: &Configuration) -> &[ServiceWebhook] {
    match configuration {
        Ok(Some(configuration)) => configuration.webhooks(),
        Ok(None) | Err(_) => &[],
    }
}

/// Whether a certificate with this chain is for `host`. A name in it may stand for many.
fn names(chain: &[Certificate], host: &str) -> bool {
    let Some(leaf) = chain.first() else { return false };
    let domain = host.split_once('.').map_or("", |(_, domain)| domain);
    let is_for = |name: &String| name == host || name.strip_prefix("*.") == Some(domain);
    leaf.names.iter().any(is_for)
}

fn trusted(webhooks: &[ServiceWebhook]) -> Vec<Certificate> {
    webhooks.iter().flat_map(|webhook| read_all(&webhook.bundle)).collect()
}
