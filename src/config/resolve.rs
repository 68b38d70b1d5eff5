//! From the layers to a [`Config`], with every problem reported.

use std::borrow::Cow;
use std::path::PathBuf;

use super::problem::{Origin, Problem};
use super::raw::{Layer, Node, Value};
use super::values::{self, Parsed, word};
use super::{
    CheckConfig, Config, Depth, LogFormat, Output, ProviderFiles, ServeConfig, TlsFiles, TlsSecret,
    TlsSource, policy_keys, settings,
};
use crate::policy::{Mode, PodMutation, Policy};

/// A value on its way to be read, and the name under which problems speak of it.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    pub path: String,
    pub node: &'a Node,
}

impl At<'_> {
    pub fn problem(&self, message: impl AsRef<str>) -> Problem {
        problem(&self.node.origin, &self.path, message.as_ref())
    }

    /// The scalar as text; mappings and lists have none.
    fn text(&self) -> Option<Cow<'_, str>> {
        match &self.node.value {
            Value::Text(text) => Some(Cow::Borrowed(text)),
            Value::Bool(value) => Some(Cow::Owned(value.to_string())),
            Value::Int(value) => Some(Cow::Owned(value.to_string())),
            Value::Float(value) => Some(Cow::Owned(value.to_string())),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// A flag and a variable name themselves; a line of a file does not say which key it is about.
pub(super) fn problem(origin: &Origin, path: &str, message: &str) -> Problem {
    let message = match origin {
        Origin::Flag(_) | Origin::Env(_) => message.to_owned(),
        Origin::File(_) | Origin::Default => format!("{path}: {message}"),
    };
    Problem { origin: origin.clone(), message }
}

/// One value.
pub(super) fn one<T>(
    at: &At<'_>,
    problems: &mut Vec<Problem>,
    parse: impl Fn(&str) -> Parsed<T>,
) -> Option<T> {
    let result = match at.text() {
        Some(text) => parse(&text),
        None => Err("must be a single value".to_owned()),
    };
    result.map_err(|message| problems.push(at.problem(message))).ok()
}

/// A list: of YAML, or of text between commas.
pub(super) fn many<T>(
    at: &At<'_>,
    problems: &mut Vec<Problem>,
    parse: impl Fn(&str) -> Parsed<T>,
) -> Option<Vec<T>> {
    list(at, problems, false, parse)
}

/// The same of what may be written as a number, too.
fn list<T>(
    at: &At<'_>,
    problems: &mut Vec<Problem>,
    numbers: bool,
    parse: impl Fn(&str) -> Parsed<T>,
) -> Option<Vec<T>> {
    let results: Vec<(At<'_>, Parsed<T>)> = match &at.node.value {
        Value::Int(number) if numbers => vec![(at.clone(), parse(&number.to_string()))],
        Value::Text(text) => text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| (at.clone(), parse(item)))
            .collect(),
        Value::List(nodes) => nodes
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let item = At { path: format!("{}[{index}]", at.path), node };
                let result = match &node.value {
                    Value::Text(text) => parse(text),
                    Value::Int(number) if numbers => parse(&number.to_string()),
                    Value::Null => Err("is empty".to_owned()),
                    // YAML may already have changed the spelling: 007, 1.10.
                    Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                        Err("is not text; put it in quotes".to_owned())
                    }
                    Value::List(_) | Value::Map(_) => Err("must be a single text".to_owned()),
                };
                (item, result)
            })
            .collect(),
        _ => {
            problems.push(at.problem("must be a list"));
            return None;
        }
    };
    let before = problems.len();
    let mut list = Vec::new();
    for (item, result) in results {
        match result {
            Ok(value) => list.push(value),
            Err(message) => problems.push(item.problem(message)),
        }
    }
    (problems.len() == before).then_some(list)
}

/// Reads each key from the layers, the strongest first. A value that a stronger one hides is
/// checked all the same.
struct Reader<'a> {
    given: [&'a Layer; 2],
    defaults: Layer,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn read<T>(
        &mut self,
        key: &str,
        read: impl Fn(&At<'_>, &mut Vec<Problem>) -> Option<T>,
    ) -> Option<T> {
        let nodes: Vec<&Node> = self.given.iter().filter_map(|layer| layer.get(key)).collect();
        let fallback = if nodes.is_empty() { self.defaults.get(key) } else { None };
        let mut values = Vec::new();
        for node in nodes.into_iter().chain(fallback) {
            values.push(read(&At { path: key.to_owned(), node }, &mut self.problems));
        }
        values.into_iter().next().flatten()
    }

    fn one<T>(&mut self, key: &str, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        self.read(key, |at, problems| one(at, problems, &parse))
    }

    fn many<T>(&mut self, key: &str, parse: impl Fn(&str) -> Parsed<T>) -> Vec<T> {
        self.read(key, |at, problems| many(at, problems, &parse)).unwrap_or_default()
    }

    fn origin(&self, key: &str) -> Option<Origin> {
        Some(self.given.iter().find_map(|layer| layer.get(key))?.origin.clone())
    }

    fn unknown_keys(&mut self, file: &Layer) {
        let known: Vec<&str> = settings::ALL.iter().map(|setting| setting.key).collect();
        for entry in &file.0 {
            if !known.contains(&entry.key.as_str()) {
                let said =
                    values::unknown(&entry.key, &known, "the keys are in docs/configuration.md");
                self.problems
                    .push(Problem { origin: entry.origin.clone(), message: format!("key {said}") });
            }
        }
    }

    fn policy(&mut self) -> Policy {
        let modes = Mode::ALL.map(|mode| (mode.as_str(), mode));
        let mutations = [
            ("none", PodMutation::None),
            ("secrets", PodMutation::Secrets),
            ("images", PodMutation::Images),
        ];
        Policy {
            mode: self.one("mode", word(&modes)).unwrap_or_default(),
            minimum_mode: self.one("minimumMode", word(&modes)).unwrap_or(Mode::Off),
            actions: self.read("actions", policy_keys::actions).unwrap_or_default(),
            overrides: self.read("overrides", policy_keys::overrides).unwrap_or_default(),
            enforced: self.many("enforced", values::code).into_iter().collect(),
            exempt: self.read("exempt", policy_keys::exempt).unwrap_or_default(),
            allowed_registries: self.many("allowedRegistries", values::registry_glob),
            pod_mutation: self.one("podMutation", word(&mutations)).unwrap_or_default(),
        }
    }

    fn serve(&mut self) -> Option<ServeConfig> {
        let listen = self.one("listen", values::listen);
        let metrics_listen = self.one("metricsListen", values::listen);
        let tls = self.tls();
        let deny_addresses = self.many("denyAddress", values::denied_ranges);
        let ports = |at: &At<'_>, found: &mut Vec<Problem>| list(at, found, true, values::ports);
        let registry_ports = self.read("registryPorts", ports).unwrap_or_default();
        if let (true, Some(origin)) = (registry_ports.is_empty(), self.origin("registryPorts")) {
            let message = "names no port, and no image could be looked at; write such as 443";
            // Whatever is wrong with one of them has been said.
            if !self.problems.iter().any(|problem| problem.origin == origin) {
                self.problems.push(problem(&origin, "registryPorts", message));
            }
        }
        let no_cluster = self.one("noCluster", word(&BOOLS));
        if let (Some(TlsSource::Secret(_)), Some(true)) = (&tls, no_cluster)
            && let Some(origin) = self.origin("noCluster")
        {
            let message = "cannot be beside tlsSecret, which is kept in the cluster";
            self.problems.push(problem(&origin, "noCluster", message));
        }
        let events = self.one("events", word(&BOOLS));
        if let (Some(true), Some(true), Some(origin)) = (events, no_cluster, self.origin("events"))
        {
            let why = "needs the API server, and noCluster keeps pullcheck from it; remove one";
            self.problems.push(problem(&origin, "events", why));
        }
        Some(ServeConfig {
            listen: listen?,
            metrics_listen: metrics_listen?,
            tls,
            deny_addresses: deny_addresses.into_iter().flatten().collect(),
            registry_ports,
            no_cluster: no_cluster?,
            events: events?,
        })
    }

    /// One source or none; a second one would be served by nobody.
    fn tls(&mut self) -> Option<TlsSource> {
        let files = self.two_paths("tlsCert", "tlsKey");
        let secret = self.one("tlsSecret", values::namespaced);
        let hosts = self.many("tlsHost", values::certificate_host);
        let webhook_configuration = self.one("webhookConfiguration", values::object);
        let (secret_from, hosts_from) = (self.origin("tlsSecret"), self.origin("tlsHost"));
        let configuration_from = self.origin("webhookConfiguration");
        let files_from = self.origin("tlsCert").or_else(|| self.origin("tlsKey"));
        match (&secret_from, &files_from, &hosts_from) {
            (Some(origin), Some(_), _) => {
                let message = "cannot be beside tlsCert and tlsKey; leave out either";
                self.problems.push(problem(origin, "tlsSecret", message));
            }
            (None, _, Some(origin)) if !hosts.is_empty() => {
                let message = "needs tlsSecret too; a certificate in files has its own names";
                self.problems.push(problem(origin, "tlsHost", message));
            }
            _ => {}
        }
        if let (None, Some(origin)) = (&secret_from, &configuration_from) {
            let message = "needs tlsSecret too; nothing is written into it for a certificate in \
                           files";
            self.problems.push(problem(origin, "webhookConfiguration", message));
        }
        let Some((namespace, name)) = secret else {
            return files.map(|(cert, key)| TlsSource::Files(TlsFiles { cert, key }));
        };
        let hosts =
            if hosts.is_empty() { vec![format!("pullcheck.{namespace}.svc")] } else { hosts };
        let webhook_configuration = webhook_configuration?;
        Some(TlsSource::Secret(TlsSecret { namespace, name, hosts, webhook_configuration }))
    }

    fn credential_providers(&mut self) -> Option<ProviderFiles> {
        let (config, bin_dir) =
            self.two_paths("credentialProviderConfig", "credentialProviderBinDir")?;
        Some(ProviderFiles { config, bin_dir })
    }

    /// Both or neither.
    fn two_paths(&mut self, first: &str, second: &str) -> Option<(PathBuf, PathBuf)> {
        let paths = (self.one(first, values::path), self.one(second, values::path));
        for (one, other) in [(first, second), (second, first)] {
            if let (Some(origin), None) = (self.origin(one), self.origin(other)) {
                self.problems.push(problem(&origin, one, &format!("needs {other} too")));
            }
        }
        Some((paths.0?, paths.1?))
    }

    fn check(&mut self) -> Option<CheckConfig> {
        let outputs = [("human", Output::Human), ("json", Output::Json)];
        let output = self.one("output", word(&outputs));
        let namespace = self.one("namespace", values::namespace);
        let cluster = self.one("cluster", word(&BOOLS));
        Some(CheckConfig { output: output?, namespace: namespace?, cluster: cluster? })
    }

    fn config(&mut self) -> Option<Config> {
        let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
        let depths = [("manifest", Depth::Manifest), ("layers", Depth::Layers)];
        let policy = self.policy();
        let timeout = self.one("timeout", values::timeout);
        let jobs = self.one("jobs", values::jobs);
        let max_image_size = self.one("maxImageSize", values::size);
        let quota_floor = self.one("quotaFloor", values::share);
        let depth = self.one("depth", word(&depths));
        let log_format = self.one("logFormat", word(&formats));
        let ca_file = self.one("caFile", values::path);
        let docker_config = self.one("dockerConfig", values::path);
        let credential_providers = self.credential_providers();
        let certs_d = self.one("certsD", values::path);
        let kubeconfig = self.one("kubeconfig", values::path);
        let insecure_registries = self.many("insecureRegistry", values::host);
        let allow_addresses = self.many("allowAddress", values::address_range);
        let node_credentials = self.many("nodeCredentials", values::host_glob);
        let node_mirrors = self.many("nodeMirrors", values::host_glob);
        let pull_through = self.many("pullThrough", values::host_glob);
        let platforms = self.many("platform", values::platform);
        let runtimes = self.many("runtime", values::runtime);
        let serve = self.serve();
        let check = self.check();
        Some(Config {
            policy,
            timeout: timeout?,
            jobs: jobs?,
            ca_file,
            insecure_registries,
            docker_config,
            credential_providers,
            certs_d,
            allow_addresses,
            node_credentials,
            node_mirrors,
            pull_through,
            platforms,
            runtimes,
            max_image_size,
            quota_floor: quota_floor?,
            depth: depth?,
            log_format: log_format?,
            kubeconfig,
            serve: serve?,
            check: check?,
        })
    }
}

const BOOLS: [(&str, bool); 2] = [("true", true), ("false", false)];

/// Flags and environment over the file over the defaults, or every problem there is, those of
/// reading the file among them.
pub(super) fn resolve(
    args: &Layer,
    file: Result<Layer, Problem>,
    serving: bool,
) -> Result<Config, Vec<Problem>> {
    let (file, problems) = match file {
        Ok(layer) => (layer, Vec::new()),
        Err(problem) => (Layer::default(), vec![problem]),
    };
    let defaults = settings::defaults(serving);
    let mut reader = Reader { given: [args, &file], defaults, problems };
    reader.unknown_keys(&file);
    match (reader.config(), reader.problems) {
        (Some(config), problems) if problems.is_empty() => Ok(config),
        (_, problems) => Err(problems),
    }
}
