//! TLS as the files say: authorities, client certificates, no checks, and plain HTTP.

use super::super::fake::{Fake, answer, status};
use super::super::world::{
    Ca, assert_found, ca, certificate, certificate_of, client_pem, foreign_certificate, look,
    trouble,
};
use super::{Told, asked, client, client_with, mirror, reading, tree};
use crate::facts::{Outcome, TroubleKind, Unchecked};
use crate::registry::{ClientConfig, RegistryClient};

/// A client that takes these files for the folder of `reg.test`.
fn folder(names: &[(&str, &Fake)], files: &[(&str, &str)]) -> Told {
    let paths: Vec<_> =
        files.iter().map(|(name, text)| (format!("reg.test/{name}"), *text)).collect();
    let files: Vec<_> = paths.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    reading(tree(&files), names, |_| {})
}

async fn kind(client: &RegistryClient) -> TroubleKind {
    trouble(look(client, "reg.test/app:1").await).kind
}

#[tokio::test]
async fn an_authority_is_trusted_by_the_host_that_names_it_alone() {
    let own = ca("of the mirrors");
    let one = Fake::tls(certificate_of(&own, "one.test", None), |_| status(404)).await;
    let two = Fake::tls(certificate_of(&own, "two.test", None), mirror).await;
    let names = [("one.test", &one), ("two.test", &two)];
    let pem = own.pem();
    let with = |hosts: &str| folder(&names, &[("hosts.toml", hosts), ("own/ca.pem", &pem)]);
    let both = with(
        "server = \"https://two.test\"\nca = \"own/ca.pem\"\n\
                              [host.\"https://one.test\"]\nca = [\"own/ca.pem\"]\n",
    );
    assert_found(&look(&both, "reg.test/app:1").await);
    assert_eq!(asked(&one), 1);
    let only_one = with(
        "server = \"https://two.test\"\n\
                                  [host.\"https://one.test\"]\nca = \"own/ca.pem\"\n",
    );
    assert_eq!(kind(&only_one).await, TroubleKind::Tls);
    assert_eq!(asked(&one), 2);
}

#[tokio::test]
async fn the_systems_authorities_stay_trusted() {
    let fake = Fake::tls(certificate("m.test"), mirror).await;
    let pem = ca("another").pem();
    let hosts = "server = \"https://m.test\"\nca = \"ca.pem\"\n";
    let client = folder(&[("m.test", &fake)], &[("hosts.toml", hosts), ("ca.pem", &pem)]);
    assert_found(&look(&client, "reg.test/app:1").await);
}

#[tokio::test]
async fn certificates_go_unchecked_only_where_that_is_said() {
    let fake = Fake::tls(foreign_certificate("m.test"), mirror).await;
    let names = [("m.test", &fake)];
    let with = |skip: &str| client(&names, &format!("server = \"https://m.test\"\n{skip}\n"));
    assert_found(&look(&with("skip_verify = true"), "reg.test/app:1").await);
    assert_eq!(kind(&with("skip_verify = false")).await, TroubleKind::Tls);
    assert_eq!(kind(&with("")).await, TroubleKind::Tls);
}

#[tokio::test]
async fn a_loopback_host_that_is_named_is_checked_like_any_other() {
    let fake = Fake::tls(foreign_certificate("127.0.0.1"), mirror).await;
    let hosts = format!("server = \"https://{}\"\n", fake.address);
    assert_eq!(kind(&client(&[], &hosts)).await, TroubleKind::Tls);
    let hosts = format!("{hosts}skip_verify = true\n");
    assert_found(&look(&client(&[], &hosts), "reg.test/app:1").await);
}

async fn guarded(clients: &Ca) -> Fake {
    let own = ca("of the servers");
    Fake::tls(certificate_of(&own, "m.test", Some(clients)), mirror).await
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks_for_one() {
    let clients = ca("of the clients");
    let fake = guarded(&clients).await;
    let names = [("m.test", &fake)];
    let (certificate, key) = client_pem(&clients);
    let (other, other_key) = client_pem(&ca("of others"));
    let whole = format!("{certificate}{key}");
    let files = |hosts: &str| {
        let hosts = format!("server = \"https://m.test\"\nskip_verify = true\n{hosts}\n");
        folder(
            &names,
            &[
                ("hosts.toml", &hosts),
                ("c.pem", &certificate),
                ("c.key", &key),
                ("whole.pem", &whole),
                ("o.pem", &other),
                ("o.key", &other_key),
            ],
        )
    };
    for good in [
        "client = [[\"c.pem\", \"c.key\"]]",
        "client = \"whole.pem\"",
        "client = [\"whole.pem\"]",
        // The first that the server takes.
        "client = [[\"o.pem\", \"o.key\"], \"whole.pem\"]",
    ] {
        let client = files(good);
        assert_found(&look(&client, "reg.test/app:1").await);
    }
    for bad in ["", "client = [[\"o.pem\", \"o.key\"]]"] {
        let client = files(bad);
        let outcome = look(&client, "reg.test/app:1").await;
        assert!(matches!(outcome, Outcome::Trouble(_)), "{bad}: {outcome:?}");
    }
    for broken in ["client = [[\"c.pem\", \"o.key\"]]", "client = \"c.pem\"", "client = \"none\""] {
        let client = files(broken);
        let outcome = look(&client, "reg.test/app:1").await;
        assert!(
            matches!(outcome, Outcome::NotChecked(Unchecked::NodeFiles(_))),
            "{broken}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn certificate_files_alone_are_those_of_the_registry_itself() {
    let own = ca("of the registry");
    let clients = ca("of the clients");
    let fake = Fake::tls(certificate_of(&own, "reg.test", Some(&clients)), mirror).await;
    let (certificate, key) = client_pem(&clients);
    let names = [("reg.test", &fake)];
    let files =
        [("ca.crt", own.pem()), ("node.cert", certificate.clone()), ("node.key", key.clone())];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let complete = folder(&names, &files);
    assert_found(&look(&complete, "reg.test/app:1").await);
    // A hosts.toml that containerd cannot read is as good as none.
    let unreadable = [&files[..], &[("hosts.toml", "capabilities = [\"mirror\"]")]].concat();
    let dropped = folder(&names, &unreadable);
    assert_found(&look(&dropped, "reg.test/app:1").await);
    let readable = [&files[..], &[("hosts.toml", "# and no certificate\n")]].concat();
    let ignored = folder(&names, &readable);
    assert_eq!(kind(&ignored).await, TroubleKind::Tls);
    let lacking = folder(&names, &files[..1]);
    let outcome = look(&lacking, "reg.test/app:1").await;
    assert!(matches!(outcome, Outcome::Trouble(_)), "{outcome:?}");
}

#[tokio::test]
async fn one_unusable_file_fails_every_pull_and_is_named() {
    let fake = Fake::plain(mirror).await;
    for (hosts, said) in [
        ("[host.\"https://x.test\"]\nca = \"/nonexistent/ca.pem\"", "/nonexistent/ca.pem cannot"),
        (
            "[host.\"https://x.test\"]\nca = \"hosts.toml\"",
            "hosts.toml holds no usable certificate",
        ),
        ("[host.\"https://x.test\"]\nca = \"\"", "it is no file"),
    ] {
        let hosts = format!("server = \"http://m.test\"\n{hosts}\n");
        let client = folder(&[("m.test", &fake)], &[("hosts.toml", &hosts)]);
        let outcome = look(&client, "reg.test/app:1").await;
        let Outcome::NotChecked(Unchecked::NodeFiles(why)) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains(said), "{why}");
    }
    assert!(fake.lines().is_empty());
}

#[tokio::test]
async fn http_means_http_and_with_tls_settings_tls_first() {
    let plain = Fake::plain(mirror).await;
    let tls = Fake::tls(foreign_certificate("m.test"), mirror).await;
    let with = |fake: &Fake, hosts: &str| client(&[("m.test", fake)], hosts);
    assert_found(&look(&with(&plain, "server = \"http://m.test\"\n"), "reg.test/app:1").await);
    let both = "server = \"http://m.test\"\nskip_verify = true\n";
    assert_found(&look(&with(&plain, both), "reg.test/app:1").await);
    assert_found(&look(&with(&tls, both), "reg.test/app:1").await);
    let eighty = "server = \"http://m.test:80\"\nskip_verify = true\n";
    assert_found(&look(&with(&plain, eighty), "reg.test/app:1").await);
    assert!(matches!(look(&with(&tls, eighty), "reg.test/app:1").await, Outcome::Trouble(_)));
    let https = "server = \"https://m.test\"\nskip_verify = true\n";
    assert_eq!(kind(&with(&plain, https)).await, TroubleKind::PlainHttp);
}

#[tokio::test]
async fn a_hosts_tls_settings_hold_for_where_it_leads_to() {
    let realm = "Bearer realm=\"https://auth.test/token\"";
    let guard = move |seen: &super::Seen| match seen.authorization.as_deref() {
        Some(_) => mirror(seen),
        None => answer(401, &[("www-authenticate", realm)], ""),
    };
    let own = ca("of the mirror");
    let fake = Fake::tls(certificate_of(&own, "m.test", None), guard).await;
    let token = |_: &super::Seen| super::super::login::good_token();
    let tokens = Fake::tls(certificate_of(&own, "auth.test", None), token).await;
    let hosts = "server = \"https://m.test\"\nca = \"ca.pem\"\n";
    let client = folder(
        &[("m.test", &fake), ("auth.test", &tokens)],
        &[("hosts.toml", hosts), ("ca.pem", &own.pem())],
    );
    assert_found(&look(&client, "reg.test/app:1").await);
    assert_eq!(tokens.lines().len(), 1);
}

#[tokio::test]
async fn an_insecure_registry_is_one_whoever_names_it() {
    let fake = Fake::tls(foreign_certificate("m.test"), mirror).await;
    let insecure = |config: &mut ClientConfig| config.insecure_hosts = vec!["m.test".to_owned()];
    let hosts = "server = \"https://m.test\"\n";
    let client = client_with(&[("m.test", &fake)], hosts, insecure);
    assert_found(&look(&client, "reg.test/app:1").await);
}
