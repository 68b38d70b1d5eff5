//! A case: an image as a pod names it, and what is to come of it.

use serde_json::Value;

use crate::support::contract::Certainty;
use crate::support::manifests::{docker_config, pull_secret};

/// What pullcheck is to learn before a case can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Config, layers and child manifests are looked at.
    Depth,
    /// `--certs-d`.
    CertsD,
    /// `--runtime`.
    Runtime,
}

/// What is not there yet.
const MISSING: &[Feature] = &[Feature::CertsD];

/// What a node makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    Pulls,
    /// With an error that holds this text.
    Fails(&'static str),
}

/// The one thing that pullcheck says against the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Says {
    pub code: &'static str,
    pub certainty: Certainty,
}

/// A user name and a password.
pub type Login = (String, String);

#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    pub image: String,
    /// Secrets beside the pod, all of which it names, in this order.
    pub secrets: Vec<Value>,
    /// What the kubelet makes of them, in its order.
    pub logins: Vec<Login>,
    /// More arguments for `check`.
    pub args: Vec<String>,
    pub current: Node,
    pub old: Node,
    pub says: Option<Says>,
    /// Another runtime than the two fails, or the other versions of one do.
    pub others_fail: bool,
    /// Why nobody can know in advance that the node fails.
    pub undecidable: Option<&'static str>,
    /// Runs beside all others, because a node waits long.
    pub slow: bool,
    pub awaits: Option<Feature>,
}

impl Case {
    /// One that pulls, and against which nothing is said.
    pub fn new(name: &'static str, image: impl Into<String>) -> Self {
        Self {
            name,
            image: image.into(),
            secrets: Vec::new(),
            logins: Vec::new(),
            args: Vec::new(),
            current: Node::Pulls,
            old: Node::Pulls,
            says: None,
            others_fail: false,
            undecidable: None,
            slow: false,
            awaits: None,
        }
    }

    /// Both nodes fail with this text.
    pub fn fails(self, text: &'static str) -> Self {
        self.nodes(Node::Fails(text), Node::Fails(text))
    }

    /// Each node for itself.
    pub fn nodes(self, current: Node, old: Node) -> Self {
        Self { current, old, ..self }
    }

    /// The registry itself says so, or nobody needs to be asked.
    pub fn proven(self, code: &'static str) -> Self {
        Self { says: Some(Says { code, certainty: Certainty::Proven }), ..self }
    }

    /// True unless something cures it.
    pub fn likely(self, code: &'static str) -> Self {
        Self { says: Some(Says { code, certainty: Certainty::Likely }), ..self }
    }

    /// What failed is pullcheck's own view.
    pub fn unknown(self, code: &'static str) -> Self {
        Self { says: Some(Says { code, certainty: Certainty::Unknown }), ..self }
    }

    /// A secret for one host, which the kubelet finds to match.
    pub fn login(mut self, host: &str, user: &str, password: &str) -> Self {
        self.logins.push((user.to_owned(), password.to_owned()));
        self.secret(&docker_config(host, user, password))
    }

    /// A secret with a `config.json`; what the kubelet makes of it is to be said besides.
    pub fn secret(mut self, config: &str) -> Self {
        let name = format!("secret-{}", self.secrets.len());
        self.secrets.push(pull_secret(&name, config));
        self
    }

    /// What the kubelet makes of the secrets.
    pub fn tries(mut self, user: &str, password: &str) -> Self {
        self.logins.push((user.to_owned(), password.to_owned()));
        self
    }

    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }

    /// Pulls, and yet another runtime fails.
    pub fn others_fail(self) -> Self {
        Self { others_fail: true, ..self }
    }

    pub fn undecidable(self, why: &'static str) -> Self {
        Self { undecidable: Some(why), ..self }
    }

    pub fn slow(self) -> Self {
        Self { slow: true, ..self }
    }

    pub fn awaits(self, feature: Feature) -> Self {
        Self { awaits: Some(feature), ..self }
    }

    /// Whether runtimes differ here.
    pub fn differs(&self) -> bool {
        self.others_fail || (self.current == Node::Pulls) != (self.old == Node::Pulls)
    }

    /// Whether pullcheck is to be asked once more for each of the runtimes.
    pub fn hangs_on_runtime(&self) -> bool {
        self.differs() && self.says.is_some() && !MISSING.contains(&Feature::Runtime)
    }

    /// Whether pullcheck can be held to it.
    pub fn is_ready(&self) -> bool {
        self.awaits.is_none_or(|feature| !MISSING.contains(&feature))
    }
}
