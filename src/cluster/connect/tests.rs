use std::io::{self, Write as _};

use super::*;

fn kubeconfig(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("a written file");
    file
}

fn usable(server: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
         clusters: [{{name: k, cluster: {{server: \"{server}\"{more}, \
         certificate-authority-data: \"{CA}\"}}}}]\n\
         users: [{{name: u, user: {{token: hunter2}}}}]\n"
    )
}

/// No certificates, so that the tests need no machine's trust store.
const CA: &str = "Cg==";

async fn refused(text: &str) -> String {
    let file = kubeconfig(text);
    let error = Cluster::connect(Some(file.path()), ClusterOptions::default())
        .await
        .expect_err("no cluster")
        .to_string();
    let name = file.path().display().to_string();
    assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
    error.replace(&name, "FILE")
}

#[tokio::test]
async fn a_named_kubeconfig_leads_to_its_cluster() {
    let file = kubeconfig(&usable("http://127.0.0.1:1", ""));
    Cluster::connect(Some(file.path()), ClusterOptions::default()).await.expect("a cluster");
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_is_told_why_without_its_content() {
    let end = "; correct the file or name another with --kubeconfig";
    let whole = usable("http://127.0.0.1:1", "");
    for (text, why) in [
        ("", "it has no current-context"),
        (
            "users: [{name: u, user: {token: hunter2}}]\nclusters: hunter2\n",
            "it is not a kubeconfig (line 2, column 11)",
        ),
        ("{hunter2: [", "it is not a kubeconfig (line 1, column 11)"),
        (
            &whole.replace("current-context: c", "current-context: hunter2"),
            "its current-context is not among its contexts",
        ),
        (
            &whole.replace("cluster: k,", "cluster: hunter2,"),
            "its context names a cluster it does not have",
        ),
        (&whole.replace(CA, "hunter2!"), "its certificate authority is not base64"),
        (
            &whole.replace("http://127.0.0.1:1", "http://hunter2:hunter2:hunter2"),
            "its cluster's server is no address",
        ),
    ] {
        assert_eq!(refused(text).await, format!("kubeconfig FILE: {why}{end}"));
    }
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_named() {
    let missing = Path::new("/no/such/kubeconfig");
    let error = Cluster::connect(Some(missing), ClusterOptions::default()).await;
    assert_eq!(
        error.expect_err("no cluster").to_string(),
        "kubeconfig /no/such/kubeconfig: it cannot be read (entity not found); \
         correct the file or name another with --kubeconfig"
    );
}

#[tokio::test]
async fn a_proxy_that_is_not_http_is_told() {
    let error =
        refused(&usable("http://api.example", ", proxy-url: \"socks5://proxy.example\"")).await;
    assert_eq!(
        error,
        "no client for the API server at api.example: its proxy is not an http or https one; \
         correct the kubeconfig"
    );
}

#[tokio::test]
async fn the_proxy_of_a_kubeconfig_stays() {
    let text = usable("http://127.0.0.1:1", ", proxy-url: \"http://proxy.example:3128\"");
    let config = named(kubeconfig(&text).path()).await.expect("a configuration");
    assert_eq!(config.proxy_url.expect("a proxy"), "http://proxy.example:3128/");
}

#[test]
fn the_machine_itself_is_never_behind_a_proxy() {
    for server in ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443"] {
        assert!(!environment_proxies(&server.parse().expect("an address")), "{server}");
    }
}

fn config(server: &str) -> Config {
    Config::new(server.parse().expect("an address"))
}

#[tokio::test]
async fn the_pods_own_account_comes_before_any_kubeconfig() {
    let found =
        first_of(|| Ok(config("https://in.cluster")), async { Ok(config("https://kube.config")) });
    assert_eq!(found.await.expect("a configuration").cluster_url.host(), Some("in.cluster"));
}

fn not_in_a_pod() -> Result<Config, InClusterError> {
    Err(InClusterError::ReadEnvironmentVariable(std::env::VarError::NotPresent))
}

#[tokio::test]
async fn outside_a_pod_the_usual_kubeconfig_is_taken() {
    let found = first_of(not_in_a_pod, async { Ok(config("https://kube.config")) });
    assert_eq!(found.await.expect("a configuration").cluster_url.host(), Some("kube.config"));
}

#[tokio::test]
async fn with_neither_both_reasons_are_told() {
    let none = first_of(not_in_a_pod, async { Err(KubeconfigError::FindPath) });
    assert_eq!(
        none.await.expect_err("no cluster").to_string(),
        "no cluster found: not in a pod (KUBERNETES_SERVICE_HOST is not set), and no usable \
         kubeconfig (there is no ~/.kube/config); name one with --kubeconfig, or run without a \
         cluster"
    );
    let no_token = || Err(InClusterError::ReadDefaultNamespace(io::ErrorKind::NotFound.into()));
    let error = first_of(no_token, async { Err(KubeconfigError::CurrentContextNotSet) }).await;
    let error = error.expect_err("no cluster").to_string();
    assert!(error.contains("no ServiceAccount token is mounted"), "{error}");
}
