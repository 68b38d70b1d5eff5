//! Which Windows containers a Windows host runs: the kernel is shared, so versions must fit.

/// Windows Server 2022. From here on hosts run older containers, and none older than this.
const FIRST_STABLE_BUILD: u16 = 20348;

/// The feature that old images name and no host was ever asked for.
pub(super) const IGNORED_FEATURE: &str = "win32k";

/// `MAJOR.MINOR.BUILD`, all zero where the text is not one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Version {
    major: u8,
    minor: u8,
    build: u16,
}

impl Version {
    /// The first three numbers, of at least three.
    fn parse(text: &str) -> Self {
        let mut numbers = text.split('.');
        let mut next = || numbers.next().filter(|number| is_number(number));
        let version = (|| {
            let (major, minor, build) = (next()?, next()?, next()?);
            Some(Self {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
                build: build.parse().ok()?,
            })
        })();
        version.unwrap_or_default()
    }
}

/// Rust takes a sign, Go does not.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a host of this `os.version` runs a container of that; where one is not known, it does.
pub(super) fn runs(host: &str, container: &str) -> bool {
    let host = Version::parse(host);
    if host == Version::default() || container.is_empty() {
        return true;
    }
    let container = Version::parse(container);
    if (host.major, host.minor) != (container.major, container.minor) {
        return false;
    }
    if host.build < FIRST_STABLE_BUILD {
        return host.build == container.build;
    }
    (FIRST_STABLE_BUILD..=host.build).contains(&container.build)
}
