//! Debian's packages, unpacked and never installed: some start a daemon when they are.

use std::ffi::OsString;
use std::fmt::Write as _;
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

/// A program that is linked to libraries which may be missing too: the words of a command that runs
/// it, to be followed by arguments.
///
/// Where the package is not installed, the dynamic linker is told of the unpacked libraries by a
/// cache of its own, seen by this program only: programs that run themselves again drop
/// `LD_LIBRARY_PATH`. This needs root.
pub fn command_line(package: &str, path: &str) -> Result<Vec<OsString>, String> {
    let program = program(package, path)?;
    let kept = cache::folder()?.join(release());
    if !program.starts_with(&kept) {
        return Ok(vec![program.into()]);
    }
    let linker = kept.join(format!("{package}.ld.so.cache"));
    if !linker.is_file() {
        make_linker_cache(package, &linker)?;
    }
    let run = "mount --bind \"$1\" /etc/ld.so.cache; shift; exec \"$@\"";
    let words = ["unshare", "--mount", "sh", "-euc", run, "sh"].map(OsString::from);
    Ok(words.into_iter().chain([linker.into(), program.into()]).collect())
}

/// A cache of the system's libraries and of those that an installation would bring.
fn make_linker_cache(package: &str, path: &Path) -> Result<(), String> {
    let mut folders = String::new();
    for name in needed(package)? {
        let libraries = unpacked(&name)?.join("usr/lib");
        let beneath = std::fs::read_dir(&libraries).into_iter().flatten().flatten();
        // The folder of the architecture is among them.
        let beneath = beneath.map(|entry| entry.path()).filter(|path| path.is_dir());
        for folder in beneath.chain([libraries]) {
            writeln!(folders, "{}", folder.display()).unwrap();
        }
    }
    folders += &std::fs::read_to_string("/etc/ld.so.conf").unwrap_or_default();
    let folder = tempfile::TempDir::new().map_err(|error| error.to_string())?;
    let (conf, cache) = (folder.path().join("conf"), folder.path().join("cache"));
    std::fs::write(&conf, folders).map_err(|error| error.to_string())?;
    let mut ldconfig = Command::new("/sbin/ldconfig");
    ldconfig.args(["-X", "-f"]).arg(conf).arg("-C").arg(&cache);
    command::run(ldconfig)?;
    std::fs::copy(cache, path).map_err(|error| error.to_string())?;
    Ok(())
}

/// The packages that an installation would bring.
fn needed(package: &str) -> Result<Vec<String>, String> {
    let mut simulate = Command::new("apt-get");
    simulate.args(["install", "--simulate", "--no-install-recommends", package]);
    let output = command::run(simulate)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = text.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
    Ok(names.filter(|name| *name != package).map(str::to_owned).collect())
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
