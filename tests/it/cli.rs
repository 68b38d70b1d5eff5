//! The command line itself: help, variables, mistakes in flags and configuration.

use std::path::Path;

use crate::support::check::{Run, check};
use crate::support::contract::Report;

const COMMANDS: [&str; 4] = ["serve", "check", "demo", "certs"];
const EMPTY_POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n";

fn repository(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).to_str().unwrap().to_owned()
}

async fn help(command: &str) -> String {
    let ran = Run::of(&[command, "--help"]).run().await;
    ran.expect_code(0);
    assert_eq!(ran.stderr, "");
    ran.stdout
}

/// The flags of a help text, each with the lines that explain it.
fn flags(help: &str) -> Vec<(String, String)> {
    let mut flags: Vec<(String, String)> = Vec::new();
    for line in help.lines() {
        let words = line.trim_start();
        let flag = words.split([' ', '[', '=']).find(|word| word.starts_with("--"));
        match (flag.filter(|_| words.starts_with('-')), flags.last_mut()) {
            (Some(flag), _) => flags.push((flag.to_owned(), words.to_owned())),
            (None, Some((_, text))) => {
                text.push(' ');
                text.push_str(words);
            }
            (None, None) => {}
        }
    }
    flags
}

#[tokio::test]
async fn every_flag_says_its_variable_and_what_it_is() {
    for command in COMMANDS {
        let help = help(command).await;
        let flags = flags(&help);
        assert!(!flags.is_empty(), "{help}");
        for (flag, text) in flags.iter().filter(|(flag, _)| flag != "--help") {
            let variable = flag.trim_start_matches('-').replace('-', "_").to_ascii_uppercase();
            assert!(text.contains(&format!("[env: PULLCHECK_{variable}]")), "{command}: {text}");
        }
    }
}

#[tokio::test]
async fn the_help_of_each_front_gives_its_own_defaults_and_never_what_is_set() {
    let (check, serve) = (help("check").await, help("serve").await);
    for (help, defaults) in [
        (&check, ["--mode enforce", "--timeout 30s", "--jobs 32", "--namespace default"]),
        (&serve, ["--mode warn", "--timeout 5s", "--listen [::]:8443", "--log-format json"]),
    ] {
        for default in defaults {
            let (flag, value) = default.split_once(' ').unwrap();
            let (_, text) = flags(help).into_iter().find(|(name, _)| name == flag).unwrap();
            assert!(text.contains(&format!("[default: {value}]")), "{default}: {text}");
        }
    }
    assert!(check.contains("Exit status:\n  0  nothing would be denied\n"), "{check}");
    let ran = Run::of(&["check", "--help"]).env("PULLCHECK_CA_FILE", "/some/where").run().await;
    assert!(!ran.stdout.contains("/some/where"), "{ran}");
    let all = Run::of(&["--help"]).run().await;
    for command in COMMANDS {
        assert!(all.stdout.contains(&format!("\n  {command} ")), "{all}");
    }
}

#[tokio::test]
async fn a_misspelt_command_or_flag_is_corrected() {
    for (args, tip) in [
        (vec!["chekc"], "'check'"),
        (vec!["check", "--moed", "warn", "-"], "'--mode'"),
        (vec!["check", "--insecure-registries", "x", "-"], "'--insecure-registry'"),
        (vec!["serve", "--tls-crt", "x"], "'--tls-cert'"),
    ] {
        let ran = Run::of(&args).run().await;
        ran.expect_code(2);
        assert!(ran.stderr.contains("similar") && ran.stderr.contains(tip), "{ran}");
    }
    let ran = Run::of(&["check"]).run().await;
    ran.expect_code(2);
    assert!(ran.stderr.contains("<FILE|DIR|->..."), "{ran}");
}

#[tokio::test]
async fn every_mistake_in_the_settings_is_told_at_once_with_its_place() {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("config.yaml");
    std::fs::write(&file, "mode: enforced\ntimeout: 5\njob: 3\nactions: {tag-not-fond: deny}\n")
        .unwrap();
    let name = file.to_str().unwrap();
    for front in ["check", "serve"] {
        let mut run = Run::of(&[front, "--config", name, "--quota-floor", "2"])
            .env("PULLCHECK_INSECURE_REGISTRY", "http://x.test");
        if front == "check" {
            run = run.args(&["-"]);
        }
        let ran = run.run().await;
        ran.expect_code(2);
        let lines: Vec<&str> = ran.stderr.lines().map(str::trim).collect();
        assert_eq!(lines[0], "error: the configuration has 6 problems:", "{ran}");
        for (line, start) in lines[1..].iter().zip([
            &format!("{name}:1: mode: \"enforced\" is not known"),
            &format!("{name}:2: timeout: \"5\" has no unit"),
            &format!("{name}:3: key \"job\" is not known; did you mean jobs?"),
            &format!(
                "{name}:4: actions: \"tag-not-fond\" is not known; did you mean tag-not-found?"
            ),
            "PULLCHECK_INSECURE_REGISTRY: \"http://x.test\" is more than a host; write x.test",
            "--quota-floor: \"2\" is no share",
        ]) {
            assert!(line.starts_with(start), "{start}: {ran}");
        }
        assert_eq!(ran.stdout, "");
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_told_before_anything_is_checked() {
    let ran = check(&["--cluster", "-"]).stdin(EMPTY_POD).run().await;
    ran.expect_code(2);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.starts_with("error: no API server is known"), "{ran}");
    assert!(ran.stderr.contains("--kubeconfig"), "{ran}");
    let args = ["--cluster", "--kubeconfig", "/nonexistent/kubeconfig", "-"];
    let ran = check(&args).stdin(EMPTY_POD).run().await;
    ran.expect_code(2);
    assert!(ran.stderr.contains("kubeconfig /nonexistent/kubeconfig: it cannot be read"), "{ran}");
}

#[tokio::test]
async fn files_that_flags_name_must_be_there_and_fit() {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("not-json");
    std::fs::write(&file, "no\n").unwrap();
    let file = file.to_str().unwrap();
    for (flag, path, told) in [
        ("--ca-file", "/nonexistent", "--ca-file /nonexistent cannot be read"),
        ("--docker-config", "/nonexistent", "--docker-config /nonexistent cannot be read"),
        ("--docker-config", file, "the data is not JSON"),
        ("--certs-d", "/nonexistent", "--certs-d /nonexistent cannot be read"),
        ("--certs-d", file, "cannot be read"),
        ("--config", "/nonexistent", "/nonexistent: cannot be read"),
        ("--config", file, "is no configuration"),
        ("--ca-file", file, "root certificates"),
    ] {
        let ran = check(&[flag, path, "-"]).stdin(EMPTY_POD).run().await;
        ran.expect_code(2);
        assert!(ran.stderr.contains(told), "{flag} {path}: {ran}");
        assert_eq!(ran.stdout, "");
    }
}

/// The shipped configuration is one that both fronts take.
#[tokio::test]
async fn the_shipped_configuration_loads() {
    let config = repository("deploy/base/config.yaml");
    let bad = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{image: U}]}\n";
    let ran = check(&["--config", &config, "-o", "json", "-"]).stdin(bad).run().await;
    // Its mode is warn.
    ran.expect_code(0);
    assert_eq!(Report::of(&ran).summary.warned, 1);
    let ran = Run::of(&["serve", "--config", &config]).run().await;
    ran.expect_code(2);
    assert!(ran.stderr.contains("there is no certificate to serve"), "{ran}");
}

/// `pullcheck check` on the repository's own manifests, without asking for their image.
#[tokio::test]
async fn the_shipped_manifests_are_read() {
    let dir = tempfile::TempDir::new().unwrap();
    let exempt = dir.path().join("config.yaml");
    std::fs::write(&exempt, "exempt: {images: ['*']}\n").unwrap();
    let args = ["-o", "json", "--config", exempt.to_str().unwrap(), &repository("deploy/base")];
    let ran = check(&args).run().await;
    ran.expect_code(0);
    let report = Report::of(&ran);
    let kinds: Vec<&str> = report.objects.iter().map(|object| object.kind.as_str()).collect();
    assert_eq!(kinds, ["Deployment"], "{ran}");
    assert!(!ran.stderr.contains("error: "), "{ran}");
}

#[test]
fn the_json_in_the_documentation_is_the_contract() {
    let page = std::fs::read_to_string(repository("docs/check.md")).unwrap();
    let json = page.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
    let report: Report = serde_json::from_str(json).unwrap();
    assert_eq!(report.shown().len(), 1);
}

/// Colours would be the only control characters; there are none, asked for or not.
#[tokio::test]
async fn nothing_but_text_is_printed_where_there_is_no_terminal() {
    for variable in ["NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"] {
        let bad = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: U}]}\n";
        let ran = check(&["-"]).env(variable, "1").stdin(bad).run().await;
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran}");
        assert_eq!(ran.stderr, "", "no progress either");
    }
}
