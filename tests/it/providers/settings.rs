//! Both settings or neither, and everything that is wrong at once, before anything is asked.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

use crate::support::executable::executable;

#[tokio::test]
async fn flags_variables_and_the_file_say_the_same() {
    let mut scene = Scene::new().await;
    let password = scene.logins.add("node", &[REPOSITORY]);
    let script = login(&scene.host, "node", &password);
    scene.plugins.add("ours", &scene.host, &script);
    let (config, folder) = (scene.plugins.config(), scene.plugins.path(""));
    let (config, folder) = (config.to_str().unwrap(), folder.to_str().unwrap());
    let yaml = format!("credentialProviderConfig: {config}\ncredentialProviderBinDir: {folder}\n");
    let file = scene.plugins.path("pullcheck.yaml");
    std::fs::write(&file, yaml).unwrap();
    let manifest = stream(&[service_account("default", &[]), pod(&pod_spec(&scene.image))]);
    let plain = || check(&["-", "-o", "json"]).stdin(&manifest);
    for run in [
        plain().args(&scene.plugins.flags()),
        plain().args(&["--config", file.to_str().unwrap()]),
        plain()
            .env("PULLCHECK_CREDENTIAL_PROVIDER_CONFIG", config)
            .env("PULLCHECK_CREDENTIAL_PROVIDER_BIN_DIR", folder),
    ] {
        assert_eq!(Report::of(&run.run().await).shown(), []);
    }
    assert_eq!(scene.plugins.runs("ours"), 3);
}

#[tokio::test]
async fn one_setting_without_the_other_is_refused() {
    for (flag, other) in [
        ("--credential-provider-config", "credentialProviderBinDir"),
        ("--credential-provider-bin-dir", "credentialProviderConfig"),
    ] {
        let ran = check(&["-", flag, "/nowhere"]).run().await;
        ran.expect_code(2);
        assert!(ran.stderr.contains(&format!("{flag}: needs {other} too")), "{ran}");
    }
}

#[tokio::test]
async fn a_folder_of_files_is_one_configuration() {
    let mut scene = Scene::new().await;
    let password = scene.logins.add("node", &[REPOSITORY]);
    let (bad, good) = (login(&scene.host, "bad", "pw"), login(&scene.host, "node", &password));
    let folder = TempDir::new().unwrap();
    let mut plugins = Plugins::new();
    for (name, script, file) in [("b", &good, "20.yml"), ("a", &bad, "10.json")] {
        let mut one = Plugins::new();
        one.add(name, &scene.host, script);
        plugins.add(name, &scene.host, script);
        std::fs::copy(one.config(), folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("README.md"), "not this one").unwrap();
    std::fs::create_dir(folder.path().join("sub.yaml")).unwrap();
    scene.plugins = plugins;
    let config = folder.path().to_str().unwrap();
    let report = scene.report(&["--config", "/dev/null"]).await;
    assert_eq!(report.shown(), []);
    let bin = scene.plugins.path("");
    let manifest = stream(&[service_account("default", &[]), pod(&pod_spec(&scene.image))]);
    let run = check(&["-", "-o", "json", "--credential-provider-config", config])
        .args(&["--credential-provider-bin-dir", bin.to_str().unwrap()])
        .stdin(&manifest);
    assert_eq!(Report::of(&run.run().await).shown(), []);
    // By the names of the files: the one that is refused is asked with first.
    assert_eq!(scene.logins.refused().last().map(String::as_str), Some("bad"));

    let empty = TempDir::new().unwrap();
    let ran = check(&["-", "--credential-provider-config", empty.path().to_str().unwrap()])
        .args(&["--credential-provider-bin-dir", bin.to_str().unwrap()])
        .run()
        .await;
    ran.expect_code(2);
    assert!(ran.stderr.contains("has no file *.json, *.yaml or *.yml; name"), "{ran}");
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_by_both_fronts() {
    let mut plugins = Plugins::new();
    plugins.add("fine", "r.io", "");
    plugins.add_with("old", "r.io", "", &json!({ "apiVersion": "v0" }));
    plugins.add_with("gone", "%", "", &json!({ "defaultCacheDuration": "1 day", "argz": [] }));
    plugins.add("flat", "r.io", "");
    plugins.add("folder", "r.io", "");
    std::fs::remove_file(plugins.path("gone")).unwrap();
    std::fs::remove_file(plugins.path("folder")).unwrap();
    std::fs::create_dir(plugins.path("folder")).unwrap();
    let draft = plugins.path("flat.draft");
    std::fs::copy(draft, plugins.path("flat")).unwrap();
    let flat = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(plugins.path("flat"), flat).unwrap();
    let flags = plugins.flags();
    let (config, bin) = (&flags[1], &flags[3]);
    let expected = format!(
        "error: the credential providers have 7 problems:
  {config}: providers[2].argz: is no field; did you mean args?
  {config}: providers[1].apiVersion: \"v0\" is not known; write \
         credentialprovider.kubelet.k8s.io/v1, credentialprovider.kubelet.k8s.io/v1beta1 or \
         credentialprovider.kubelet.k8s.io/v1alpha1
  {config}: providers[2].matchImages[0]: \"%\" cannot be read; write HOST[:PORT][/PATH], * in the \
         host only
  {config}: providers[2].defaultCacheDuration: \"1 day\" is no time of 0 or more; write such as 12h
  {config}: providers[2].name: {bin}/gone does not exist; put the provider's executable there
  {config}: providers[3].name: {bin}/flat may not be executed; set its mode to 0755
  {config}: providers[4].name: {bin}/folder is a folder, not an executable; put the provider's \
         executable there
"
    );
    let ran = check(&["-"]).args(&flags).run().await;
    ran.expect_code(2);
    assert_eq!(ran.stderr, expected);
    let leaf = crate::support::tls::Ca::mint().good();
    let (cert, key) = (leaf.cert_file(), leaf.key_file());
    let serve = Run::of(&["serve", "--no-cluster", "--listen", "127.0.0.1:0"])
        .args(&["--metrics-listen", "127.0.0.1:0"])
        .args(&["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()])
        .args(&flags)
        .run()
        .await;
    serve.expect_code(2);
    assert_eq!(serve.stderr, expected);
}

#[tokio::test]
async fn what_is_not_there_or_not_a_configuration_is_told() {
    let mut plugins = Plugins::new();
    plugins.add("fine", "r.io", "");
    let bin = plugins.path("");
    let bin = bin.to_str().unwrap().trim_end_matches('/');
    let config = plugins.config();
    let config = config.to_str().unwrap();
    executable(&plugins.path("binary.yaml"), "\u{0}");
    let latin = plugins.path("latin.yaml");
    std::fs::write(&latin, b"\xff").unwrap();
    let huge = plugins.path("huge.yaml");
    std::fs::write(&huge, vec![b'#'; (1 << 20) + 1]).unwrap();
    for (config, bin, said) in [
        (
            "/nowhere",
            bin,
            "/nowhere: cannot be read: No such file or directory (os error 2); name a",
        ),
        (
            config,
            "/nowhere",
            "/nowhere: cannot be read: No such file or directory (os error 2); name the folder",
        ),
        (config, config, "is no folder; name the one that holds the executables"),
        (latin.to_str().unwrap(), bin, "latin.yaml: is not UTF-8 text"),
        (huge.to_str().unwrap(), bin, "huge.yaml: is larger than 1048576 bytes"),
    ] {
        let ran = check(&["-", "--credential-provider-config", config])
            .args(&["--credential-provider-bin-dir", bin])
            .run()
            .await;
        ran.expect_code(2);
        assert!(ran.stderr.contains("the credential providers have a problem:\n  "), "{ran}");
        assert!(ran.stderr.contains(said), "no {said:?} in {ran}");
    }
}
