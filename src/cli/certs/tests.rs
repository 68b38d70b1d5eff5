use clap::Parser as _;

use super::*;
use crate::server::tls::{CertificateFiles, Certificates};

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

fn args(line: &[&str]) -> Args {
    Cli::try_parse_from([&["certs"], line].concat()).unwrap().args
}

fn run_in(dir: &Path, line: &[&str]) -> anyhow::Result<String> {
    let mut out = Vec::new();
    let args = Args { dir: dir.to_owned(), ..args(line) };
    run(&args, &mut out)?;
    Ok(String::from_utf8(out)?)
}

#[test]
fn by_default_the_certificate_is_for_this_machine_and_the_service() {
    let args = args(&[]);
    assert_eq!(args.dir, Path::new("certs"));
    assert_eq!(args.hosts, HOSTS);
    assert_eq!((args.days, args.force), (SERVER_DAYS, false));
}

#[test]
fn named_hosts_replace_the_defaults() {
    assert_eq!(
        args(&["--host", "a.example", "--host", "10.0.0.1"]).hosts,
        ["a.example", "10.0.0.1"]
    );
}

#[tokio::test]
async fn what_is_written_can_be_served_and_says_how() {
    let dir = tempfile::tempdir().unwrap();
    let out = run_in(dir.path(), &[]).unwrap();
    let files = CertificateFiles {
        certificate: dir.path().join("tls.crt"),
        key: dir.path().join("tls.key"),
    };
    Certificates::open(files).await.unwrap();
    for says in ["Wrote ", "pullcheck serve --tls-cert ", "kubectl -n pullcheck create secret tls"]
    {
        assert!(out.contains(says), "{out}");
    }
    let ca = std::fs::read(dir.path().join("ca.crt")).unwrap();
    let bundle = out.lines().find_map(|line| line.strip_prefix("caBundle: ")).unwrap();
    assert_eq!(STANDARD.decode(bundle).unwrap(), ca);
    assert!(!out.contains("PRIVATE"), "{out}");
}

#[test]
fn a_second_run_replaces_nothing_unless_forced() {
    let dir = tempfile::tempdir().unwrap();
    run_in(dir.path(), &[]).unwrap();
    let key = std::fs::read(dir.path().join("ca.key")).unwrap();
    let error = run_in(dir.path(), &[]).unwrap_err().to_string();
    assert!(error.starts_with("these are already there: "), "{error}");
    assert_eq!(std::fs::read(dir.path().join("ca.key")).unwrap(), key);
    run_in(dir.path(), &["--force"]).unwrap();
    assert_ne!(std::fs::read(dir.path().join("ca.key")).unwrap(), key);
}

#[test]
fn a_bad_host_or_lifetime_writes_nothing_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    for (line, says) in [
        (&["--host", "https://a.example"][..], "write it without scheme, port and path"),
        (&["--days", "0"], "from 1 to 3650 days, not 0"),
    ] {
        let error = run_in(dir.path(), line).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn paths_are_quoted_for_a_shell_where_they_need_it() {
    for (path, expected) in
        [("certs/ca.crt", "certs/ca.crt"), ("my certs/a", "'my certs/a'"), ("it's", r"'it'\''s'")]
    {
        assert_eq!(quoted(Path::new(path)), expected);
    }
}
