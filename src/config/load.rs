//! The edge of the configuration: reads the file and the environment.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::problem::{ConfigErrors, Origin, Problem};
use super::raw::{self, LARGEST, Layer};
use super::resolve::resolve;
use super::{CommonArgs, Config, Front};

pub(super) fn load(common: &CommonArgs, front: &Front) -> Result<Config, ConfigErrors> {
    let env = |name: &str| std::env::var(name).ok();
    let mut args = common.layer(&env);
    let serving = match front {
        Front::Serve(serve) => {
            serve.add_to(&mut args, &env);
            true
        }
        Front::Check(check) => {
            check.add_to(&mut args, &env);
            false
        }
    };
    let name = common.config.as_deref();
    let file = match name {
        Some(name) => read(Path::new(name)).and_then(|text| raw::parse(&text)),
        None => Ok(Layer::default()),
    };
    resolve(&args, file, serving).map_err(|problems| ConfigErrors::new(name, problems))
}

/// The file's text; never more than a little over the bound, whatever the file is.
fn read(path: &Path) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| unreadable("is not UTF-8 text"))
}

fn unreadable(message: &str) -> Problem {
    Problem { origin: Origin::File(None), message: message.to_owned() }
}
