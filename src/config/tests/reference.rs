//! `docs/configuration.md` and the list of settings say what the code does.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Args, CommandFactory};

use super::*;
use crate::config::raw::{flag_of, variable_of};
use crate::config::settings::{self, Default as Fallback, Setting};

const BEGIN: &str = "<!-- The table is made from the code; do not edit it here. -->\n";
const END: &str = "<!-- End of the table. -->\n";

/// Every flag but those of clap itself.
fn flags() -> Vec<Arg> {
    let mut seen = BTreeSet::new();
    [ServeCli::command(), CheckCli::command()]
        .iter()
        .flat_map(clap::Command::get_arguments)
        .filter(|arg| seen.insert(arg.get_id().clone()))
        .cloned()
        .collect()
}

fn long(arg: &Arg) -> String {
    format!("--{}", arg.get_long().unwrap())
}

#[test]
fn every_flag_has_a_variable_and_a_key() {
    let keys: BTreeSet<String> = settings::ALL
        .iter()
        .filter(|setting| setting.flag)
        .map(|setting| flag_of(setting.key))
        .collect();
    // A file cannot name itself.
    let named: BTreeSet<String> =
        flags().iter().map(long).filter(|flag| flag != "--config").collect();
    assert_eq!(named, keys);
    for arg in flags() {
        let env = arg.get_env().unwrap().to_str().unwrap();
        let name = arg.get_long().unwrap().replace('-', "_").to_ascii_uppercase();
        assert_eq!(env, format!("PULLCHECK_{name}"));
    }
    for setting in settings::ALL {
        assert_eq!(
            flag_of(setting.key)
                .replacen("--", "PULLCHECK_", 1)
                .replace('-', "_")
                .to_ascii_uppercase(),
            variable_of(setting.key)
        );
    }
}

/// A wrong value is refused under the key's own name, so none is forgotten on the way from the
/// flag to the check.
#[test]
fn every_flag_and_every_key_reaches_its_check() {
    for setting in settings::ALL {
        let found = with_file(&format!("{}: {{wrong: {{}}}}\n", setting.key), &[]).unwrap_err();
        assert!(found.contains(&format!("FILE:1: {}", setting.key)), "{found}");
    }
    for arg in flags() {
        let flag = long(&arg);
        // No path, word, number, host or address looks like this.
        let wrong = format!("{flag}=\u{1}\0");
        let is_check = CheckArgs::augment_args(clap::Command::new("check"))
            .get_arguments()
            .any(|other| other.get_id() == arg.get_id());
        let found = if is_check { check(&[&wrong]) } else { serve(&[&wrong]) };
        let found = found.unwrap_err().to_string();
        let name = if flag == "--config" { "\\u{1}\\0: cannot be read" } else { &flag };
        assert!(found.contains(&format!("\n  {name}")), "{found}");
    }
}

fn fallback(setting: &Setting) -> String {
    let one = |text: &str| match text {
        "" => "none".to_owned(),
        hosts if setting.key == "nodeCredentials" => {
            hosts.split(',').map(|host| format!("`{host}`")).collect::<Vec<_>>().join(" ")
        }
        text => format!("`{text}`"),
    };
    match setting.default {
        Fallback::Always(text) => one(text),
        Fallback::Each { serve, check } => format!("`{serve}`; `check`: `{check}`"),
        Fallback::Nothing => "none".to_owned(),
    }
}

fn table() -> String {
    let flags = flags();
    let mut text =
        String::from("| key | flag | variable | default | meaning |\n|---|---|---|---|---|\n");
    let config = flags.iter().find(|arg| long(arg) == "--config").unwrap();
    let row = |arg: &Arg| {
        let short = arg.get_short().map(|c| format!("`-{c}`, ")).unwrap_or_default();
        let value = arg.get_value_names().unwrap()[0].as_str();
        let name = long(arg);
        let flag = match value {
            "BOOL" => format!("{short}`{name}`"),
            value => format!("{short}`{name} {value}`"),
        };
        let env = arg.get_env().unwrap().to_str().unwrap();
        (flag, format!("`{env}`"), arg.get_help().unwrap().to_string())
    };
    let (flag, env, help) = row(config);
    writeln!(text, "| | {flag} | {env} | none | {help} |").unwrap();
    for setting in settings::ALL {
        let arg = flags.iter().find(|arg| long(arg) == flag_of(setting.key));
        let (flag, env, help) = match arg {
            Some(arg) => row(arg),
            None => (String::new(), String::new(), "see below".to_owned()),
        };
        let default = fallback(setting);
        writeln!(text, "| `{}` | {flag} | {env} | {default} | {help} |", setting.key).unwrap();
    }
    text
}

fn document() -> (std::path::PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// Run with `PULLCHECK_BLESS=1` to write the table anew.
#[test]
fn the_reference_is_fresh() {
    let (path, text) = document();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("PULLCHECK_BLESS").is_some() {
        fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(written, table, "run the tests once with PULLCHECK_BLESS=1");
    for setting in settings::ALL.iter().filter(|setting| !setting.flag) {
        assert!(after.contains(&format!("`{}`", setting.key)), "{} is explained", setting.key);
    }
}

#[test]
fn the_examples_of_the_reference_load() {
    let (_, text) = document();
    let examples: Vec<&str> =
        text.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(examples.len() >= 2);
    for example in examples {
        assert!(with_file(example, &[]).is_ok(), "{example}{:?}", with_file(example, &[]));
    }
}
