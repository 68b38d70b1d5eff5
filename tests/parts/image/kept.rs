//! Building only what changed, and keeping no more than the last builds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::buildah::Buildah;
use super::{Built, bases, root};

/// How many images are kept, of this checkout and of others: ten megabytes each.
const KEPT: usize = 8;

/// Of how many the layers are kept, too: each has the target folder of a release build twice.
const LAYERS_KEPT: usize = 2;

/// What goes into an image: by name, from the package's root.
const INGREDIENTS: [&str; 6] =
    ["Dockerfile", ".dockerignore", "Cargo.toml", "Cargo.lock", "LICENSE", "src"];

/// The image for the sources as they are now.
pub fn built(buildah: &Buildah) -> Result<Built, String> {
    let builds = buildah.folder().join("builds");
    std::fs::create_dir_all(&builds).map_err(|error| error.to_string())?;
    for _ in 0..ATTEMPTS {
        let key = key()?;
        let build = builds.join(&key);
        let layout = build.join("layout");
        if layout.is_dir() {
            return Ok(Built { layout });
        }
        // A build that was interrupted leaves its copy of a whole image behind.
        let _ = buildah.run(&["rm", "--all"]);
        let begin = std::time::Instant::now();
        let log = make(buildah, &build)?;
        println!("the Dockerfile was built in {:?}", begin.elapsed());
        std::fs::write(build.join(LOG), log).map_err(|error| error.to_string())?;
        forget(buildah, &builds)?;
        // Somebody may have gone on writing, and then nobody knows what is in it.
        if key == self::key()? {
            // Complete under its name or not there.
            let unfinished = build.join(UNFINISHED);
            std::fs::rename(unfinished, &layout).map_err(|error| error.to_string())?;
        }
    }
    Err("the sources change while they are built".to_owned())
}

/// How often a build is begun again because the sources have changed meanwhile.
const ATTEMPTS: usize = 3;

/// What the build said.
const LOG: &str = "log";
const UNFINISHED: &str = "unfinished";

/// Builds, and exports; what buildah said, which names every layer's image.
fn make(buildah: &Buildah, build: &Path) -> Result<String, String> {
    let _ = std::fs::remove_dir_all(build);
    std::fs::create_dir(build).map_err(|error| error.to_string())?;
    let mut arguments = vec!["build".into()];
    for volume in bases::made(buildah)? {
        arguments.extend(["--volume".into(), volume.into()]);
    }
    arguments.extend(Buildah::isolated().map(Into::into));
    arguments.push("--layers".into());
    arguments.extend(buildah.trusting());
    arguments.extend(["--tag".into(), IMAGE.into(), root().into()]);
    let output = match buildah.run(&arguments) {
        Ok(output) => output,
        Err(why) => panic!("the Dockerfile does not build: {why}"),
    };
    let [_, base] = bases::names();
    for (image, name) in [(IMAGE.to_owned(), Built::PULLCHECK), (base, Built::BASE)] {
        let to = format!("oci:{}:{name}", build.join(UNFINISHED).display());
        let mut arguments = vec!["push".into()];
        arguments.extend(buildah.trusting());
        arguments.extend([image.into(), to.into()]);
        if let Err(why) = buildah.run(&arguments) {
            panic!("what was built cannot be written to a folder: {why}");
        }
    }
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(format!("{stdout}\n{stderr}"))
}

/// The name in buildah's storage.
const IMAGE: &str = "localhost/pullcheck:tests";

/// Removes all but the last builds, and every layer that none of the last of them made or used.
fn forget(buildah: &Buildah, builds: &Path) -> Result<(), String> {
    let mut kept: Vec<PathBuf> = std::fs::read_dir(builds)
        .map_err(|error| error.to_string())?
        .flatten()
        .map(|build| build.path())
        .collect();
    let age = |build: &PathBuf| build.metadata().and_then(|it| it.modified()).ok();
    kept.sort_by_key(age);
    let old = kept.len().saturating_sub(KEPT);
    for build in kept.drain(..old) {
        let _ = std::fs::remove_dir_all(build);
    }
    let last = kept.iter().rev().take(LAYERS_KEPT);
    let logs = last.map(|build| std::fs::read_to_string(build.join(LOG)));
    let logs: String = logs.filter_map(Result::ok).collect();
    // `--> 6e24bc5f8ca`, `--> Using cache 6e24bc5f8ca...`
    let used: Vec<&str> = logs
        .lines()
        .filter_map(|line| line.strip_prefix("--> "))
        .filter_map(|line| line.split_whitespace().next_back())
        .collect();
    let output = buildah.run(&["images", "--all", "--json"])?;
    let images: Vec<Value> =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    for image in images {
        let id = image["id"].as_str().unwrap_or_default();
        let names: Vec<&str> =
            image["names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let is_base = bases::names().iter().any(|base| names.contains(&base.as_str()));
        if !is_base && !used.iter().any(|used| id.starts_with(used) || used.starts_with(id)) {
            // By force, because docker's builds have names of their own. One that others stand on
            // goes when they have gone, at the latest next time.
            let _ = buildah.run(&["rmi", "--force", id]);
        }
    }
    Ok(())
}

/// A hash of all that the image is made of.
fn key() -> Result<String, String> {
    let mut hash = Sha256::new();
    hash.update(bases::ingredients()?);
    let mut files = Vec::new();
    for name in INGREDIENTS {
        collect(&root().join(name), &mut files)?;
    }
    files.sort();
    for file in files {
        let content = std::fs::read(&file).map_err(|error| error.to_string())?;
        let name = file.strip_prefix(root()).unwrap_or(&file).to_string_lossy().into_owned();
        hash.update(format!("{name}\0{}\0", content.len()));
        hash.update(content);
    }
    Ok(hash.finalize()[..8].iter().fold(String::new(), |mut name, byte| {
        write!(name, "{byte:02x}").unwrap();
        name
    }))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(|error| error.to_string())? {
        collect(&entry.map_err(|error| error.to_string())?.path(), files)?;
    }
    Ok(())
}
