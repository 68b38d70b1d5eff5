//! A `docker` for scripts that say `docker build` and `docker push`.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::buildah::Buildah;

/// Writes it; `volumes` are those of the base images.
pub fn written(buildah: &Buildah, volumes: &[String], folder: &Path) -> Result<PathBuf, String> {
    let words = |words: &[OsString]| {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        words.join(" ")
    };
    let environment = buildah.environment().map(|(name, value)| {
        let mut word = OsString::from(format!("{name}="));
        word.push(value);
        word
    });
    let mut build: Vec<OsString> = Buildah::isolated().map(Into::into).into();
    build.extend(volumes.iter().flat_map(|volume| ["--volume".into(), volume.into()]));
    let script = format!(
        r#"#!/bin/sh
# `docker build` and `docker push` by buildah.
set -eu
subcommand=$1
shift
case $subcommand in
build) set -- build {trusting} {build} "$@" ;;
push) set -- push {trusting} "$@" ;;
*)
    echo "docker: only build and push are here, not $subcommand" >&2
    exit 64
    ;;
esac
exec env {environment} flock {lock} nice -n 10 {command} "$@"
"#,
        trusting = words(&buildah.trusting()),
        build = words(&build),
        environment = words(&environment),
        lock = quoted(buildah.lock().as_os_str()),
        command = words(&buildah.command_line()),
    );
    let path = folder.join("docker");
    std::fs::write(&path, script).map_err(|error| error.to_string())?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, executable).map_err(|error| error.to_string())?;
    Ok(path)
}

/// One word of a shell.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}
