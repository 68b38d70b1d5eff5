//! Builds the oracle, once for its sources and the Go version: kept under the user's cache.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// What the program is made of.
const SOURCES: [&str; 3] = ["go.mod", "go.sum", "main.go"];

/// Set to 1 where nothing may be fetched; `tests/run` tells of it.
const NO_FETCH: &str = "PULLCHECK_TEST_NO_FETCH";

/// For one command of Go, on machines where the network swallows packets.
const PATIENCE: Duration = Duration::from_secs(600);

/// The built program, or why there is none.
pub fn built() -> Result<&'static Path, &'static str> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build).as_deref().map_err(String::as_str)
}

/// Panics where the sources do not compile; what a machine lacks is an `Err`.
fn build() -> Result<PathBuf, String> {
    let version = go(&["version"]).map_err(|why| format!("Go cannot be run: {why}"))?;
    let mut hash = Sha256::new();
    hash.update(&version.stdout);
    for source in SOURCES {
        hash.update(std::fs::read(folder().join(source)).unwrap());
    }
    let name = hash.finalize()[..8].iter().fold(String::from("oracle-"), |mut name, byte| {
        write!(name, "{byte:02x}").unwrap();
        name
    });
    let kept = cache()?.join(name);
    if kept.is_file() {
        return Ok(kept);
    }
    std::fs::create_dir_all(kept.parent().unwrap()).map_err(|error| error.to_string())?;
    go(&["mod", "download"]).map_err(|why| format!("Go's modules cannot be had: {why}"))?;
    // Under a name of this process until it is complete: another one may be building too.
    let unfinished = kept.with_extension(std::process::id().to_string());
    let output = unfinished.to_str().ok_or("the cache folder's name is not UTF-8")?;
    if let Err(why) = go(&["build", "-trimpath", "-ldflags=-s -w", "-o", output, "."]) {
        panic!("tests/oracle does not build: {why}");
    }
    std::fs::rename(&unfinished, &kept).unwrap();
    Ok(kept)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

fn cache() -> Result<PathBuf, String> {
    let named = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")));
    Ok(cache.ok_or("neither XDG_CACHE_HOME nor HOME is set")?.join("pullcheck"))
}

/// Runs Go among the sources; what it wrote to stderr if it fails.
fn go(arguments: &[&str]) -> Result<Output, String> {
    let mut command = tokio::process::Command::new("go");
    command.args(arguments).current_dir(folder()).kill_on_drop(true);
    // What the user set for modules of their own must not change what is built.
    command.env("GOFLAGS", "-mod=readonly -buildvcs=false").env("GOWORK", "off");
    command.env("CGO_ENABLED", "0");
    if std::env::var_os(NO_FETCH).is_some_and(|value| value == "1") {
        command.env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let output = runtime
        .block_on(async { tokio::time::timeout(PATIENCE, command.output()).await })
        .map_err(|_| format!("no end after {PATIENCE:?}"))?
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output);
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "))
}

/// The built program; without one the running test is skipped.
macro_rules! oracle {
    () => {
        match crate::program::built() {
            Ok(program) => program,
            Err(why) => crate::skip::skip!(why),
        }
    };
}
pub(crate) use oracle;
