//! From a workload to the facts about its images: secrets, keyring, registries, in one deadline.
//!
//! This is where the I/O ends. Never here: what the facts mean.

mod attempts;
mod older;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::causes;
use crate::cluster::Freshness;
use crate::credentials::{
    Credential, DecodedSecret, DockerConfig, Keyring, PullSecret, SecretState,
};
use crate::facts::{
    Attempt, Conclusion, CredentialSource, Facts, Front, Gaps, ImageFact, Outcome, SecretFact,
    ServiceAccountFact, ServiceAccountState, Settings, Trouble, TroubleKind, Unchecked,
};
use crate::glob::any_matches;
use crate::image::Reference;
use crate::objects::Objects;
use crate::policy::Policy;
use crate::providers::Providers;
use crate::registry::RequestBudget;
use crate::resolve::{Question, Resolver};
use crate::workload::{PullPolicy, Workload};

/// Longest registry, a DNS name of 253 characters with a port.
const LONGEST_HOST: usize = 253 + ":65535".len();
/// Most distinct images of one review that are looked at.
const MOST_IMAGES: usize = 64;
/// Most pull secrets of one review that are read.
const MOST_SECRETS: usize = 32;

/// Most entries of one pull secret that are matched with images.
const MOST_ENTRIES: usize = 1_000;
/// Most credentials that are tried for one image.
const MOST_CREDENTIALS: usize = 32;
/// Most requests to registries on behalf of one review, background work included.
const MOST_REQUESTS: u32 = 1_000;

/// Whose images, on whose behalf, until when.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The object, reduced to the images that are to be judged.
    pub workload: &'a Workload,
    /// Its namespace.
    pub namespace: &'a str,
    /// Who asks.
    pub front: Front,
    /// What is not known by then is left open.
    pub deadline: Instant,
}

/// All that facts are gathered from.
#[derive(Debug)]
pub struct Gatherer {
    /// Secrets and ServiceAccounts.
    pub objects: Objects,
    /// Registries.
    pub resolver: Resolver,
    /// What nodes log in with by themselves, as far as the operator told.
    pub docker_config: Option<DockerConfig>,
    /// What nodes' kubelets run to log in, as far as the operator told.
    pub providers: Option<Providers>,
    /// Exemptions and allowed registries decide what is never contacted.
    pub policy: Arc<Policy>,
    /// Passed on to the causes.
    pub settings: Settings,
}

impl Gatherer {
    /// The facts. Where a refusal would rest on a Secret that was read a moment ago, it is read
    /// anew first: a person who corrects a secret and tries again must not meet the old one. The
    /// same goes for what a credential provider said a while ago.
    pub async fn gather<'a>(&'a self, ask: Ask<'a>) -> Facts<'a> {
        let requests = RequestBudget::new(MOST_REQUESTS);
        let facts = self.once(ask, Freshness::Cached, &requests).await;
        let on_secrets = self.objects.cluster.is_some() && rests_on_secrets(&facts);
        if on_secrets || attempts::rest_on_old_answers(&facts) {
            return self.once(ask, Freshness::Fresh, &requests).await;
        }
        facts
    }

    /// The facts that need no I/O: what is written. Rules about that are decided on these alone,
    /// before any wait.
    pub fn written<'a>(&'a self, ask: Ask<'a>) -> Facts<'a> {
        let workload = ask.workload;
        let mut images = Vec::with_capacity(workload.images.len());
        let mut distinct: HashSet<Reference> = HashSet::new();
        let mut over = false;
        for image_use in &workload.images {
            let reference = Reference::parse(&image_use.image);
            if !self.policy.exempt.images.is_empty() {
                let normalised = reference.as_ref().ok().map(ToString::to_string);
                if self.policy.exempts_image(&image_use.image, normalised.as_deref()) {
                    continue;
                }
            }
            let mut fact = ImageFact {
                field: image_use.field.as_str(),
                image: &image_use.image,
                role: image_use.role,
                pull_policy: image_use
                    .pull_policy
                    .unwrap_or_else(|| PullPolicy::default_of(reference.as_ref().ok())),
                registry_allowed: true,
                mirrors_told: false,
                asked: false,
                attempts: Vec::new(),
                providers: Vec::new(),
                reference,
            };
            if let Ok(reference) = &fact.reference {
                fact.registry_allowed = self.policy.allows_registry(reference.name());
                let new = fact.registry_allowed && !distinct.contains(reference);
                if !fact.registry_allowed {
                    // Never contacted.
                } else if reference.registry().len() > LONGEST_HOST {
                    fact.attempts = vec![no_such_host(reference)];
                } else if fact.pull_policy == PullPolicy::Never {
                    fact.attempts = vec![not_checked(Unchecked::PolicyNever)];
                } else if new && distinct.len() >= MOST_IMAGES {
                    // One finding stands for all that are beyond the budget.
                    if !over {
                        let budget = format!("{MOST_IMAGES} distinct images in one review");
                        fact.attempts = vec![not_checked(Unchecked::Budget(budget))];
                    }
                    over = true;
                } else {
                    fact.asked = true;
                    if new {
                        distinct.insert(reference.clone());
                    }
                }
            }
            images.push(fact);
        }
        Facts {
            namespace: ask.namespace,
            is_template: workload.is_template,
            pins: workload.node.pins(),
            nodes: None,
            gaps: Gaps::default(),
            images,
            secrets: Vec::new(),
            service_account: ServiceAccountFact {
                name: workload.effective_service_account().to_owned(),
                field: workload.service_account_field(),
                state: ServiceAccountState::NotNeeded,
            },
            misplaced_pull_secrets: &workload.misplaced_pull_secrets,
            settings: &self.settings,
            front: ask.front,
        }
    }

    async fn once<'a>(
        &'a self,
        ask: Ask<'a>,
        freshness: Freshness,
        requests: &RequestBudget,
    ) -> Facts<'a> {
        let mut facts = self.written(ask);
        if facts.images.iter().any(|image| image.asked) {
            let ((nodes, gaps), ()) = tokio::join!(
                self.objects.eligible_nodes(ask.workload, ask.namespace, ask.deadline),
                self.read_secrets(ask, freshness, &mut facts),
            );
            facts.nodes = nodes;
            facts.gaps = gaps;
            self.ask_registries(ask, freshness, requests, &mut facts).await;
            self.look_for_mirrors(ask, &mut facts).await;
        }
        facts
    }

    /// Where nodes may reach an image through mirrors, whether the operator told which.
    async fn look_for_mirrors(&self, ask: Ask<'_>, facts: &mut Facts<'_>) {
        for image in facts.images.iter_mut().filter(|image| image.asked) {
            let Ok(reference) = &image.reference else { continue };
            if any_matches(&self.settings.node_mirrors, reference.registry()) {
                let told = self.resolver.mirrors_told(reference);
                image.mirrors_told = timeout_at(ask.deadline, told).await.unwrap_or_default();
            }
        }
    }

    /// The pull secrets in the kubelet's order: the pod's own, else its ServiceAccount's (K
    /// plugin/pkg/admission/serviceaccount: never both).
    async fn read_secrets(&self, ask: Ask<'_>, freshness: Freshness, facts: &mut Facts<'_>) {
        let workload = ask.workload;
        let account = &mut facts.service_account;
        // A pod that arrives at the webhook has been through ServiceAccount admission.
        let complete = !workload.is_template && ask.front == Front::Serve;
        let mut named: Vec<(String, String)> = Vec::new();
        if workload.names_secrets || complete {
            let own = workload.pull_secrets.iter();
            named.extend(own.map(|secret| (secret.field.to_string(), secret.name.clone())));
        } else {
            let id = (ask.namespace, account.name.as_str());
            let (names, state) = self.objects.service_account(id, freshness, ask.deadline).await;
            account.state = state;
            let named_only = names.into_iter().filter(|name| !name.is_empty());
            named.extend(named_only.map(|name| (account.field.clone(), name)));
        }
        let beyond = named.split_off(named.len().min(MOST_SECRETS));
        let reads = named.into_iter().map(async |(field, name)| {
            let id = (ask.namespace, name.as_str());
            let state = self.objects.secret(id, freshness, ask.deadline).await;
            SecretFact { field, secret: PullSecret { name, state: bounded(state) }, used: false }
        });
        facts.secrets = join_all(reads).await;
        // One fact stands for all that are beyond the budget.
        facts.secrets.extend(beyond.into_iter().next().map(|(field, name)| {
            let why = format!("only the first {MOST_SECRETS} pull secrets are read");
            let state = SecretState::Unreadable(why);
            SecretFact { field, secret: PullSecret { name, state }, used: false }
        }));
    }

    async fn ask_registries(
        &self,
        ask: Ask<'_>,
        freshness: Freshness,
        requests: &RequestBudget,
        facts: &mut Facts<'_>,
    ) {
        let tenant: Arc<str> = ask.namespace.into();
        let keyrings = Keyrings::new(&facts.secrets, self.docker_config.as_ref());
        let mut used = vec![false; facts.secrets.len()];
        let mut asked: HashMap<&Reference, usize> = HashMap::new();
        let mut questions: Vec<Question> = Vec::new();
        let mut answers_for = Vec::with_capacity(facts.images.len());
        let nodes =
            facts.candidates().into_iter().flat_map(|word| word.kinds).collect::<Arc<[_]>>();
        for image in &facts.images {
            let Some(reference) = image.reference.as_ref().ok().filter(|_| image.asked) else {
                answers_for.push(None);
                continue;
            };
            let index = *asked.entry(reference).or_insert(questions.len());
            answers_for.push(Some(index));
            if index < questions.len() {
                continue;
            }
            let credentials = keyrings.lookup(reference.name(), &facts.secrets, &mut used);
            questions.push(Question {
                reference: reference.clone(),
                credentials,
                nodes: nodes.clone(),
                tenant: tenant.clone(),
                anew: false,
                requests: requests.clone(),
            });
        }
        let asks = questions.iter().map(|question| self.attempt(question, freshness, ask.deadline));
        let answers = join_all(asks).await;
        for (secret, used) in facts.secrets.iter_mut().zip(used) {
            secret.used = used;
        }
        for (image, question) in facts.images.iter_mut().zip(&answers_for) {
            if let Some((attempts, providers)) = question.and_then(|index| answers.get(index)) {
                image.attempts.clone_from(attempts);
                image.providers.clone_from(providers);
            }
        }
        older::take_back(facts);
        // A tag may have been pushed again since it was seen to lead to what no node pulls.
        let of_old = |image: &ImageFact<'_>| image.attempts.iter().any(|one| one.remembered);
        let old = causes::unfit(facts, of_old);
        let again = facts.images.iter_mut().zip(answers_for).zip(old).filter(|(_, old)| *old);
        join_all(again.filter_map(|((image, question), _)| {
            let question = Question { anew: true, ..questions.get(question?)?.clone() };
            Some(async move {
                let answers = self.attempt(&question, freshness, ask.deadline).await;
                (image.attempts, image.providers) = answers;
            })
        }))
        .await;
    }
}

/// A secret with more entries than anybody needs is not matched: it would cost every image of the
/// pod as many comparisons.
fn bounded(state: SecretState) -> SecretState {
    match state {
        SecretState::Read(DecodedSecret::Config(config)) if config.entries.len() > MOST_ENTRIES => {
            SecretState::Unreadable(format!("it has more than {MOST_ENTRIES} entries"))
        }
        state => state,
    }
}

/// The pod's keyring and, after it, what nodes log in with: the kubelet takes the union, in this
/// order (K pkg/kubelet/kuberuntime, `makeLookupPullCredentialsFunc`).
struct Keyrings<'a> {
    pod: Keyring<'a>,
    node: Option<Keyring<'a>>,
}

impl<'a> Keyrings<'a> {
    fn new(secrets: &'a [SecretFact], docker_config: Option<&'a DockerConfig>) -> Self {
        let decoded =
            secrets.iter().enumerate().filter_map(|(index, fact)| match &fact.secret.state {
                SecretState::Read(DecodedSecret::Config(config)) => Some((index, config)),
                _ => None,
            });
        let node = docker_config.map(|config| Keyring::build(std::iter::once((0, config))));
        Self { pod: Keyring::build(decoded), node }
    }

    /// Every credential a node would try, in its order; marks the secrets they came from.
    fn lookup(
        &self,
        name: &str,
        secrets: &[SecretFact],
        used: &mut [bool],
    ) -> Vec<(CredentialSource, Credential)> {
        let mut credentials = Vec::new();
        for found in self.pod.lookup(name).into_iter().take(MOST_CREDENTIALS + 1) {
            let Some(fact) = secrets.get(found.source) else { continue };
            if let Some(used) = used.get_mut(found.source) {
                *used = true;
            }
            let source = CredentialSource::Secret(fact.secret.name.clone());
            credentials.push((source, found.credential.clone()));
        }
        let node = self.node.iter().flat_map(|node| node.lookup(name));
        for found in node.take(MOST_CREDENTIALS + 1) {
            credentials.push((CredentialSource::DockerConfig, found.credential.clone()));
        }
        credentials
    }
}

fn not_checked(why: Unchecked) -> Attempt {
    Attempt::anonymous(Outcome::NotChecked(why))
}

/// A host that no DNS can know, and that nothing should have to remember.
fn no_such_host(reference: &Reference) -> Attempt {
    Attempt::anonymous(Outcome::Trouble(Trouble {
        kind: TroubleKind::Dns,
        host: reference.registry().chars().take(LONGEST_HOST).collect(),
        detail: "the name is too long".to_owned(),
        waited: None,
        retry_after: None,
    }))
}

/// Whether something that a stale secret or ServiceAccount could explain stands in the facts.
fn rests_on_secrets(facts: &Facts<'_>) -> bool {
    let involved =
        !facts.secrets.is_empty() || facts.service_account.state == ServiceAccountState::Present;
    let refused = |image: &ImageFact<'_>| matches!(image.conclusion(), Conclusion::Refused(_));
    let unusable = |fact: &SecretFact| {
        matches!(
            fact.secret.state,
            SecretState::Read(DecodedSecret::Malformed(_) | DecodedSecret::WrongType(_))
        )
    };
    involved && (facts.images.iter().any(refused) || facts.secrets.iter().any(unusable))
}
