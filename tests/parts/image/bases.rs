//! The two base images, under the names by which the Dockerfile asks for them.
//!
//! The one for building has nothing in it but folders: this machine's compiler, linker and crates
//! are mounted there while it builds, read-only. The one for running is made of this machine's C
//! library and CA certificates, and is what the Dockerfile expects of it: no shell, and a user who
//! is not root.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use super::buildah::Buildah;
use super::root;
use crate::parts::{cache, command};

const BUILD: &str = "FROM scratch
COPY . /
ENV PATH=/toolchain/bin:/usr/bin:/bin CARGO_HOME=/cargo
";

const RUNTIME: &str = "FROM scratch
COPY . /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532
WORKDIR /home/nonroot
";

/// Where Debian has them.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

const CARGO_CONFIG: &str = "[source.crates-io]
replace-with = \"vendored\"
[source.vendored]
directory = \"/vendor\"
";

/// Makes both, and gives what is to be mounted while building, as `--volume` takes it.
pub fn made(buildah: &Buildah) -> Result<Vec<String>, String> {
    let [for_building, for_running] = names();
    let toolchain = text("rustc", &["--print", "sysroot"])?;
    let vendor = vendored(buildah)?;
    make(buildah, &for_building, BUILD, build)?;
    make(buildah, &for_running, RUNTIME, runtime)?;
    let volume = |from: &str, to: &str| format!("{from}:{to}:ro");
    Ok(vec![
        volume("/usr", "/usr"),
        // `cc` is a link to there.
        volume("/etc/alternatives", "/etc/alternatives"),
        volume(&toolchain, "/toolchain"),
        volume(vendor.to_str().ok_or("the cache folder's name is not UTF-8")?, "/vendor"),
    ])
}

/// The names of the base images: of that for building, and of that for running.
pub fn names() -> [String; 2] {
    let dockerfile = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
    ["BUILD_IMAGE", "RUNTIME_IMAGE"].map(|argument| named(&dockerfile, argument))
}

/// What an image built here depends on beside the package's own files: another compiler makes
/// another image.
pub fn ingredients() -> Result<String, String> {
    Ok(format!("{BUILD}{RUNTIME}{}", text("rustc", &["-vV"])?))
}

/// The default of a build argument.
fn named(dockerfile: &str, argument: &str) -> String {
    let begin = format!("ARG {argument}=");
    let line = dockerfile.lines().find_map(|line| line.strip_prefix(&begin));
    line.unwrap_or_else(|| panic!("the Dockerfile has no {argument}")).trim().to_owned()
}

fn make(
    buildah: &Buildah,
    name: &str,
    containerfile: &str,
    fill: fn(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let folder = TempDir::new().map_err(|error| error.to_string())?;
    let (file, files) = (folder.path().join("Containerfile"), folder.path().join("files"));
    std::fs::write(&file, containerfile).map_err(|error| error.to_string())?;
    fill(&files)?;
    let mut arguments = vec!["build".into(), "--file".into(), file.into_os_string()];
    arguments.extend(Buildah::isolated().map(Into::into));
    // Of the same files the same image, or every layer above it would be another one too.
    arguments.extend(["--timestamp".into(), "0".into()]);
    arguments.extend(buildah.trusting());
    arguments.extend(["--tag".into(), name.into(), files.into_os_string()]);
    buildah.run(&arguments).map(|_| ()).map_err(|why| format!("the base image {name}: {why}"))
}

/// Debian's folders, where what is mounted will be.
fn build(files: &Path) -> Result<(), String> {
    for name in ["usr", "etc/alternatives", "cargo", "toolchain", "vendor", "tmp", "root"] {
        std::fs::create_dir_all(files.join(name)).map_err(|error| error.to_string())?;
    }
    for name in ["bin", "lib", "lib64", "sbin"] {
        // An unmerged system would need more than /usr, and none has been released for years.
        let target = std::fs::read_link(Path::new("/").join(name));
        let Ok(target) = target else { continue };
        symlink(target, files.join(name)).map_err(|error| error.to_string())?;
    }
    write(files, "cargo/config.toml", CARGO_CONFIG)?;
    // In the image, so that another compiler reuses no layer.
    write(files, "etc/toolchain", &text("rustc", &["-vV"])?)
}

/// What a Rust program is linked to, the certificates, and a user.
fn runtime(files: &Path) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let linked = text("ldd", &[own.to_str().ok_or("the test's name is not UTF-8")?])?;
    let libraries = linked.split_whitespace().filter(|word| word.starts_with('/'));
    for path in libraries.chain([CERTIFICATES]) {
        let to = files.join(&path[1..]);
        std::fs::create_dir_all(to.parent().unwrap()).map_err(|error| error.to_string())?;
        std::fs::copy(path, to).map_err(|error| format!("{path}: {error}"))?;
    }
    for name in ["home/nonroot", "tmp"] {
        std::fs::create_dir_all(files.join(name)).map_err(|error| error.to_string())?;
    }
    let nonroot = "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
    write(files, "etc/passwd", nonroot)?;
    write(files, "etc/group", "nonroot:x:65532:\n")
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).map_err(|error| error.to_string())?;
    std::fs::write(path, text).map_err(|error| error.to_string())
}

/// The sources of all crates in Cargo.lock, one folder each: no build here asks a registry.
fn vendored(buildah: &Buildah) -> Result<PathBuf, String> {
    let lock = std::fs::read(root().join("Cargo.lock")).unwrap();
    let stamp = crate::support::images::digest(&lock);
    let (folder, done) = (buildah.folder().join("vendor"), buildah.folder().join("vendor.stamp"));
    if std::fs::read_to_string(&done).is_ok_and(|done| done == stamp) {
        return Ok(folder);
    }
    let _ = std::fs::remove_file(&done);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut vendor = Command::new(cargo);
    vendor.args(["vendor", "--locked", "--versioned-dirs"]).arg(&folder).current_dir(root());
    if !cache::may_fetch() {
        vendor.arg("--offline");
    }
    command::run(vendor).map_err(|why| format!("the crates' sources: {why}"))?;
    std::fs::write(done, stamp).map_err(|error| error.to_string())?;
    Ok(folder)
}

/// What a program says.
fn text(program: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    let output = command::run(command).map_err(|why| format!("{program}: {why}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
