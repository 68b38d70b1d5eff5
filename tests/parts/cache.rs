//! The folder in which built and unpacked parts are kept from one run to the next.

use std::path::PathBuf;

/// Set to 1 where nothing may be fetched; `tests/run` tells of it.
const NO_FETCH: &str = "PULLCHECK_TEST_NO_FETCH";

/// `pullcheck` under the user's cache folder.
pub fn folder() -> Result<PathBuf, String> {
    let named = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")));
    Ok(cache.ok_or("neither XDG_CACHE_HOME nor HOME is set")?.join("pullcheck"))
}

/// Whether anything may come from the network.
pub fn may_fetch() -> bool {
    std::env::var_os(NO_FETCH).is_none_or(|value| value != "1")
}
