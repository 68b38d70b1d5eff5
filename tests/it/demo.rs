//! `pullcheck demo` beyond what it prints, which the README's own test holds.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use crate::support::check::PULLCHECK;

#[test]
fn it_leaves_the_webhook_serving_until_interrupted_if_asked() {
    let mut child = Command::new(PULLCHECK)
        .args(["demo", "--keep"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let last = lines.find(|line| line.starts_with("the webhook listens on https://")).unwrap();
    let address = last.split(['/', ' ']).find(|part| part.starts_with("127.0.0.1:")).unwrap();
    // It accepts a connection, so that it is still there.
    drop(std::net::TcpStream::connect(address).unwrap());
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    let mut errors = String::new();
    child.stderr.unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(errors, "");
}

#[test]
fn a_reader_that_goes_away_hears_nothing_more() {
    let mut child = Command::new(PULLCHECK)
        .arg("demo")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(2));
}
