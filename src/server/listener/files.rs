//! How many files, and with them connections, this process may open at a time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for every connection that is accepted and as many again for what is asked on their
/// behalf. More is not taken: where the limit is a billion, someone may have a reason for it.
const WANTED: u64 = 4096;

/// Below it there are fewer connections than there could be.
const FEW: u64 = 2048;

/// How many files may be open, after the soft limit was raised as far as it is of use and the hard
/// one allows. It is kept low for the sake of programs that use `select`, of which this is none.
pub fn open_files() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    let mut files = current;
    if current.is_some_and(|now| now < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            files = Some(wanted);
        }
    }
    if let Some(files) = files.filter(|files| *files < FEW) {
        tracing::warn!(
            files,
            "few files may be open at a time, so fewer connections are accepted; raise the limit"
        );
    }
    size(files)
}

/// No limit is as good as a very high one.
fn size(files: Option<u64>) -> usize {
    files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}
