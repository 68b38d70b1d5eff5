//! Debian's packages, unpacked and never installed: some start a daemon when they are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tokio::process::Command;

use super::{cache, command};

/// The folder with a package's files (`usr/bin/...`), or why there is none.
pub fn unpacked(package: &str) -> Result<PathBuf, String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);

    let kept = cache::folder()?.join(release()).join(package);
    if kept.is_dir() {
        return Ok(kept);
    }
    if !cache::may_fetch() {
        return Err(format!("the package {package} is not kept, and nothing may be fetched"));
    }
    let parent = kept.parent().ok_or("the cache folder has no parent")?;
    std::fs::create_dir_all(parent).map_err(|error| error.to_string())?;
    let folder = tempfile::TempDir::new_in(parent).map_err(|error| error.to_string())?;
    unpack(package, folder.path()).map_err(|why| format!("the package {package}: {why}"))?;
    // Fails where another process was faster, whose work is as good.
    if std::fs::rename(folder.path(), &kept).is_ok() {
        let _now_elsewhere = folder.keep();
    }
    Ok(kept)
}

/// A program: the one that is installed, or else from the package, by its path there.
pub fn program(package: &str, path: &str) -> Result<PathBuf, String> {
    let name = Path::new(path).file_name().unwrap_or_default();
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&folders).map(|folder| folder.join(name));
    match installed.into_iter().find(|candidate| candidate.is_file()) {
        Some(installed) => Ok(installed),
        None => Ok(unpacked(package)?.join(path)),
    }
}

/// A program that is linked to libraries which may be missing too, and the folders of those that
/// are, as `LD_LIBRARY_PATH` takes them; none if the program is installed.
pub fn program_with_libraries(package: &str, path: &str) -> Result<(PathBuf, OsString), String> {
    let program = program(package, path)?;
    let kept = cache::folder()?.join(release());
    if !program.starts_with(&kept) {
        return Ok((program, OsString::new()));
    }
    let list = kept.join(format!("{package}.needs"));
    if !list.is_file() {
        std::fs::write(&list, needed(package)?).map_err(|error| error.to_string())?;
    }
    let names = std::fs::read_to_string(&list).map_err(|error| error.to_string())?;
    let mut folders = Vec::new();
    for name in names.lines() {
        let libraries = unpacked(name)?.join("usr/lib");
        let beneath = std::fs::read_dir(&libraries).into_iter().flatten().flatten();
        // The one folder of this architecture.
        folders.extend(
            beneath.map(|it| it.path()).filter(|it| it.to_string_lossy().ends_with("-gnu")),
        );
        folders.push(libraries);
    }
    let folders = std::env::join_paths(folders).map_err(|error| error.to_string())?;
    Ok((program, folders))
}

/// The packages that an installation would bring, one a line.
fn needed(package: &str) -> Result<String, String> {
    let mut simulate = Command::new("apt-get");
    simulate.args(["install", "--simulate", "--no-install-recommends", package]);
    let output = command::run(simulate)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = text.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
    Ok(names.filter(|name| *name != package).map(|name| format!("{name}\n")).collect())
}

fn unpack(package: &str, folder: &Path) -> Result<(), String> {
    let downloaded = folder.join("downloaded");
    std::fs::create_dir(&downloaded).map_err(|error| error.to_string())?;
    if let Err(why) = download(package, &downloaded) {
        // The lists may be old, or absent as in container images; only root can renew them.
        let mut update = Command::new("apt-get");
        update.arg("update");
        command::run(update).map_err(|_| why)?;
        download(package, &downloaded)?;
    }
    for file in std::fs::read_dir(&downloaded).map_err(|error| error.to_string())? {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("-x").arg(file.map_err(|error| error.to_string())?.path()).arg(folder);
        command::run(unpack)?;
    }
    std::fs::remove_dir_all(&downloaded).map_err(|error| error.to_string())
}

fn download(package: &str, folder: &Path) -> Result<(), String> {
    let mut download = Command::new("apt-get");
    download.args(["download", package]).current_dir(folder);
    command::run(download).map(|_| ())
}

/// `debian-12`, `ubuntu-24.04`: another release has other versions.
fn release() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or("unknown").trim_matches('"').to_owned()
    };
    format!("{}-{}", value("ID="), value("VERSION_ID="))
}
