//! The nodes' credential providers, run as the kubelet runs them: its plugins, its configuration,
//! its cache (K `pkg/credentialprovider/plugin`).
//!
//! One run at a time for what one answer may hold for, in a task of its own: a review whose
//! deadline comes first does not end it, and the next one finds the answer. What differs from the
//! kubelet: time and output are bounded, a provider with `tokenAttributes` is not run, a failure is
//! remembered for a moment, and the environment is small (see `environment`).
//!
//! Never here: what an answer means for an image (`credentials`, `causes`), registries, and a word
//! of what a plugin writes: its output is a password, and what it writes to stderr may hold one.

mod answers;
mod environment;
mod flight;
mod load;
mod orphans;
mod run;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::credentials::provider::{CacheKeyType, Provider, Response};
use crate::credentials::{Credential, Keyring};
use crate::facts::{CredentialSource, ProviderAnswer, ProviderFact, Unchecked};
use crate::shares::Shares;
use crate::telemetry::Sparingly;

use answers::{Answers, Of};
use flight::Flights;

pub use environment::inherited as inherited_environment;
pub use load::load;
pub use orphans::reap as reap_orphans;

/// How often a failing provider is logged.
const LOG_PERIOD: Duration = Duration::from_secs(10);

/// Bounds of the runs and of what is kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest that a run may take; the kubelet's own limit is a minute.
    pub time: Duration,
    /// Most output of a run, in bytes.
    pub output: usize,
    /// Runs at one time.
    pub runs: usize,
    /// Runs at one time on behalf of one namespace.
    pub runs_per_tenant: usize,
    /// Runs begun and waiting; beyond it new ones are declined at once.
    pub begun: usize,
    /// The same for one namespace.
    pub begun_per_tenant: usize,
    /// Answers kept.
    pub answers: usize,
    /// For how long a failure is taken as lasting, so that a provider that cannot work is not run
    /// for every review.
    pub failed_for: Duration,
    /// For how long an answer counts as one of now. A refusal never rests on an older one: the
    /// login may have been replaced since, and nodes may have the new one.
    pub fresh_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            output: 1 << 20,
            runs: 16,
            runs_per_tenant: 4,
            begun: 512,
            begun_per_tenant: 128,
            answers: 4_096,
            failed_for: Duration::from_secs(15),
            fresh_for: Duration::from_secs(60),
        }
    }
}

/// Whether an answer of a while ago will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// As long as it may be kept.
    Any,
    /// One of now.
    Fresh,
}

/// What the providers have for one image.
#[derive(Debug, Default)]
pub struct Lookup {
    /// The logins, in the order in which a node tries them.
    pub credentials: Vec<(CredentialSource, Credential)>,
    /// Each provider that is for the image and whose answer is known.
    pub facts: Vec<ProviderFact>,
    /// Why the answer of one is not.
    pub open: Option<Unchecked>,
}

/// The credential providers; cheap to clone.
#[derive(Debug, Clone)]
pub struct Providers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    plugins: Vec<Plugin>,
    environment: Environment,
    limits: Limits,
    answers: Answers,
    flights: Arc<Flights>,
    running: Semaphore,
    running_of: Shares,
}

/// One provider and its executable.
#[derive(Debug)]
struct Plugin {
    provider: Provider,
    path: PathBuf,
    /// What its last answer held for, which the next one probably does too.
    last: Mutex<CacheKeyType>,
    log: Sparingly,
}

/// Variables, whose values may be secrets (a proxy's password).
struct Environment(Vec<(OsString, OsString)>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What came of a run.
#[derive(Debug, Clone)]
enum Answer {
    Response(Arc<Response>),
    Failed,
}

impl Providers {
    /// The providers, in the order of their configuration, with their executables in `folder` and
    /// the `environment` that each is given beside its own.
    pub fn new(
        providers: Vec<Provider>,
        folder: &Path,
        environment: Vec<(OsString, OsString)>,
        limits: Limits,
    ) -> Self {
        let plugins = providers.into_iter().map(|provider| Plugin {
            path: folder.join(&provider.name),
            last: Mutex::new(CacheKeyType::Image),
            log: Sparingly::new(LOG_PERIOD),
            provider,
        });
        let shared = Shared {
            plugins: plugins.collect(),
            environment: Environment(environment),
            limits,
            answers: Answers::new(limits.answers),
            flights: Flights::new(limits.begun, limits.begun_per_tenant),
            running: Semaphore::new(limits.runs),
            running_of: Shares::new(limits.runs_per_tenant),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What they have for an image of this normalised name (`domain/path`), as far as it is known
    /// at `deadline`. `tenant` is the namespace on whose behalf they are run.
    ///
    /// All that are for the image are asked, and their answers make one keyring in their order (K
    /// `plugins.go`, `Lookup`).
    pub async fn lookup(
        &self,
        name: &str,
        tenant: &Arc<str>,
        age: Age,
        deadline: Instant,
    ) -> Lookup {
        let plugins = self.shared.plugins.iter().enumerate();
        let matching: Vec<_> = plugins.filter(|(_, it)| it.provider.is_for(name)).collect();
        let asked = matching.into_iter().map(async |(index, plugin)| {
            if plugin.provider.needs_token {
                return (plugin, Known::NeedsToken);
            }
            let known = timeout_at(deadline, self.answer(index, name, tenant, age)).await;
            let late = || Known::Open(Unchecked::Provider(plugin.provider.name.clone()));
            (plugin, known.unwrap_or_else(|_| late()))
        });
        collect(name, &join_all(asked).await)
    }

    /// One provider's answer, whenever it comes.
    async fn answer(&self, index: usize, name: &str, tenant: &Arc<str>, age: Age) -> Known {
        let shared = &self.shared;
        let now = Instant::now();
        let not_before = match age {
            Age::Any => None,
            Age::Fresh => now.checked_sub(shared.limits.fresh_for),
        };
        let mut guess = shared.guess(index);
        loop {
            if let Some((answer, obtained)) = shared.answers.get(index, name, not_before) {
                let remembered = now.duration_since(obtained) > shared.limits.fresh_for;
                return Known::Answer(answer, remembered);
            }
            let key = (index, Of::new(guess, name));
            let Some(flight) = flight::join_or_start(shared, key, name, tenant) else {
                let budget = "too many credential providers are under way".to_owned();
                return Known::Open(Unchecked::Budget(budget));
            };
            // Without an answer the task has panicked.
            let answer = flight.landed().await.unwrap_or(Answer::Failed);
            if flight.work.says(&answer, name) {
                return Known::Answer(answer, false);
            }
            // It was run for another image of the registry, and its answer holds for that alone.
            guess = CacheKeyType::Image;
        }
    }
}

impl Shared {
    /// What the next answer probably holds for: those who wait for it together need one run.
    fn guess(&self, index: usize) -> CacheKeyType {
        let last = self.plugins.get(index).map(|plugin| &plugin.last);
        last.map_or(CacheKeyType::Image, |last| {
            *last.lock().unwrap_or_else(PoisonError::into_inner)
        })
    }
}

/// What is known of one provider's answer.
enum Known {
    /// It, and whether it is one of a while ago.
    Answer(Answer, bool),
    NeedsToken,
    Open(Unchecked),
}

fn collect(name: &str, known: &[(&Plugin, Known)]) -> Lookup {
    let mut lookup = Lookup::default();
    let responses = known.iter().enumerate().filter_map(|(index, (_, known))| match known {
        Known::Answer(Answer::Response(response), _) => Some((index, &response.auth)),
        _ => None,
    });
    let keyring = Keyring::build(responses);
    let mut logins = vec![false; known.len()];
    for found in keyring.lookup(name) {
        let Some((plugin, _)) = known.get(found.source) else { continue };
        if let Some(login) = logins.get_mut(found.source) {
            *login |= !found.credential.is_anonymous();
        }
        let source = CredentialSource::Provider(plugin.provider.name.clone());
        lookup.credentials.push((source, found.credential.clone()));
    }
    for ((plugin, known), login) in known.iter().zip(logins) {
        let (answer, remembered) = match known {
            Known::Answer(Answer::Response(_), remembered) if login => {
                (ProviderAnswer::Login, *remembered)
            }
            Known::Answer(Answer::Response(_), remembered) => {
                (ProviderAnswer::NoLogin, *remembered)
            }
            Known::Answer(Answer::Failed, remembered) => (ProviderAnswer::Failed, *remembered),
            Known::NeedsToken => (ProviderAnswer::NeedsToken, false),
            Known::Open(why) => {
                lookup.open = Some(why.clone());
                continue;
            }
        };
        let name = plugin.provider.name.clone();
        lookup.facts.push(ProviderFact { name, answer, remembered });
    }
    lookup
}
