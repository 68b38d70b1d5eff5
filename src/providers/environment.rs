//! What of our own environment a plugin is given.

use std::ffi::OsString;

/// Where programs, the user's files, temporary files, proxies and root certificates are.
///
/// The kubelet gives its plugins all of its own environment beside the configured variables. That
/// is the node's, and ours is not: what is injected into our pod (`AWS_ROLE_ARN`,
/// `AZURE_CLIENT_ID`, `GOOGLE_APPLICATION_CREDENTIALS`) would make a plugin log in as pullcheck
/// where on a node it logs in as the node, and a refusal of the one says nothing of the other.
/// What a plugin needs beyond these belongs in the configuration's `env`, where a node would read
/// it too.
const NAMES: [&str; 11] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// These variables, as far as they are set.
pub fn inherited() -> Vec<(OsString, OsString)> {
    let set = NAMES.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    set.collect()
}
