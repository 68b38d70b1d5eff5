//! Flags and environment variables as typed: text, because all of it is checked together with the
//! file. The fronts flatten these structs.
//!
//! A flag's configuration key is its name in camelCase; its variable `PULLCHECK_` and its name in
//! capitals. Lists are comma-separated, and a flag may be repeated; an empty variable is an empty
//! list. The texts here are the reference in `docs/configuration.md` too.

use super::raw::{Layer, Value, origin};

/// Headings of the help.
const POLICY: &str = "Policy";
const REGISTRIES: &str = "Registries";
const NODES: &str = "Nodes";

/// Flags of every front that judges.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct CommonArgs {
    /// YAML file with any of these settings and those that have no flag
    #[arg(long, env = "PULLCHECK_CONFIG", value_name = "FILE")]
    pub config: Option<String>,
    /// Mode of namespaces without the label pullcheck.dev/mode: enforce, warn, audit or off
    #[arg(long, env = "PULLCHECK_MODE", value_name = "MODE")]
    pub mode: Option<String>,
    /// No namespace label goes below this mode
    #[arg(long, env = "PULLCHECK_MINIMUM_MODE", value_name = "MODE", help_heading = POLICY)]
    pub minimum_mode: Option<String>,
    /// Time for one review where the API server names none, or for one object of a check
    #[arg(long, env = "PULLCHECK_TIMEOUT", value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Images looked at together, in all
    #[arg(long, env = "PULLCHECK_JOBS", value_name = "N")]
    pub jobs: Option<String>,
    /// PEM certificates added to the system's roots for registries
    #[arg(long, env = "PULLCHECK_CA_FILE", value_name = "FILE", help_heading = REGISTRIES)]
    pub ca_file: Option<String>,
    /// Registry whose certificate is not checked, and that may speak plain HTTP
    #[arg(long, env = "PULLCHECK_INSECURE_REGISTRY", value_name = "HOST[:PORT]", help_heading = REGISTRIES)]
    pub insecure_registry: Vec<String>,
    /// Docker config.json that stands for what nodes log in with
    #[arg(long, env = "PULLCHECK_DOCKER_CONFIG", value_name = "FILE", help_heading = REGISTRIES)]
    pub docker_config: Option<String>,
    /// The kubelet's CredentialProviderConfig, whose providers are run as nodes run them
    #[arg(long, env = "PULLCHECK_CREDENTIAL_PROVIDER_CONFIG", value_name = "FILE", help_heading = NODES)]
    pub credential_provider_config: Option<String>,
    /// Folder with the executables of the credential providers
    #[arg(long, env = "PULLCHECK_CREDENTIAL_PROVIDER_BIN_DIR", value_name = "DIR", help_heading = NODES)]
    pub credential_provider_bin_dir: Option<String>,
    /// Folder of containerd's registry configuration (hosts.toml), as nodes have it
    #[arg(long, env = "PULLCHECK_CERTS_D", value_name = "DIR", help_heading = REGISTRIES)]
    pub certs_d: Option<String>,
    /// Address range that serve would refuse to connect to
    #[arg(long, env = "PULLCHECK_ALLOW_ADDRESS", value_name = "CIDR", help_heading = REGISTRIES)]
    pub allow_address: Vec<String>,
    /// Host pattern of registries that nodes log in to by themselves; replaces the default
    #[arg(long, env = "PULLCHECK_NODE_CREDENTIALS", value_name = "HOST", help_heading = NODES)]
    pub node_credentials: Vec<String>,
    /// Host pattern of registries that nodes reach through mirrors unknown to pullcheck
    #[arg(long, env = "PULLCHECK_NODE_MIRRORS", value_name = "HOST", help_heading = NODES)]
    pub node_mirrors: Vec<String>,
    /// Platform that nodes have; an image for none of them is denied
    #[arg(long, env = "PULLCHECK_PLATFORM", value_name = "OS/ARCH[/VARIANT]", help_heading = REGISTRIES)]
    pub platform: Vec<String>,
    /// Container runtime that nodes have, with its version: containerd or cri-o
    #[arg(long, env = "PULLCHECK_RUNTIME", value_name = "NAME/VERSION", help_heading = NODES)]
    pub runtime: Vec<String>,
    /// Host pattern of pull-through caches: looked at by manifest only
    #[arg(long, env = "PULLCHECK_PULL_THROUGH", value_name = "HOST", help_heading = REGISTRIES)]
    pub pull_through: Vec<String>,
    /// What a mutating webhook changes in pods: none, secrets or images
    #[arg(long, env = "PULLCHECK_POD_MUTATION", value_name = "WHAT", help_heading = NODES)]
    pub pod_mutation: Option<String>,
    /// Registry, or registry and start of the path, that images may come from; none allows all
    #[arg(long, env = "PULLCHECK_ALLOWED_REGISTRIES", value_name = "HOST[/PATH]", help_heading = POLICY)]
    pub allowed_registries: Vec<String>,
    /// Cause code that ignores namespace labels and owners; denies where no action is configured
    #[arg(long, env = "PULLCHECK_ENFORCED", value_name = "CODE", help_heading = POLICY)]
    pub enforced: Vec<String>,
    /// How far an image is looked at: manifest, or layers (its config and every layer too)
    #[arg(long, env = "PULLCHECK_DEPTH", value_name = "DEPTH", help_heading = REGISTRIES)]
    pub depth: Option<String>,
    /// Compressed size above which an image is too large, such as 2Gi
    #[arg(long, env = "PULLCHECK_MAX_IMAGE_SIZE", value_name = "SIZE", help_heading = POLICY)]
    pub max_image_size: Option<String>,
    /// Share of Docker Hub's pull limit below which only headers are looked at, 0 to 1
    #[arg(long, env = "PULLCHECK_QUOTA_FLOOR", value_name = "SHARE", help_heading = REGISTRIES)]
    pub quota_floor: Option<String>,
    /// How logs are written: json or text
    #[arg(long, env = "PULLCHECK_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// How to reach the API server; without it in-cluster, then the usual kubeconfig rules
    #[arg(long, env = "PULLCHECK_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<String>,
}

/// Flags of `serve` alone.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServeArgs {
    /// Address of the webhook
    #[arg(long, env = "PULLCHECK_LISTEN", value_name = "ADDR")]
    pub listen: Option<String>,
    /// Address of probes and metrics, without TLS
    #[arg(long, env = "PULLCHECK_METRICS_LISTEN", value_name = "ADDR")]
    pub metrics_listen: Option<String>,
    /// PEM chain of the serving certificate
    #[arg(long, env = "PULLCHECK_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// PEM private key of the serving certificate
    #[arg(long, env = "PULLCHECK_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Secret in which pullcheck keeps an authority and a serving certificate of its own, in place of the two files
    #[arg(long, env = "PULLCHECK_TLS_SECRET", value_name = "NAMESPACE/NAME")]
    pub tls_secret: Option<String>,
    /// Name in the certificate of the Secret; pullcheck.NAMESPACE.svc without
    #[arg(long, env = "PULLCHECK_TLS_HOST", value_name = "NAME")]
    pub tls_host: Vec<String>,
    /// ValidatingWebhookConfiguration in which the authority of the Secret is named
    #[arg(long, env = "PULLCHECK_WEBHOOK_CONFIGURATION", value_name = "NAME")]
    pub webhook_configuration: Option<String>,
    /// Address range not to connect to on behalf of images; private is every private range
    #[arg(long, env = "PULLCHECK_DENY_ADDRESS", value_name = "CIDR")]
    pub deny_address: Vec<String>,
    /// Port, or range of ports, that registries may have
    #[arg(long, env = "PULLCHECK_REGISTRY_PORTS", value_name = "PORTS")]
    pub registry_ports: Vec<String>,
    /// Ask no API server
    #[arg(
        long,
        env = "PULLCHECK_NO_CLUSTER",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub no_cluster: Option<String>,
    /// Tell of a controller's pods that will not run by Kubernetes Events
    #[arg(
        long,
        env = "PULLCHECK_EVENTS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub events: Option<String>,
}

/// Flags of `check` alone.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct CheckArgs {
    /// How the result is printed: human or json
    #[arg(long, short, env = "PULLCHECK_OUTPUT", value_name = "FORMAT")]
    pub output: Option<String>,
    /// Namespace of objects that name none
    #[arg(long, short, env = "PULLCHECK_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,
    /// Read secrets, service accounts and nodes from the cluster too
    #[arg(
        long,
        env = "PULLCHECK_CLUSTER",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub cluster: Option<String>,
}

/// Looks a variable up; the real environment only in `load`.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl CommonArgs {
    pub(super) fn layer(&self, env: Lookup<'_>) -> Layer {
        let mut layer = Layer::default();
        layer.one("mode", self.mode.as_ref(), env);
        layer.one("minimumMode", self.minimum_mode.as_ref(), env);
        layer.one("timeout", self.timeout.as_ref(), env);
        layer.one("jobs", self.jobs.as_ref(), env);
        layer.one("caFile", self.ca_file.as_ref(), env);
        layer.many("insecureRegistry", &self.insecure_registry, env);
        layer.one("dockerConfig", self.docker_config.as_ref(), env);
        layer.one("credentialProviderConfig", self.credential_provider_config.as_ref(), env);
        layer.one("credentialProviderBinDir", self.credential_provider_bin_dir.as_ref(), env);
        layer.one("certsD", self.certs_d.as_ref(), env);
        layer.many("allowAddress", &self.allow_address, env);
        layer.many("nodeCredentials", &self.node_credentials, env);
        layer.many("nodeMirrors", &self.node_mirrors, env);
        layer.many("pullThrough", &self.pull_through, env);
        layer.many("platform", &self.platform, env);
        layer.many("runtime", &self.runtime, env);
        layer.one("podMutation", self.pod_mutation.as_ref(), env);
        layer.many("allowedRegistries", &self.allowed_registries, env);
        layer.many("enforced", &self.enforced, env);
        layer.one("depth", self.depth.as_ref(), env);
        layer.one("maxImageSize", self.max_image_size.as_ref(), env);
        layer.one("quotaFloor", self.quota_floor.as_ref(), env);
        layer.one("logFormat", self.log_format.as_ref(), env);
        layer.one("kubeconfig", self.kubeconfig.as_ref(), env);
        layer
    }
}

impl ServeArgs {
    pub(super) fn add_to(&self, layer: &mut Layer, env: Lookup<'_>) {
        layer.one("listen", self.listen.as_ref(), env);
        layer.one("metricsListen", self.metrics_listen.as_ref(), env);
        layer.one("tlsCert", self.tls_cert.as_ref(), env);
        layer.one("tlsKey", self.tls_key.as_ref(), env);
        layer.one("tlsSecret", self.tls_secret.as_ref(), env);
        layer.many("tlsHost", &self.tls_host, env);
        layer.one("webhookConfiguration", self.webhook_configuration.as_ref(), env);
        layer.many("denyAddress", &self.deny_address, env);
        layer.many("registryPorts", &self.registry_ports, env);
        layer.one("noCluster", self.no_cluster.as_ref(), env);
        layer.one("events", self.events.as_ref(), env);
    }
}

impl CheckArgs {
    pub(super) fn add_to(&self, layer: &mut Layer, env: Lookup<'_>) {
        layer.one("output", self.output.as_ref(), env);
        layer.one("namespace", self.namespace.as_ref(), env);
        layer.one("cluster", self.cluster.as_ref(), env);
    }
}

impl Layer {
    fn one(&mut self, key: &'static str, given: Option<&String>, env: Lookup<'_>) {
        if let Some(text) = given {
            let origin = origin(key, std::slice::from_ref(text), env);
            self.set(key, origin, Value::Text(text.clone()));
        }
    }

    fn many(&mut self, key: &'static str, given: &[String], env: Lookup<'_>) {
        if !given.is_empty() {
            self.set(key, origin(key, given, env), Value::Text(given.join(",")));
        }
    }
}
