//! What a person meets who works with kubectl where pullcheck is installed: each command, what it
//! shows, what became of the request and who was asked.

mod changes;
mod creation;
mod secrets;
mod trouble;

use super::stage::{Stage, on_stage, until};
use super::terminal::{Scene, Terminal};
use crate::parts::kubernetes::control_plane::User;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::parts::page;
use crate::support::webhook::Launch;

#[test]
fn kubectl_shows_what_the_page_says_and_every_step_does_what_it_should() {
    on_stage!(
        "cluster::walk::kubectl_shows_what_the_page_says_and_every_step_does_what_it_should",
        Release::Current,
        developer_and_administrator
    );
}

#[test]
fn an_older_kubernetes_leads_to_the_same_verdicts() {
    on_stage!(
        "cluster::walk::an_older_kubernetes_leads_to_the_same_verdicts",
        Release::Old,
        developer
    );
}

async fn developer_and_administrator(kubernetes: &Kubernetes) {
    let stage = begin(kubernetes).await;
    let scenes = walk(&stage, User::Developer).await;
    for scene in &scenes {
        page::hold_part("docs/kubectl.md", scene.name, &scene.markdown(), "cluster");
    }
    stage.kubectl("delete namespace shop staging").succeeds().await;
    for (theirs, scene) in walk(&stage, User::Admin).await.into_iter().zip(scenes) {
        assert_eq!(theirs.markdown(), scene.markdown(), "it hangs on who asks");
    }
}

async fn developer(kubernetes: &Kubernetes) {
    walk(&begin(kubernetes).await, User::Developer).await;
}

async fn begin(kubernetes: &Kubernetes) -> Stage {
    let stage = Stage::start_still(kubernetes).await;
    stage.install().await;
    stage
}

/// All scenes by one user, with a webhook that knows nothing yet: the namespace `shop` enforces,
/// `staging` is in the shipped mode, which warns.
async fn walk(stage: &Stage, user: User) -> Vec<Scene> {
    for (name, mode) in [("shop", Some("enforce")), ("staging", None)] {
        stage.namespace(name, mode).await;
        stage
            .kubectl("create rolebinding developer --clusterrole=edit --user=developer -n")
            .arg(name)
            .succeeds()
            .await;
        until("the developer's rights", async || {
            let asked = stage.kubectl_as(User::Developer, "auth can-i create pods -n").arg(name);
            asked.run().await.code == Some(0)
        })
        .await;
    }
    let webhook = stage.serve(Launch::default().config(SHIPPED)).await;
    stage.until_called("registry.acme.test/none:1").await;

    let mut terminal = Terminal::of(user, stage, &webhook);
    creation::scenes(&mut terminal).await;
    changes::scenes(&mut terminal).await;
    secrets::scenes(&mut terminal).await;
    trouble::scenes(&mut terminal).await;
    terminal.transcript()
}

/// The configuration as it is shipped.
const SHIPPED: &str = include_str!("../../deploy/base/config.yaml");
