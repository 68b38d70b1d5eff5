//! The whole way from text to a [`Config`].

use std::fs;
use std::process::Command;

use clap::Parser;

use super::*;
use crate::causes::Code;
use crate::glob::any_matches;
use crate::policy::{Action, Mode, PodMutation};

mod file;
mod reference;

#[derive(Debug, Parser)]
struct ServeCli {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Parser)]
struct CheckCli {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    check: CheckArgs,
}

fn serve(flags: &[&str]) -> Result<Config, ConfigErrors> {
    let cli = ServeCli::try_parse_from([&["pullcheck"], flags].concat()).unwrap();
    Config::load(&cli.common, &Front::Serve(cli.serve))
}

fn check(flags: &[&str]) -> Result<Config, ConfigErrors> {
    let cli = CheckCli::try_parse_from([&["pullcheck"], flags].concat()).unwrap();
    Config::load(&cli.common, &Front::Check(cli.check))
}

/// `serve` with a file of this text and these flags; problems name the file `FILE`.
fn with_file(text: &str, flags: &[&str]) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pullcheck.yaml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    serve(&[flags, &["--config", path]].concat())
        .map_err(|errors| errors.to_string().replace(path, "FILE"))
}

fn code(name: &str) -> Code {
    Code::find(name).unwrap()
}

#[test]
fn without_anything_every_front_has_its_defaults() {
    let served = serve(&[]).unwrap();
    assert_eq!(served.policy, Policy::default());
    assert_eq!(served.timeout, Duration::from_secs(5));
    assert_eq!(served.serve.listen.to_string(), "[::]:8443");
    assert_eq!(served.serve.metrics_listen.to_string(), "[::]:8080");
    assert_eq!((served.serve.tls, served.serve.no_cluster), (None, false));
    assert_eq!(served.log_format, LogFormat::Json);

    let checked = check(&[]).unwrap();
    assert_eq!(checked.policy, Policy { mode: Mode::Enforce, ..Policy::default() });
    assert_eq!(checked.check.namespace, "default");
    assert_eq!(checked.check.output, Output::Human);
    assert!(!checked.check.cluster);
}

#[test]
fn runtimes_are_given_by_flag_and_by_file() {
    let flags = serve(&["--runtime", "containerd/1.7,containerd/2.1", "--runtime", "cri-o/1.34"]);
    let file = with_file("runtime: [containerd/1.7, containerd/2.1, cri-o/1.34]", &[]);
    let shown =
        |config: Config| config.runtimes.iter().map(ToString::to_string).collect::<Vec<String>>();
    let expected = ["containerd 1.7", "containerd 2.1", "cri-o 1.34"];
    assert_eq!(shown(flags.unwrap()), expected);
    assert_eq!(shown(file.unwrap()), expected);
    assert!(serve(&[]).unwrap().runtimes.is_empty());
}

#[test]
fn nodes_log_in_to_the_clouds_registries_by_default() {
    let hosts = serve(&[]).unwrap().node_credentials;
    for host in [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "123456789012.dkr-ecr.eu-west-1.on.aws",
        "gcr.io",
        "eu.gcr.io",
        "europe-docker.pkg.dev",
        "acme.azurecr.io",
        "acme.azurecr.us",
    ] {
        assert!(any_matches(&hosts, host), "{host}");
    }
    for host in ["docker.io", "ghcr.io", "quay.io", "gcr.io.evil.example", "public.ecr.aws"] {
        assert!(!any_matches(&hosts, host), "{host}");
    }
}

#[test]
fn flags_win_over_the_file() {
    let file = "mode: audit\ntimeout: 2s\nnodeMirrors: [a.example]\nnoCluster: true\n";
    let config = with_file(file, &[]).unwrap();
    assert_eq!((config.policy.mode, config.timeout), (Mode::Audit, Duration::from_secs(2)));
    assert!(config.serve.no_cluster && any_matches(&config.node_mirrors, "a.example"));

    let flags = ["--mode", "enforce", "--node-mirrors", "b.example", "--no-cluster=false"];
    let config = with_file(file, &flags).unwrap();
    assert_eq!((config.policy.mode, config.timeout), (Mode::Enforce, Duration::from_secs(2)));
    assert!(!config.serve.no_cluster);
    assert!(any_matches(&config.node_mirrors, "b.example"));
    assert!(!any_matches(&config.node_mirrors, "a.example"));
}

#[test]
fn lists_may_be_repeated_or_separated_by_commas_or_emptied() {
    let expected = ["10.0.0.0/8", "192.168.1.1/32"];
    for flags in [
        &["--allow-address", "10.0.0.0/8", "--allow-address", "192.168.1.1"][..],
        &["--allow-address", "10.0.0.0/8, 192.168.1.1"],
    ] {
        let ranges = serve(flags).unwrap().allow_addresses;
        assert_eq!(ranges.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }
    let config = with_file("allowAddress: 10.0.0.0/8,192.168.1.1\n", &[]).unwrap();
    assert_eq!(config.allow_addresses.len(), 2);
    assert!(serve(&["--node-credentials", ""]).unwrap().node_credentials.is_empty());
    assert!(with_file("nodeCredentials: []\n", &[]).unwrap().node_credentials.is_empty());
}

#[test]
fn ports_are_numbers_or_ranges_however_they_are_written() {
    let shipped = serve(&[]).unwrap().serve.registry_ports;
    assert_eq!(shipped, [80..=80, 443..=443, 1024..=65535]);
    let expected = [443..=443, 5000..=5010];
    let by_flag = serve(&["--registry-ports", "443, 5000-5010"]).unwrap();
    assert_eq!(by_flag.serve.registry_ports, expected);
    for text in ["registryPorts: [443, 5000-5010]\n", "registryPorts: \"443,5000-5010\"\n"] {
        assert_eq!(with_file(text, &[]).unwrap().serve.registry_ports, expected, "{text}");
    }
    assert_eq!(with_file("registryPorts: 443\n", &[]).unwrap().serve.registry_ports, [443..=443]);
    for (text, said) in [
        ("registryPorts: []\n", "FILE:1: registryPorts: names no port"),
        ("registryPorts: [0]\n", "FILE:1: registryPorts[0]: \"0\" is no port"),
        ("registryPorts: [70000]\n", "\"70000\" is no port; write such as 443 or 5000-5010"),
        ("registryPorts: [9-7]\n", "\"9-7\" is no port"),
        ("registryPorts: [https]\n", "\"https\" is no port"),
    ] {
        let found = with_file(text, &[]).unwrap_err();
        assert!(found.contains(said), "{text}: {found}");
        assert!(!found.contains("2 problems"), "{text}: {found}");
    }
}

#[test]
fn a_denied_range_is_a_range_or_all_private_ones() {
    let denied = |text: &str| {
        let ranges = serve(&["--deny-address", text]).map_err(|error| error.to_string())?;
        let ranges = ranges.serve.deny_addresses.iter().map(ToString::to_string);
        Ok::<Vec<String>, String>(ranges.collect())
    };
    assert_eq!(denied("192.0.2.7,fd00::/8").unwrap(), ["192.0.2.7/32", "fd00::/8"]);
    assert_eq!(
        denied("private").unwrap(),
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
    );
    assert!(denied("privat").unwrap_err().contains("did you mean private?"));
    assert!(denied("10.0.0.1/8").unwrap_err().contains("write 10.0.0.0/8"));
    assert!(denied("everything").unwrap_err().contains("such as 10.0.0.0/8, or private"));
}

#[test]
fn a_switch_needs_no_value() {
    assert!(serve(&["--no-cluster"]).unwrap().serve.no_cluster);
    assert!(check(&["--cluster", "-n", "shop"]).unwrap().check.cluster);
    assert_eq!(check(&["-n", "shop", "-o", "json"]).unwrap().check.output, Output::Json);
}

#[test]
fn events_are_off_and_need_the_api_server() {
    assert!(!serve(&[]).unwrap().serve.events);
    assert!(serve(&["--events"]).unwrap().serve.events);
    let found = serve(&["--events", "--no-cluster"]).unwrap_err().to_string();
    assert!(found.contains("--events: needs the API server"), "{found}");
    assert!(serve(&["--events=false", "--no-cluster"]).is_ok());
}

#[test]
fn wrong_flags_are_reported_together_with_the_file() {
    let found = with_file(
        "timeout: 5\n",
        &["--mode", "enfroce", "--jobs", "0", "--allow-address", "10.0.0.0/8,nowhere"],
    );
    assert_eq!(
        found.unwrap_err(),
        "the configuration has 4 problems:\n  \
         FILE:1: timeout: \"5\" has no unit; write a time with its unit, such as 5s or 500ms\n  \
         --allow-address: \"nowhere\" is no address range; write such as 10.0.0.0/8\n  \
         --jobs: \"0\" is no number of 1 to 1024\n  \
         --mode: \"enfroce\" is not known; did you mean enforce?"
    );
}

#[test]
fn a_certificate_needs_its_key() {
    let tls = serve(&["--tls-cert", "tls.crt", "--tls-key", "tls.key"]).unwrap().serve.tls;
    let files = TlsFiles { cert: "tls.crt".into(), key: "tls.key".into() };
    assert_eq!(tls, Some(TlsSource::Files(files)));
    let found = serve(&["--tls-cert", "tls.crt"]).unwrap_err().to_string();
    assert_eq!(found, "the configuration has a problem:\n  --tls-cert: needs tlsKey too");
    let found = with_file("mode: warn\ntlsKey: tls.key\n", &[]).unwrap_err();
    assert!(found.contains("FILE:2: tlsKey: needs tlsCert too"), "{found}");
    assert!(with_file("tlsKey: tls.key\n", &["--tls-cert", "tls.crt"]).is_ok());
}

#[test]
fn a_certificate_of_its_own_has_a_secret_and_names() {
    let tls = |args: &[&str]| serve(args).map(|config| config.serve.tls.unwrap());
    let secret = |hosts: &[&str], webhook_configuration: &str| {
        TlsSource::Secret(TlsSecret {
            namespace: "guard".to_owned(),
            name: "own.tls".to_owned(),
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            webhook_configuration: webhook_configuration.to_owned(),
        })
    };
    let given = ["--tls-secret", "guard/own.tls"];
    assert_eq!(tls(&given).unwrap(), secret(&["pullcheck.guard.svc"], "pullcheck"));
    let more = [&given[..], &["--tls-host=A.Example,::0:1", "--webhook-configuration", "other"]];
    assert_eq!(tls(&more.concat()).unwrap(), secret(&["a.example", "::1"], "other"));
    for (more, told) in [
        (&["--tls-cert", "c", "--tls-key", "k"][..], "--tls-secret: cannot be beside tlsCert"),
        (&["--no-cluster"][..], "--no-cluster: cannot be beside tlsSecret"),
        (&["--tls-host", "a:8443"][..], "--tls-host: \"a:8443\" is no DNS name or IP address"),
        (&["--webhook-configuration", "../a"][..], "\"../a\" can be no object"),
    ] {
        let found = tls(&[&given[..], more].concat()).unwrap_err().to_string();
        assert!(found.contains(told), "{found}");
    }
    for wrong in ["own", "guard/", "/own", "guard/a/b", "Guard/own", "guard/../own", "guard/a?b"] {
        assert!(serve(&["--tls-secret", wrong]).is_err(), "{wrong}");
    }
    let found = serve(&["--tls-host", "a.example"]).unwrap_err().to_string();
    assert!(found.contains("--tls-host: needs tlsSecret too"), "{found}");
    let alone = ["--webhook-configuration", "other", "--tls-cert", "c", "--tls-key", "k"];
    let found = serve(&alone).unwrap_err().to_string();
    assert!(found.contains("--webhook-configuration: needs tlsSecret too"), "{found}");
}

/// The environment is the process's own, so this test runs itself as another process, which
/// prints what it loaded.
#[test]
fn the_environment_wins_over_the_file_and_flags_over_the_environment() {
    const CHILD: &str = "PULLCHECK_TEST_FLAGS";
    if let Ok(flags) = std::env::var(CHILD) {
        match serve(&flags.split_whitespace().collect::<Vec<_>>()) {
            Ok(config) => println!(
                "mode {}; jobs {}; hosts {}; no cluster {}",
                config.policy.mode,
                config.jobs,
                config.insecure_registries.join(" "),
                config.serve.no_cluster
            ),
            Err(errors) => println!("{errors}"),
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pullcheck.yaml");
    fs::write(&file, "mode: audit\njobs: 7\nnoCluster: true\n").unwrap();
    let run = |flags: &str, env: &[(&str, &str)]| {
        let name = "the_environment_wins_over_the_file_and_flags_over_the_environment";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--nocapture", name])
            .env("PULLCHECK_CONFIG", &file)
            .env(CHILD, flags)
            .envs(env.iter().copied())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run("", &[]);
    assert!(said.contains("mode audit; jobs 7; hosts ; no cluster true"), "{said}");
    let env = [
        ("PULLCHECK_MODE", "enforce"),
        ("PULLCHECK_INSECURE_REGISTRY", "a.example,b.example:5000"),
        ("PULLCHECK_NO_CLUSTER", "false"),
    ];
    let said = run("", &env);
    let expected = "mode enforce; jobs 7; hosts a.example b.example:5000; no cluster false";
    assert!(said.contains(expected), "{said}");
    let said = run("--mode off --insecure-registry c.example", &env);
    assert!(said.contains("mode off; jobs 7; hosts c.example; no cluster false"), "{said}");
    let said = run("--jobs none", &[("PULLCHECK_MODE", "loud"), ("PULLCHECK_TIMEOUT", "")]);
    for line in ["  PULLCHECK_MODE: \"loud\" ", "  PULLCHECK_TIMEOUT: ", "  --jobs: \"none\" "] {
        assert!(said.contains(line), "{said}");
    }
}
