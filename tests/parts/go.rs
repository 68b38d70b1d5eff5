//! Go programs, built once for their sources, their versions and the Go version.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;

use sha2::{Digest, Sha256};

use super::{cache, command};

/// Something to build in a folder with a `go.mod` of ours.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// What it is kept as, followed by a hash.
    pub name: &'static str,
    /// From the package's root.
    pub module: &'static str,
    /// The file there that says what is required, `go.mod` mostly.
    pub modfile: &'static str,
    /// `.` for our own program, or the import path of one that the module requires as a tool.
    pub package: &'static str,
    pub tags: &'static str,
    /// Beside `-s -w`.
    pub ldflags: &'static str,
}

impl Program {
    /// The program whose sources are in the module itself.
    pub const fn own(name: &'static str, module: &'static str) -> Self {
        Self::tool(name, module, ".")
    }

    /// A program of somebody else's at the version that the module requires.
    pub const fn tool(name: &'static str, module: &'static str, package: &'static str) -> Self {
        Self { name, module, modfile: "go.mod", package, tags: "", ldflags: "" }
    }

    /// The built program, or why there is none: what this machine lacks. Panics where the sources
    /// do not compile.
    pub fn built(&self) -> Result<PathBuf, String> {
        // The tests of one binary ask at the same time, and one build is enough.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);

        let version = self.go(&["version"]).map_err(|why| format!("Go cannot be run: {why}"))?;
        let kept = cache::folder()?.join(self.kept_as(&version.stdout));
        if kept.is_file() {
            return Ok(kept);
        }
        std::fs::create_dir_all(kept.parent().unwrap()).map_err(|error| error.to_string())?;
        let modfile = format!("-modfile={}", self.modfile);
        self.go(&["mod", "download", &modfile])
            .map_err(|why| format!("Go's modules cannot be had: {why}"))?;
        // Under a name of this process until it is complete: another one may be building too.
        let unfinished = kept.with_extension(std::process::id().to_string());
        let output = unfinished.to_str().ok_or("the cache folder's name is not UTF-8")?;
        let ldflags = format!("-ldflags=-s -w {}", self.ldflags);
        let arguments = [
            "build",
            "-trimpath",
            &modfile,
            "-tags",
            self.tags,
            &ldflags,
            "-o",
            output,
            self.package,
        ];
        if let Err(why) = self.go(&arguments) {
            panic!("{} of {} does not build: {why}", self.package, self.module);
        }
        std::fs::rename(&unfinished, &kept).unwrap();
        Ok(kept)
    }

    /// The version of another module that this one requires; without the `v`.
    pub fn required(&self, other: &str) -> String {
        let text = std::fs::read_to_string(self.folder().join(self.modfile)).unwrap();
        let mut words = text.split_whitespace().skip_while(|word| *word != other);
        words.nth(1).unwrap_or("unknown").trim_start_matches('v').to_owned()
    }

    /// Where Go keeps the sources of a module that this one requires, or why they cannot be had.
    pub fn module_folder(&self, module: &str) -> Result<PathBuf, String> {
        let modfile = format!("-modfile={}", self.modfile);
        let told = self.go(&["mod", "download", "-json", &modfile, module])?;
        let told: serde_json::Value =
            serde_json::from_slice(&told.stdout).map_err(|error| error.to_string())?;
        let folder = told["Dir"].as_str().ok_or_else(|| format!("{module} has no folder"))?;
        Ok(PathBuf::from(folder))
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.module)
    }

    /// Its name with a hash of all that it is made of.
    fn kept_as(&self, go_version: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(go_version);
        for part in [self.package, self.tags, self.ldflags] {
            hash.update(part);
            hash.update([0]);
        }
        for source in self.sources() {
            hash.update(std::fs::read(source).unwrap());
        }
        hash.finalize()[..8].iter().fold(format!("{}-", self.name), |mut name, byte| {
            write!(name, "{byte:02x}").unwrap();
            name
        })
    }

    fn sources(&self) -> Vec<PathBuf> {
        let modfile = self.folder().join(self.modfile);
        let mut sources = vec![modfile.with_extension("sum"), modfile];
        if self.package == "." {
            let files = std::fs::read_dir(self.folder()).unwrap().map(|file| file.unwrap().path());
            sources.extend(files.filter(|file| file.extension().is_some_and(|it| it == "go")));
            sources.sort();
        }
        sources
    }

    /// Runs Go in the module's folder.
    fn go(&self, arguments: &[&str]) -> Result<Output, String> {
        let mut command = tokio::process::Command::new("go");
        command.args(arguments).current_dir(self.folder());
        // What the user set for modules of their own must not change what is built.
        command.env("GOFLAGS", "-mod=readonly -buildvcs=false").env("GOWORK", "off");
        command.env("CGO_ENABLED", "0");
        if !cache::may_fetch() {
            command.env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
        }
        command::run(command)
    }
}
