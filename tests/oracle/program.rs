//! The built oracle.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::parts::go::Program;

const ORACLE: Program = Program::own("oracle", "tests/oracle");

/// The built program, or why there is none.
pub fn built() -> Result<&'static Path, &'static str> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| ORACLE.built()).as_deref().map_err(String::as_str)
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
