//! The five commands of `docs/install.md`, run as a reader would.
//!
//! Docker is a script, and the test is the node: a process with the arguments, the configuration and
//! the rights of the pods answers in their place, and they are called ready.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{configuration, helm, repository};
use crate::cluster::kubectl::Kubectl;
use crate::cluster::stage::{REGISTRY, Stage, on_stage};
use crate::parts::helm::Helm;
use crate::parts::kubernetes::control_plane::User;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::images;
use crate::support::skip;
use crate::support::webhook::{Launch, Webhook};

/// What the page has in the place of the reader's registry.
const PLACEHOLDER: &str = "registry.example";

#[test]
fn the_five_commands_of_the_page_end_in_the_denial_that_it_shows() {
    let helm = match helm() {
        Ok(helm) => helm,
        Err(why) => skip!(&why),
    };
    on_stage!(
        "cluster::deploy::five::the_five_commands_of_the_page_end_in_the_denial_that_it_shows",
        Release::Current,
        |kubernetes| five(kubernetes, &helm)
    );
}

async fn five(kubernetes: &Kubernetes, helm: &Helm) {
    let stage = Stage::start(kubernetes).await;
    let reader = Reader::new(kubernetes, helm, &stage);
    let commands = commands();
    let [build, push, install, label, last] = commands.as_slice() else {
        panic!("not five commands: {commands:?}");
    };

    reader.runs(build).succeeds().await;
    reader.runs(push).succeeds().await;
    reader.docker.deliver(&stage);
    let (installed, _webhook) = tokio::join!(reader.runs(install).run(), node(&stage));
    assert_eq!(installed.code, Some(0), "{installed}");
    reader.runs(label).succeeds().await;
    // The API server learns of the webhook a moment after it was told.
    stage.until_called(&format!("{REGISTRY}/pullcheck:none")).await;
    let ran = reader.runs(last).run().await;
    assert_eq!(ran.code, Some(1), "{ran}");
    assert_eq!(ran.stderr, part("told"), "the page shows another text");
}

/// The commands, one a line.
fn commands() -> Vec<String> {
    part("five").replace("\\\n", "").lines().map(str::to_owned).collect()
}

/// The text of a fenced block between markers of the page, with the registry of the stage.
fn part(name: &str) -> String {
    let page = std::fs::read_to_string(repository("docs/install.md")).unwrap();
    let between = |text: &str, from: &str, to: &str| -> String {
        let rest = text.split_once(from).unwrap_or_else(|| panic!("no {from}")).1;
        rest.split_once(to).unwrap_or_else(|| panic!("no {to}")).0.to_owned()
    };
    let marked = between(&page, &format!("<!-- {name} -->\n```"), "```\n<!-- /");
    let (_, text) = marked.split_once('\n').unwrap();
    text.replace(PLACEHOLDER, REGISTRY)
}

/// Somebody at the repository's root with the usual tools.
struct Reader {
    /// The working folder, which stands for the root.
    root: TempDir,
    kubeconfig: PathBuf,
    docker: Docker,
}

impl Reader {
    fn new(kubernetes: &Kubernetes, helm: &Helm, stage: &Stage) -> Self {
        let root = TempDir::with_prefix("reader-").unwrap();
        let tools = root.path().join("bin");
        std::fs::create_dir(&tools).unwrap();
        symlink(repository("deploy"), root.path().join("deploy")).unwrap();
        symlink(helm.path(), tools.join("helm")).unwrap();
        let kubectl = kubernetes.command("kubectl");
        let words = std::iter::once(kubectl.get_program()).chain(kubectl.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.display())).collect();
        script(&tools.join("kubectl"), &format!("exec {} \"$@\"\n", words.join(" ")));
        let docker = Docker::new(root.path(), &tools);
        Self { kubeconfig: stage.plane.kubeconfig(User::Admin), docker, root }
    }

    /// One line at a shell.
    fn runs(&self, line: &str) -> Kubectl {
        let mut path = self.root.path().join("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .current_dir(self.root.path())
            .env_clear()
            .env("HOME", self.root.path())
            .env("PATH", path)
            .env("KUBECONFIG", &self.kubeconfig);
        Kubectl::of(command)
    }
}

/// A `docker` that builds nothing: it keeps in mind what was built and pushed.
struct Docker {
    log: PathBuf,
}

impl Docker {
    fn new(folder: &Path, tools: &Path) -> Self {
        let log = folder.join("docker.log");
        let text = format!(
            r#"subcommand=$1
for last; do :; done
case $subcommand in
build) [ "$last" = . ] && echo "built $3" >>'{log}' ;;
push) grep -qx "built $last" '{log}' && echo "pushed $last" >>'{log}' ;;
*) exit 64 ;;
esac
"#,
            log = log.display(),
        );
        script(&tools.join("docker"), &text);
        Self { log }
    }

    /// Puts what was pushed where it was pushed to.
    fn deliver(&self, stage: &Stage) {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let pushed: Vec<&str> =
            log.lines().filter_map(|line| line.strip_prefix("pushed ")).collect();
        let [image] = pushed.as_slice() else { panic!("not one image: {pushed:?}") };
        let name = image.strip_prefix(REGISTRY).and_then(|name| name.strip_prefix('/')).unwrap();
        let (repository, tag) = name.split_once(':').unwrap();
        stage.registry.add(repository, tag, &images::simple(repository));
    }
}

fn script(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\nset -eu\n{text}")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs pullcheck as soon as its pods are there, and calls them ready.
async fn node(stage: &Stage) -> Webhook {
    let deployment = until_pods(stage).await;
    // As the container would be started, but for where the configuration is.
    let args = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    let args: Vec<&str> = args.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let ["serve", "--config=/etc/pullcheck/config/config.yaml", args @ ..] = args.as_slice() else {
        panic!("the container is started otherwise: {args:?}");
    };
    let text = configuration(stage).await.text;
    let launch = Launch::default().args(args).config(&text).keeping_its_own();
    let webhook = stage.replica(0, launch).await;
    for pod in pods(stage).await {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let path = format!("/api/v1/namespaces/pullcheck/pods/{name}/status");
        let ready = json!({ "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "True" }],
        } });
        let patch = "application/merge-patch+json";
        let answer = stage.api().ask(Method::PATCH, &path, patch, ready.to_string()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    webhook
}

/// Waits until all pods of the Deployment are made; the Deployment.
async fn until_pods(stage: &Stage) -> Value {
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..600 {
        pace.tick().await;
        let path = "/apis/apps/v1/namespaces/pullcheck/deployments";
        let list = stage.api().get(path).await;
        let deployment = &list["items"][0];
        let wanted = deployment["spec"]["replicas"].as_u64();
        if wanted.is_some_and(|wanted| wanted > 0)
            && pods(stage).await.len() as u64 == wanted.unwrap()
        {
            return deployment.clone();
        }
    }
    panic!("there are no pods of the Deployment");
}

async fn pods(stage: &Stage) -> Vec<Value> {
    let list = stage.api().get("/api/v1/namespaces/pullcheck/pods").await;
    list["items"].as_array().unwrap().clone()
}
