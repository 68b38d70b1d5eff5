//! buildah with a storage of its own: as root, without a daemon, without containers.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use tokio::process::Command;

use crate::parts::{cache, command, debian, netns};

/// A release build on a small machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(45 * 60);

/// The program and where it keeps its images.
pub struct Buildah {
    /// What runs it.
    words: Vec<OsString>,
    folder: PathBuf,
}

impl Buildah {
    /// An error is what this machine lacks.
    pub fn here() -> Result<Self, String> {
        netns::is_allowed()?;
        let words = debian::command_line("buildah", "usr/bin/buildah")?;
        let folder = cache::folder()?.join("image");
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        // Nothing of the machine's own: neither which signatures it wants nor where it pulls from.
        for (name, text) in [
            (POLICY, r#"{ "default": [{ "type": "insecureAcceptAnything" }] }"#),
            (REGISTRIES, "unqualified-search-registries = []\n"),
            (STORAGE, "[storage]\ndriver = \"vfs\"\n"),
        ] {
            let path = folder.join(name);
            // Not while another process reads it.
            if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
                continue;
            }
            std::fs::write(path, text).map_err(|error| error.to_string())?;
        }
        Ok(Self { words, folder })
    }

    /// Where images are kept, and whatever belongs to them.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that whoever uses the storage holds a lock on.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Waits until nobody else uses the storage; it is ours until the file is closed.
    pub fn turn(&self) -> Result<File, String> {
        let file = File::create(self.lock()).map_err(|error| error.to_string())?;
        file.lock().map_err(|error| error.to_string())?;
        Ok(file)
    }

    /// Runs it; what it wrote to both outputs.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<Output, String> {
        let mut command = Command::new("nice");
        command.args(["-n", "10"]).args(self.command_line()).args(arguments);
        command.envs(self.environment());
        command::run_within(command, PATIENCE)
    }

    /// The program with what comes before every subcommand.
    pub fn command_line(&self) -> Vec<OsString> {
        // vfs copies, and works wherever there are files.
        let folder = |name: &str| self.folder.join(name).into_os_string();
        let mut words = self.words.clone();
        words.extend(["--storage-driver".into(), "vfs".into()]);
        words.extend(["--root".into(), folder("storage"), "--runroot".into(), folder("run")]);
        words
    }

    /// The options of `build` and `push`.
    pub fn trusting(&self) -> [OsString; 2] {
        ["--signature-policy".into(), self.folder.join(POLICY).into_os_string()]
    }

    /// The options of `build`.
    pub fn isolated() -> [&'static str; 3] {
        ["--isolation", "chroot", "--pull=never"]
    }

    /// Environment variables that it needs.
    pub fn environment(&self) -> [(&'static str, OsString); 2] {
        [
            ("CONTAINERS_REGISTRIES_CONF", self.folder.join(REGISTRIES).into()),
            ("CONTAINERS_STORAGE_CONF", self.folder.join(STORAGE).into()),
        ]
    }
}

const POLICY: &str = "policy.json";
const REGISTRIES: &str = "registries.conf";
const STORAGE: &str = "storage.conf";
