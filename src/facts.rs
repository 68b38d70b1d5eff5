//! What the world said: plain data that ends the I/O. Causes see only this.
//!
//! A registry's "no" is a value here, never an `Err`.

mod candidates;
mod content;
mod outcome;

#[cfg(test)]
pub(crate) use candidates::RANKED;
pub use candidates::{Candidate, Candidates, Whose};
pub use content::{
    Content, Damage, Descriptor, Entry, ImageConfig, ImageContent, LeftOut, Part, PartFault,
    Target, Unread,
};
pub use outcome::{
    Absent, Evidence, Found, Heard, ManifestFault, Missing, Outcome, Quota, Refusal, RefusedAt,
    SpecCode, Trouble, TroubleKind, Unchecked,
};

use std::sync::Arc;
use std::time::Duration;

use crate::credentials::PullSecret;
use crate::glob::Glob;
use crate::image::{Platform, Reference, ReferenceError};
use crate::nodes::{Node, Runtime};
use crate::workload::{FieldPath, Pins, PullPolicy, Role};

/// One credential tried for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Where the credential came from; `None` when nothing matched and the node asks anonymously.
    pub source: Option<CredentialSource>,
    /// The request carried no credential: nothing matched, or what matched is empty.
    pub anonymous: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Where it is an index: what is known of the entries that the pod's nodes could take.
    pub entries: Vec<EntryFact>,
    /// What the tag leads to was seen a while ago; by now it may lead to something else.
    pub remembered: bool,
    /// The registry could not be asked now, and all of this is what it said before.
    pub stale: Option<Box<Stale>>,
}

/// What lies behind an attempt that rests on older answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// How long ago the registry gave the oldest of them.
    pub age: Duration,
    /// How asking ended now.
    pub now: Outcome,
    /// The same of the entries.
    pub entries: Vec<EntryFact>,
}

impl Attempt {
    /// One without a credential that ended like this, asked just now and with nothing within it.
    pub fn anonymous(outcome: Outcome) -> Self {
        Self {
            source: None,
            anonymous: true,
            outcome,
            entries: Vec::new(),
            remembered: false,
            stale: None,
        }
    }

    /// Back to what asking came to now, without older answers.
    pub fn forget_older(&mut self) {
        if let Some(stale) = self.stale.take() {
            (self.outcome, self.entries) = (stale.now, stale.entries);
        }
    }

    /// Whether a node is content with it: it is there, and so is all that was asked for of it.
    /// What was left out by our own decision says nothing against it.
    pub fn works(&self) -> bool {
        !self.any_manifest(|outcome, inner| match outcome {
            Outcome::Found(_) => false,
            Outcome::NotChecked(_) => !inner,
            _ => true,
        })
    }

    /// Whether `is` holds for any manifest of it: its own, or one within its index, for which the
    /// flag is set.
    pub fn any_manifest(&self, is: impl Fn(&Outcome, bool) -> bool) -> bool {
        fn within(entries: &[EntryFact], is: &impl Fn(&Outcome, bool) -> bool) -> bool {
            entries.iter().any(|entry| is(&entry.outcome, true) || within(&entry.entries, is))
        }
        is(&self.outcome, false) || within(&self.entries, &is)
    }
}

/// What is known of one entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFact {
    /// Its place in the index, from 0.
    pub index: usize,
    /// How asking for it, with the credential of the attempt, ended.
    pub outcome: Outcome,
    /// Where it is an index itself: the same of its entries.
    pub entries: Vec<EntryFact>,
}

/// Where a credential came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CredentialSource {
    /// A pull secret, by name.
    Secret(String),
    /// The operator's `--docker-config`, standing for what nodes log in with.
    DockerConfig,
    /// A credential provider of the nodes, by name.
    Provider(String),
}

/// A credential provider of the nodes that is for an image, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFact {
    /// Its name.
    pub name: String,
    /// What came of it.
    pub answer: ProviderAnswer,
    /// The answer is one of a while ago; a node may have a newer one.
    pub remembered: bool,
}

/// What came of a credential provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderAnswer {
    /// A login for the image, which is among the attempts.
    Login,
    /// No login for the image.
    NoLogin,
    /// It failed here, where a node goes on without it.
    Failed,
    /// It was not run, because it needs a token that only a kubelet has for the pod.
    NeedsToken,
}

/// One image of the workload and what is known of it.
#[derive(Debug)]
pub struct ImageFact<'a> {
    /// Field path as Kubernetes prints it.
    pub field: &'a str,
    /// The image as written.
    pub image: &'a str,
    /// What it is for.
    pub role: Role,
    /// When a node asks the registry for it; where none is written, as the API server fills it in.
    pub pull_policy: PullPolicy,
    /// The parsed reference, or why the kubelet would not take it.
    pub reference: Result<Reference, ReferenceError>,
    /// Whether the operator's `allowedRegistries` admit it (true where none are configured).
    pub registry_allowed: bool,
    /// The operator told which mirrors nodes ask for it; those that they are not told of count
    /// no more.
    pub mirrors_told: bool,
    /// A registry is asked for it: a node would, and nothing of ours forbids it.
    pub asked: bool,
    /// Attempts in the order in which the node would make them; empty when nothing was asked.
    pub attempts: Vec<Attempt>,
    /// The nodes' credential providers that are for it, as far as they were told and came back.
    pub providers: Vec<ProviderFact>,
}

/// What the attempts for one image come to: a node takes the first that works, whatever the
/// error of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion<'a> {
    /// Nothing was asked.
    NotAsked,
    /// The registry hands it out. Whether all of what an index leads to is there stands with the
    /// entries of the attempts.
    Pulls(&'a Found),
    /// A node may get it: at least one attempt could not be seen to its end.
    Unseen(&'a Outcome),
    /// Served to a credential the node has, and no runtime can use it.
    Invalid(ManifestFault),
    /// Served to a credential the node has, and some of it is not there.
    Broken(&'a Damage),
    /// Not there, says the registry.
    Absent(&'a Attempt, &'a Absent),
    /// Every attempt was refused.
    Refused(&'a [Attempt]),
}

impl ImageFact<'_> {
    /// What the attempts come to.
    pub fn conclusion(&self) -> Conclusion<'_> {
        let outcomes = || self.attempts.iter().map(|attempt| &attempt.outcome);
        let found = outcomes().find_map(|outcome| match outcome {
            Outcome::Found(found) => Some(found),
            _ => None,
        });
        let unseen = || outcomes().find(|outcome| outcome.is_unseen());
        let invalid = || {
            outcomes().find_map(|outcome| match outcome {
                Outcome::Invalid(fault) => Some(*fault),
                _ => None,
            })
        };
        let broken = || {
            outcomes().find_map(|outcome| match outcome {
                Outcome::Broken(damage) => Some(damage),
                _ => None,
            })
        };
        let absent = || {
            self.attempts.iter().find_map(|attempt| match &attempt.outcome {
                Outcome::Absent(absent) => Some((attempt, absent)),
                _ => None,
            })
        };
        if self.attempts.is_empty() {
            Conclusion::NotAsked
        } else if let Some(found) = found {
            Conclusion::Pulls(found)
        } else if let Some(outcome) = unseen() {
            Conclusion::Unseen(outcome)
        } else if let Some(fault) = invalid() {
            Conclusion::Invalid(fault)
        } else if let Some(damage) = broken() {
            Conclusion::Broken(damage)
        } else if let Some((attempt, absent)) = absent() {
            Conclusion::Absent(attempt, absent)
        } else {
            Conclusion::Refused(&self.attempts)
        }
    }
}

/// One pull secret the pod would use.
#[derive(Debug)]
pub struct SecretFact {
    /// The field that names it: an entry of `imagePullSecrets`, or the service account's name.
    pub field: String,
    /// The secret and what is known of it.
    pub secret: PullSecret,
    /// A key of it covers at least one of the images.
    pub used: bool,
}

/// The ServiceAccount whose pull secrets the pods would get.
#[derive(Debug)]
pub struct ServiceAccountFact {
    /// Its name, `default` where the pod names none.
    pub name: String,
    /// The field that names it.
    pub field: String,
    /// What is known of it.
    pub state: ServiceAccountState,
}

/// What is known of a ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceAccountState {
    /// The object names its own secrets, or admission has already copied them.
    NotNeeded,
    /// Read; its `imagePullSecrets` are among the facts.
    Present,
    /// Not there, with the nearest existing name.
    Absent { similar: Option<String> },
    /// No right to read it.
    Forbidden,
    /// The API server did not answer; why, in our own words.
    Unreadable(String),
    /// No cluster was asked; the nearest name among the manifests.
    Undecided { similar: Option<String> },
}

/// The namespace label that chooses a mode.
pub const MODE_LABEL: &str = "pullcheck.dev/mode";

/// Why something of the cluster is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// pullcheck has no right to read it.
    Forbidden,
    /// It could not be read; why, in our own words.
    Trouble(String),
}

/// What a review would have used of the cluster, Secrets and ServiceAccounts aside, and could not
/// read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gaps {
    /// The nodes.
    pub nodes: Option<Obstacle>,
    /// The RuntimeClass that the pod names.
    pub runtime_class: Option<(String, Obstacle)>,
    /// The label by which the namespace chooses its mode.
    pub mode_label: Option<Obstacle>,
}

/// Which front asks; it decides only wording and what a tutorial's paste is worth saying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The webhook.
    Serve,
    /// `pullcheck check` on manifests.
    Check,
}

/// The operator's settings that causes need, as plain data.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Hosts that nodes log in to by themselves.
    pub node_credentials: Vec<Glob>,
    /// Hosts that nodes reach through mirrors pullcheck was not told of.
    pub node_mirrors: Vec<Glob>,
    /// Pull-through caches: absence there is not the last word.
    pub pull_through: Vec<Glob>,
    /// What happens to pods between their template and the node.
    pub pod_mutation: PodMutation,
    /// What platforms the nodes have, as the operator declared them; empty where nobody did.
    pub platforms: Vec<Platform>,
    /// What container runtimes they have, likewise.
    pub runtimes: Vec<Runtime>,
    /// Bytes of an image's layers, compressed, above which it is too large.
    pub max_image_size: Option<u64>,
    /// An operator gave `digest-required` an action.
    pub digest_required: bool,
}

/// What mutating webhooks do to pods after their template was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PodMutation {
    /// Nothing that matters to a pull.
    #[default]
    None,
    /// Pull secrets are added to pods.
    Secrets,
    /// Images are rewritten in pods; pull secrets may be added too.
    Images,
}

/// Everything a cause may look at.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The object's namespace.
    pub namespace: &'a str,
    /// The object holds a pod template; it is not itself a pod.
    pub is_template: bool,
    /// What the pod itself says of the platform that it runs on.
    pub pins: Pins<'a>,
    /// The present nodes that it may land on; `None` where they are not known.
    pub nodes: Option<Vec<Arc<Node>>>,
    /// What of the cluster could not be read.
    pub gaps: Gaps,
    /// The images to judge.
    pub images: Vec<ImageFact<'a>>,
    /// The pull secrets the pod would use, in the kubelet's order.
    pub secrets: Vec<SecretFact>,
    /// The ServiceAccount they come from.
    pub service_account: ServiceAccountFact,
    /// `imagePullSecrets` written inside a container, where the API server drops them.
    pub misplaced_pull_secrets: &'a [FieldPath],
    /// The operator's settings.
    pub settings: &'a Settings,
    /// Who asks.
    pub front: Front,
}
