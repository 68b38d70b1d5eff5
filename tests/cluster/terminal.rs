//! A user at a terminal: what is typed, what kubectl shows, and what pullcheck did meanwhile.

mod did;
mod transcript;

use tempfile::TempDir;

pub use did::{Did, Step};
pub use transcript::Scene;

use super::stage::Stage;
use crate::parts::kubernetes::control_plane::User;
use crate::support::webhook::Webhook;

/// The terminal, in a folder with the manifests that were written.
pub struct Terminal<'a> {
    pub stage: &'a Stage,
    webhook: &'a Webhook,
    user: User,
    folder: TempDir,
    scenes: Vec<Scene>,
    /// What stands for a value that a page must not show, and the value.
    variables: Vec<(String, String)>,
}

impl<'a> Terminal<'a> {
    /// Of one user; nobody else must ask this webhook for anything meanwhile.
    pub fn of(user: User, stage: &'a Stage, webhook: &'a Webhook) -> Self {
        let folder = TempDir::new().unwrap();
        Self { stage, webhook, user, folder, scenes: Vec::new(), variables: Vec::new() }
    }

    /// Begins a scene of the transcript.
    pub fn scene(&mut self, name: &'static str) {
        self.scenes.push(Scene::named(name));
    }

    /// Makes `$NAME` stand for a value, in what is typed and in manifests.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Writes a manifest, and shows it in the scene.
    pub fn file(&mut self, name: &str, text: &str) {
        self.file_unseen(name, text);
        self.current().file(name, text);
    }

    /// Writes a manifest.
    pub fn file_unseen(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), self.filled_in(text)).unwrap();
    }

    /// Types a command, `kubectl ...`, as a part of the scene.
    pub async fn types(&mut self, line: &str) -> Step {
        let step = self.unseen(line).await;
        self.current().command(line, &step.shown);
        step
    }

    /// Types a command that no transcript shows.
    pub async fn unseen(&self, line: &str) -> Step {
        self.run(self.user, line).await
    }

    /// The same as the administrator.
    pub async fn admin(&self, line: &str) -> Step {
        self.run(User::Admin, line).await
    }

    /// The scenes so far.
    pub fn transcript(self) -> Vec<Scene> {
        self.scenes
    }

    async fn run(&self, user: User, line: &str) -> Step {
        let arguments = self.filled_in(line.strip_prefix("kubectl ").unwrap());
        let before = Did::so_far(self.stage, self.webhook).await;
        let kubectl = self.stage.kubectl_as(user, "").within(self.folder.path());
        let (code, shown) = words(&arguments).fold(kubectl, |it, word| it.arg(&word)).shown().await;
        let did = Did::so_far(self.stage, self.webhook).await.since(&before);
        Step { line: line.to_owned(), code, shown, did }
    }

    fn filled_in(&self, text: &str) -> String {
        let fill = |text: String, (name, value): &(String, String)| {
            text.replace(&format!("${name}"), value)
        };
        self.variables.iter().fold(text.to_owned(), fill)
    }

    fn current(&mut self) -> &mut Scene {
        self.scenes.last_mut().expect("no scene has begun")
    }
}

/// The words of a command line; single quotes keep blanks.
fn words(line: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words.into_iter().filter(|word| !word.is_empty())
}
