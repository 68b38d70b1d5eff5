//! A `docker` for people's own commands: `build`, `push` and `run`, by buildah.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::buildah::Buildah;

/// Writes it; `volumes` are those of the base images.
pub fn written(buildah: &Buildah, volumes: &[String], folder: &Path) -> Result<PathBuf, String> {
    let mut build: Vec<OsString> = Buildah::isolated().map(Into::into).into();
    build.push("--layers".into());
    build.extend(volumes.iter().flat_map(|volume| ["--volume".into(), volume.into()]));
    let exports = buildah.environment().map(|(name, value)| format!("{name}={}", quoted(&value)));
    let script = SCRIPT
        .replace("@exports@", &exports.join(" "))
        .replace("@lock@", &quoted(buildah.lock().as_os_str()))
        .replace("@buildah@", &words(&buildah.command_line()))
        .replace("@trusting@", &words(&buildah.trusting()))
        .replace("@build@", &words(&build));
    let path = folder.join("docker");
    std::fs::write(&path, script).map_err(|error| error.to_string())?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, executable).map_err(|error| error.to_string())?;
    Ok(path)
}

const SCRIPT: &str = r#"#!/bin/sh
# docker's build, push and run, by buildah.
set -eu
export @exports@
exec 9>@lock@
flock 9
buildah() { nice -n 10 @buildah@ "$@"; }

# --rm, --user, --volume and --workdir, the image, and arguments for its entrypoint.
run() {
    user='' volume='' folder=''
    while :; do
        case $1 in
        --rm) shift ;;
        --user) user=$2; shift 2 ;;
        --volume) volume=$2; shift 2 ;;
        --workdir) folder=$2; shift 2 ;;
        -*) refuse "run $1" ;;
        *) break ;;
        esac
    done
    container=$(buildah from --pull=never @trusting@ "$1")
    trap 'buildah rm "$container" >/dev/null' EXIT
    shift
    entrypoint=$(buildah inspect --format '{{index .OCIv1.Config.Entrypoint 0}}' "$container")
    buildah run --isolation chroot ${user:+--user "$user"} ${volume:+--volume "$volume"} \
        ${folder:+--workingdir "$folder"} "$container" -- "$entrypoint" "$@"
}

refuse() {
    echo "this docker has no $1" >&2
    exit 64
}

subcommand=$1
shift
case $subcommand in
build) buildah build @trusting@ @build@ "$@" ;;
push) buildah push @trusting@ "$@" ;;
run) run "$@" ;;
*) refuse "$subcommand" ;;
esac
"#;

fn words(words: &[OsString]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// One word of a shell.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}
