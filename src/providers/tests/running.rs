//! How a plugin is run, and what becomes of one that misbehaves.

use super::*;

use ProviderAnswer::{Failed, Login, NeedsToken, NoLogin};

const R_IO: &[(&str, &str, &str)] = &[("r.io", "AWS", "pw")];

#[tokio::test]
async fn it_is_asked_on_standard_input_and_its_login_is_given() {
    let mut bench = Bench::new();
    let seen = bench.path("seen");
    let script = format!("cat > {}\n{}", seen.display(), answers(IMAGE, R_IO));
    bench.add("ecr", "r.io", &script);
    let found = lookup(&bench.providers(), "r.io/team/app").await;
    assert_eq!(logins(&found), ["ecr AWS pw"]);
    assert_eq!(came(&found), [("ecr", Login)]);
    assert!(found.open.is_none());
    let expected = format!(
        "{{\"kind\":\"CredentialProviderRequest\",\"apiVersion\":\"{V1}\",\
         \"image\":\"r.io/team/app\"}}\n"
    );
    assert_eq!(bench.wrote("seen"), expected);
}

#[tokio::test]
async fn only_those_that_are_for_the_image_are_run() {
    let mut bench = Bench::new();
    bench.add("ours", "r.io/team", &answers(IMAGE, R_IO));
    bench.add("other", "s.io, r.io/other", &answers(IMAGE, R_IO));
    let providers = bench.providers();
    assert_eq!(logins(&lookup(&providers, "r.io/team/app").await), ["ours AWS pw"]);
    let found = lookup(&providers, "t.io/app").await;
    assert!(found.credentials.is_empty() && found.facts.is_empty() && found.open.is_none());
    assert_eq!((bench.runs("ours"), bench.runs("other")), (1, 0));
}

#[tokio::test]
async fn arguments_and_variables_are_handed_over_as_they_are() {
    let mut bench = Bench::new();
    let seen = bench.path("seen");
    let script = format!(
        "{{ for arg in \"$0\" \"$@\"; do printf '[%s]' \"$arg\"; done; echo; env | sort; }} > {}\n{}",
        seen.display(),
        answers(IMAGE, R_IO)
    );
    let lines = "  args: [get-credentials, '$HOME `id` *', '', 'a b', \"two\\nlines\"]\n  env:\n  \
                 - {name: TOKEN, value: '$(id) \"x\"'}\n  - {name: TWICE, value: first}\n  \
                 - {name: TWICE, value: last}\n  - {name: HOME, value: /ours}\n  - {name: NONE}";
    bench.add_as("ecr", "r.io", &script, lines);
    bench.environment.push(("HOME".into(), "/inherited".into()));
    assert_eq!(came(&lookup(&bench.providers(), "r.io/app").await), [("ecr", Login)]);
    let seen = bench.wrote("seen");
    let (args, env) = seen.split_once("lines]\n").unwrap();
    let path = bench.path("ecr");
    assert_eq!(args, format!("[{}][get-credentials][$HOME `id` *][][a b][two\n", path.display()));
    // What the shell itself sets is not ours.
    let env: Vec<&str> = env
        .lines()
        .filter(|line| !["PWD=", "OLDPWD=", "_=", "SHLVL="].iter().any(|own| line.starts_with(own)))
        .collect();
    assert_eq!(
        env,
        ["HOME=/ours", "NONE=", "PATH=/usr/bin:/bin", "TOKEN=$(id) \"x\"", "TWICE=last"]
    );
}

#[test]
fn of_our_own_environment_it_gets_what_is_not_about_identity() {
    let names: Vec<OsString> =
        super::super::inherited_environment().into_iter().map(|v| v.0).collect();
    assert!(names.contains(&"PATH".into()));
    // Cargo sets it for every test.
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
    assert!(!names.contains(&"CARGO_PKG_NAME".into()));
}

#[tokio::test]
async fn all_that_match_are_asked_and_make_one_keyring() {
    let mut bench = Bench::new();
    bench.add("first", "r.io", &answers(IMAGE, &[("r.io", "a", "1"), ("*.io", "b", "2")]));
    bench.add("second", "'*.io'", &answers(IMAGE, &[("r.io/team", "c", "3"), ("r.io", "d", "4")]));
    bench.add("third", "r.io", &answers(IMAGE, &[("s.io", "e", "5")]));
    let found = lookup(&bench.providers(), "r.io/team/app").await;
    // By key, longer prefixes first, then by the order of the configuration.
    assert_eq!(logins(&found), ["second c 3", "first a 1", "second d 4", "first b 2"]);
    assert_eq!(came(&found), [("first", Login), ("second", Login), ("third", NoLogin)]);
}

#[tokio::test]
async fn docker_hubs_login_serves_its_images() {
    let mut bench = Bench::new();
    let hub = [("https://index.docker.io/v1/", "me", "pw")];
    bench.add("hub", "docker.io", &answers(IMAGE, &hub));
    let found = lookup(&bench.providers(), "docker.io/library/nginx").await;
    assert_eq!(logins(&found), ["hub me pw"]);
}

#[tokio::test]
async fn an_answer_without_a_login_is_no_failure() {
    let mut bench = Bench::new();
    bench.add("nothing", "r.io", &answer(&format!("{IMAGE},\"auth\":null")));
    bench.add("empty", "r.io", &answers(IMAGE, &[("r.io", "", "")]));
    let found = lookup(&bench.providers(), "r.io/app").await;
    assert_eq!(came(&found), [("nothing", NoLogin), ("empty", NoLogin)]);
    // The node asks without a login all the same, which is an attempt like any other.
    assert_eq!(logins(&found), ["empty  "]);
}

#[tokio::test]
async fn one_that_needs_a_token_is_not_run() {
    let mut bench = Bench::new();
    let lines = "  tokenAttributes:\n    serviceAccountTokenAudience: a\n    cacheType: Token\n    \
                 requireServiceAccount: false";
    bench.add_as("token", "r.io", &answers(IMAGE, R_IO), lines);
    let found = lookup(&bench.providers(), "r.io/app").await;
    assert_eq!((came(&found), bench.runs("token")), (vec![("token", NeedsToken)], 0));
    assert!(found.credentials.is_empty());
}

#[tokio::test]
async fn whatever_goes_wrong_is_a_failure_of_that_one_alone() {
    let good = answers(IMAGE, R_IO);
    let other_version = good.replace(V1, "credentialprovider.kubelet.k8s.io/v1beta1");
    for script in [
        format!("{good}\nexit 1"),
        format!("{good}\nkill -9 $$"),
        "exit 0".to_owned(),
        "echo garbage".to_owned(),
        "printf '\\377\\000'".to_owned(),
        // A shell's own words on standard error are no answer either.
        "nonexistent-command".to_owned(),
        format!("({good}) >&2"),
        other_version,
        good.replace("CredentialProviderResponse", "CredentialProviderRequest"),
        good.replace("\"Image\"", "\"Tag\""),
        // A good answer with more white space behind it than is read.
        format!("{good}\nhead -c 3000 /dev/zero | tr '\\000' ' '"),
        "yes".to_owned(),
        "exec >&-; exec sleep 1000".to_owned(),
        "exec sleep 1000".to_owned(),
    ] {
        let mut bench = Bench::new();
        bench.limits.output = 2_000;
        bench.limits.time =
            Duration::from_millis(if script.contains("1000") { 300 } else { 60_000 });
        bench.add("bad", "r.io", &script);
        bench.add("good", "r.io", &good);
        let found = lookup(&bench.providers(), "r.io/app").await;
        let good = if script.contains("1000") { "" } else { "good AWS pw" };
        if !good.is_empty() {
            assert_eq!(logins(&found), [good], "{script}");
            assert_eq!(came(&found), [("bad", Failed), ("good", Login)], "{script}");
        }
        assert_eq!(came(&found)[0], ("bad", Failed), "{script}");
    }
}

#[tokio::test]
async fn an_executable_that_is_gone_or_none_is_a_failure() {
    let mut bench = Bench::new();
    bench.add("gone", "r.io", "");
    bench.add("none", "r.io", "");
    let providers = bench.providers();
    std::fs::remove_file(bench.path("gone")).unwrap();
    executable(&bench.path("none"), "\u{7f}ELF");
    let found = lookup(&providers, "r.io/app").await;
    assert_eq!(came(&found), [("gone", Failed), ("none", Failed)]);
}

#[tokio::test]
async fn one_that_does_not_read_its_input_is_no_failure() {
    let mut bench = Bench::new();
    bench.add("deaf", "r.io", &format!("exec <&-\n{}", answers(IMAGE, R_IO)));
    for n in 0..20 {
        let found = lookup(&bench.providers(), &format!("r.io/app{n}")).await;
        assert_eq!(came(&found), [("deaf", Login)]);
    }
}

/// A process that starts one that starts one, and never ends.
fn tree(pids: &Path) -> String {
    format!(
        "(sleep 1000 & echo $! >> {0}; wait) &\necho $$ >> {0}; echo $! >> {0}\nwait",
        pids.display()
    )
}

#[tokio::test]
async fn when_its_time_is_over_it_ends_with_all_that_it_started() {
    let mut bench = Bench::new();
    bench.limits.time = Duration::from_millis(500);
    let pids = bench.path("pids");
    bench.add("tree", "r.io", &format!("touch {}\n{}", pids.display(), tree(&pids)));
    let found = lookup(&bench.providers(), "r.io/app").await;
    assert_eq!(came(&found), [("tree", Failed)]);
    // As many as it had started by then.
    for pid in std::fs::read_to_string(pids).unwrap_or_default().lines() {
        until_ended(pid).await;
    }
}

#[test]
fn when_we_end_it_does_too() {
    let mut bench = Bench::new();
    let pids = bench.path("pids");
    bench.add("tree", "r.io", &tree(&pids));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let providers = bench.providers();
        tokio::select! {
            _ = lookup(&providers, "r.io/app") => panic!("it cannot be over"),
            () = until_lines(&pids, 3) => {}
        }
    });
    runtime.shutdown_timeout(NEVER);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for pid in bench.wrote("pids").lines() {
        runtime.block_on(until_ended(pid));
    }
}

/// Until the process is gone or only its parent's notice of it is left.
async fn until_ended(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    let lives = || {
        std::fs::read_to_string(&stat)
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
    };
    let ended = async {
        while lives() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(NEVER, ended).await.unwrap();
}

#[tokio::test]
async fn what_is_not_back_at_the_deadline_is_open_and_goes_on() {
    let mut bench = Bench::new();
    let gate = bench.path("gate");
    let made = Command::new("mkfifo").arg(&gate).status().unwrap();
    assert!(made.success());
    bench.add("slow", "r.io", &format!("cat {} >&2\n{}", gate.display(), answers(REGISTRY, R_IO)));
    bench.add("quick", "r.io", &answers(REGISTRY, &[("r.io", "quick", "pw")]));
    let providers = bench.providers();
    let tenant: Arc<str> = "shop".into();
    let quick = lookup_as(&providers, "r.io/app", "shop", Age::Any);
    let soon = Instant::now() + Duration::from_millis(300);
    let found = providers.lookup("r.io/app", &tenant, Age::Any, soon).await;
    assert_eq!(found.open, Some(Unchecked::Provider("slow".to_owned())));
    // A node asks with both; that the one is not known does not hide the other's login, and it is
    // the one that did come back which is known, if any.
    assert!(logins(&found).iter().all(|login| login == "quick quick pw"));
    let open = tokio::task::spawn_blocking(move || std::fs::write(gate, "go"));
    let found = quick.await;
    open.await.unwrap().unwrap();
    assert_eq!(logins(&found), ["slow AWS pw", "quick quick pw"]);
    assert_eq!((bench.runs("slow"), bench.runs("quick")), (1, 1), "the run went on");
}
