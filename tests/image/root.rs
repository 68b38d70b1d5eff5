//! The image's root file system, and programs that run in it as a container's would: as the
//! image's user, with its environment, unable to write, and seeing no process but their own.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::images::{Image, media};

/// The unpacked image.
pub struct Root {
    folder: TempDir,
    config: Value,
}

impl Root {
    /// Unpacks all layers, one over the other.
    pub fn of(image: &Image) -> Self {
        let folder = TempDir::with_prefix("root-").unwrap();
        for layer in image.blobs.iter().filter(|blob| blob.media_type == media::OCI_LAYER) {
            tar(&layer.bytes, &["-xz", "--numeric-owner", "-C"], Some(folder.path()));
        }
        std::fs::create_dir_all(folder.path().join("proc")).unwrap();
        Self { folder, config: config(image) }
    }

    /// Puts a file there that the image's user may read, as a mount would.
    pub fn put(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The image's program with these arguments, or with the image's own without any.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let words = |key: &str| -> Vec<String> {
            let words = self.config[key].as_array().into_iter().flatten();
            words.map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", SCRIPT, "sh"])
            .arg(self.folder.path())
            .arg(self.config["User"].as_str().unwrap())
            .args(words("Entrypoint"));
        if arguments.is_empty() {
            command.args(words("Cmd"));
        } else {
            command.args(arguments);
        }
        let environment = words("Env");
        let environment = environment.iter().map(|entry| entry.split_once('=').unwrap());
        command.env_clear().envs(environment).stdin(Stdio::null());
        command
    }
}

/// Arguments: the root, the user, and the command to run there.
const SCRIPT: &str = r#"
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t proc proc "$1/proc"
root=$1 user=$2
shift 2
# Beside the shell: who changes users is no longer killed with a parent, but with the first process
# of its PID namespace it is.
chroot --groups= --userspec="$user" "$root" "$@" || exit $?
"#;

/// What the image says about running it.
pub fn config(image: &Image) -> Value {
    let config: Value = serde_json::from_slice(&image.blobs[0].bytes).unwrap();
    config["config"].clone()
}

/// tar over a layer; what it printed.
pub fn tar(layer: &[u8], arguments: &[&str], folder: Option<&Path>) -> String {
    use std::io::Write as _;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(layer).unwrap();
    let output =
        Command::new("tar").args(arguments).args(folder).arg("-f").arg(file.path()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
