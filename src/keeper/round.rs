//! One look at both objects, and what has to be done about them.

use std::time::SystemTime;

use super::Keeper;
use crate::certificates::{Certificate, Kept, Stored, is_accepted, read_all};
use crate::cluster::{OwnError, OwnSecret, ServiceWebhook, WebhookConfiguration};

/// How a look ended.
#[derive(Debug)]
pub(super) struct Round {
    /// What is in the way; empty if nothing is.
    pub trouble: String,
    /// Something was changed, or waits for a change to become known.
    pub unsettled: bool,
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

type Configuration = Result<Option<WebhookConfiguration>, OwnError>;

impl Keeper {
    /// Looks once.
    pub(super) async fn round(&mut self, now: SystemTime) -> Result<Round, Trouble> {
        let configuration =
            self.cluster.webhook_configuration(&self.wanted.webhook_configuration).await;
        let secret = self.cluster.own_secret(&self.wanted.namespace, &self.wanted.name).await?;
        let mut troubles = Vec::new();
        let (kept, in_order) = self.kept(secret, &configuration, now, &mut troubles).await?;
        let waits = self.show(&kept, webhooks(&configuration), now, &mut troubles);
        let told = match configuration {
            Err(error) => {
                troubles.push(error.to_string());
                false
            }
            // Who installs it later need not wait for us, nor we for them.
            Ok(None) => false,
            // A list without its issuer would take from the API server what it needs.
            Ok(Some(_)) if !in_order => false,
            Ok(Some(configuration)) => self.tell(&configuration, &kept, &mut troubles).await?,
        };
        Ok(Round { trouble: troubles.join("; "), unsettled: waits || told })
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
        &self,
        kept: &Kept,
        webhooks: &[ServiceWebhook],
        now: SystemTime,
        troubles: &mut Vec<String>,
    ) -> bool {
        let Some(pair) = kept.pair(now) else { return false };
        let named = |host: &str| is_accepted(kept.chain(), kept.authorities(), host, now);
        let (called, strange): (Vec<_>, Vec<_>) =
            webhooks.iter().partition(|webhook| named(&webhook.host));
        for webhook in strange {
            troubles.push(format!(
                "the API server asks for {}, which the certificate does not name; give it by \
                 --tls-host",
                webhook.host
            ));
        }
        if self.certificates.shows(kept.chain()) {
            return false;
        }
        let accepted = called.iter().all(|webhook| {
            is_accepted(kept.chain(), &read_all(&webhook.bundle), &webhook.host, now)
        });
        let old_holds = self.certificates.not_after().is_some_and(|end| end > now);
        if old_holds && !accepted {
            return true;
        }
        match self.certificates.show(&pair.certificate, &pair.key) {
            Ok(()) => {
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
    async fn tell(
        &self,
        configuration: &WebhookConfiguration,
        kept: &Kept,
        troubles: &mut Vec<String>,
    ) -> Result<bool, Trouble> {
        let bundle = kept.bundle();
        if configuration.webhooks().iter().all(|it| it.bundle == bundle.as_bytes()) {
            return Ok(false);
        }
        match self.cluster.trust_in_webhooks(configuration, &bundle).await {
            Ok(()) => {
                tracing::info!(
                    configuration = %self.wanted.webhook_configuration,
                    "the API server is told which authorities to trust (caBundle)"
                );
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

fn trusted(webhooks: &[ServiceWebhook]) -> Vec<Certificate> {
    webhooks.iter().flat_map(|webhook| read_all(&webhook.bundle)).collect()
}
