//! The five commands of `docs/install.md`, run as a reader would.
//!
//! Docker is a script, and the test is the node: a process with the arguments, the configuration and
//! the rights of the pods answers in their place, and they are called ready.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
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
use crate::parts::reader::{self, commands, script, shell, told};
use crate::support::images;
use crate::support::skip;
use crate::support::webhook::{Launch, Webhook};

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
    let commands = commands(REGISTRY);
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
    assert_eq!(ran.stderr, told(REGISTRY), "the page shows another text");
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
        reader::tools(&tools, helm, kubernetes);
        let docker = Docker::new(root.path(), &tools);
        Self { kubeconfig: stage.plane.kubeconfig(User::Admin), docker, root }
    }

    /// One line at a shell.
    fn runs(&self, line: &str) -> Kubectl {
        let (root, tools) = (self.root.path(), self.root.path().join("bin"));
        Kubectl::of(shell(line, root, &tools, &self.kubeconfig))
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
