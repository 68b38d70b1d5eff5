//! pullcheck's own image, really built: the Dockerfile as it is, by Debian's buildah, over base
//! images that stand in for those it names and are made of this machine.
//!
//! A build takes as long as a release build does, so what came of it is kept by all that it was
//! made of, and the layers of the last builds for the next one: the dependencies are compiled again
//! only when they change.

mod bases;
mod buildah;
mod docker;
mod kept;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use buildah::Buildah;

/// What a build came to.
#[derive(Debug)]
pub struct Built {
    /// An OCI layout with the image, and with the base image that it is built on.
    pub layout: PathBuf,
}

impl Built {
    /// The name of pullcheck's image in the layout.
    pub const PULLCHECK: &str = "pullcheck";
    /// The name of the base image in the layout.
    pub const BASE: &str = "base";
}

/// The image, built unless it is kept; or why there is none: what this machine lacks. Panics where
/// the Dockerfile does not build.
pub fn built() -> Result<Built, String> {
    // One failure is enough: a build takes minutes.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    let buildah = Buildah::here()?;
    let _alone = ONE_AT_A_TIME.lock().expect("another test says why the Dockerfile does not build");
    // Two builds at a time would only take turns anyway, and what is kept is kept for all.
    let _turn = buildah.turn()?;
    kept::built(&buildah)
}

/// Writes a `docker` into a folder, for a `PATH`: its `build`, `push` and `run` are buildah's, over
/// the same base images and the same kept layers, and so `build` is quick after [`built`]. To push
/// where the system does not trust the certificate, set `SSL_CERT_FILE`.
pub fn docker(folder: &Path) -> Result<PathBuf, String> {
    let buildah = Buildah::here()?;
    let volumes = {
        let _turn = buildah.turn()?;
        bases::made(&buildah)?
    };
    docker::written(&buildah, &volumes, folder)
}

/// The package's root, which is what is built from.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
