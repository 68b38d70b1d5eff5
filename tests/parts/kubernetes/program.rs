//! Kubernetes as one program of ours, or as somebody else built it: envtest's convention.

use std::path::PathBuf;
use std::process::Command;

use crate::parts::go::Program;

/// Names a folder with `etcd`, `kube-apiserver` and others, to be used instead of ours.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// What a control plane and its user need.
const NEEDED: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];

/// Which Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    Current,
    /// The oldest that is held against.
    Old,
}

impl Release {
    /// As its module is required.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Current => "v1.36.3",
            Self::Old => "v1.34.4",
        }
    }

    const fn program(self) -> Program {
        match self {
            Self::Current => Program {
                // kubectl complains about a server without a version.
                ldflags: "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
                    -X k8s.io/component-base/version.gitMajor=1 \
                    -X k8s.io/component-base/version.gitMinor=36",
                ..Program::own("kubernetes", "tests/kubernetes")
            },
            Self::Old => Program {
                modfile: "go-1.34.mod",
                ldflags: "-X k8s.io/component-base/version.gitVersion=v1.34.4 \
                    -X k8s.io/component-base/version.gitMajor=1 \
                    -X k8s.io/component-base/version.gitMinor=34",
                ..Program::own("kubernetes-1.34", "tests/kubernetes")
            },
        }
    }
}

/// The programs of one release.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    /// Has every part.
    own: Option<PathBuf>,
    /// May have some.
    assets: Option<PathBuf>,
}

impl Kubernetes {
    /// Builds it unless it is there, or says why not. The first time takes minutes.
    ///
    /// What `KUBEBUILDER_ASSETS` has comes first, for the current release.
    pub fn built(release: Release) -> Result<Self, String> {
        let assets = std::env::var_os(ASSETS).filter(|_| release == Release::Current);
        Self::with(assets.map(PathBuf::from), || release.program().built())
    }

    fn with(
        assets: Option<PathBuf>,
        build: impl FnOnce() -> Result<PathBuf, String>,
    ) -> Result<Self, String> {
        let is_complete = |folder: &PathBuf| NEEDED.iter().all(|it| folder.join(it).is_file());
        let own = if assets.as_ref().is_some_and(is_complete) { None } else { Some(build()?) };
        Ok(Self { own, assets })
    }

    /// A part by upstream's name: `kube-apiserver`, `kubectl`.
    pub fn command(&self, part: &str) -> Command {
        let theirs = self.assets.as_ref().map(|folder| folder.join(part));
        if let Some(theirs) = theirs.filter(|theirs| theirs.is_file()) {
            return Command::new(theirs);
        }
        let own = self.own.as_ref().unwrap_or_else(|| panic!("{ASSETS} has no {part}"));
        let mut command = Command::new(own);
        command.arg(part);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_stamped_is_the_one_that_is_required() {
        for (release, module) in [
            (Release::Current, include_str!("../../kubernetes/go.mod")),
            (Release::Old, include_str!("../../kubernetes/go-1.34.mod")),
        ] {
            let version = release.version();
            assert!(module.contains(&format!("k8s.io/kubernetes {version}\n")), "{version}");
            let stamp = format!("gitVersion={version} ");
            assert!(release.program().ldflags.contains(&stamp), "{version}");
        }
    }

    #[test]
    fn parts_that_are_given_are_used_and_the_rest_is_built() {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(folder.path().join("kube-apiserver"), "").unwrap();
        let built = || Ok(PathBuf::from("/built"));
        let some = Kubernetes::with(Some(folder.path().to_owned()), built).unwrap();
        let theirs = folder.path().join("kube-apiserver");
        assert_eq!(some.command("kube-apiserver").get_program(), theirs);
        assert_eq!(some.command("kubectl").get_program(), "/built");

        for part in NEEDED {
            std::fs::write(folder.path().join(part), "").unwrap();
        }
        let all = Kubernetes::with(Some(folder.path().to_owned()), || Err("no Go".to_owned()));
        assert!(all.is_ok());
    }
}
