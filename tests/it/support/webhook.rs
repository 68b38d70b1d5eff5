//! `pullcheck serve` as a child process, and AdmissionReviews posted to it as the API server does.

mod answer;
mod output;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::Value;
use tempfile::TempDir;

pub use answer::{Cause, Reviewed};
pub use output::Output;

use super::api_server::ApiServer;
use super::check::{PULLCHECK, clean_env};
use super::http::{Answer, Http};
use super::reviews::Review;
use super::secrets::assert_no_secret;
use super::tls::{Ca, Kind, Leaf};

/// No test waits for this; it only turns a hang of the suite into a failure with a name.
const NEVER: Duration = Duration::from_secs(60);

/// A webhook to be started.
#[derive(Default)]
pub struct Launch {
    /// Where it takes reviews; on loopback without.
    address: Option<IpAddr>,
    /// Its two ports, reviews first; any without.
    ports: Option<(u16, u16)>,
    /// A certificate and its key, instead of a pair of its own.
    pair: Option<(PathBuf, PathBuf)>,
    /// None by files: the arguments say where it is from.
    keeps_own: bool,
    is_first: bool,
    /// Another name in its certificate.
    name: Option<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    config: Option<String>,
    /// It is not waited for until it is ready.
    early: bool,
    /// A command that runs it.
    under: Vec<String>,
    /// Takes what it writes to standard error.
    log: Option<File>,
}

/// A running webhook, killed when dropped. By then everything it logged has been searched for
/// every secret of the tests.
pub struct Webhook {
    child: Child,
    output: Output,
    ca: Ca,
    leaf: Leaf,
    reviews: SocketAddr,
    metrics: SocketAddr,
    _home: TempDir,
}

/// How a review is posted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Call<'a> {
    /// The `timeout` query parameter (`5s`), as the API server sends it.
    pub timeout: Option<&'a str>,
    /// HTTP/2 instead of HTTP/1.1.
    pub http2: bool,
}

impl Launch {
    /// `pullcheck serve` with these arguments; listeners and certificate are added.
    pub fn with<S: AsRef<str>>(args: &[S]) -> Self {
        Self::default().args(args)
    }

    /// One that asks no API server, and may go to the registries of the tests.
    pub fn alone() -> Self {
        Self::with(&["--no-cluster", "--allow-address", "127.0.0.0/8"])
    }

    /// One that asks this API server, and may go to the registries of the tests.
    pub fn beside(api: &ApiServer) -> Self {
        let kubeconfig = api.kubeconfig();
        Self::with(&["--allow-address", "127.0.0.0/8", "--kubeconfig"])
            .args(&[kubeconfig.to_str().unwrap()])
    }

    /// More arguments.
    pub fn args<S: AsRef<str>>(mut self, args: &[S]) -> Self {
        self.args.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Takes reviews at this address instead of on loopback.
    pub fn at(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Takes reviews at this address and port, and is probed there at the second port.
    pub fn exactly_at(mut self, address: IpAddr, reviews: u16, probes: u16) -> Self {
        self.ports = Some((reviews, probes));
        self.at(address)
    }

    /// Shows the certificate of these files instead of one of its own, which nobody sees then.
    pub fn pair(mut self, certificate: PathBuf, key: PathBuf) -> Self {
        self.pair = Some((certificate, key));
        self
    }

    /// Shows a certificate that it keeps itself, as its arguments say.
    pub fn keeping_its_own(mut self) -> Self {
        self.keeps_own = true;
        self
    }

    /// Is the first process of its own PID namespace, as in a container. Needs root.
    pub fn first_process(mut self) -> Self {
        self.is_first = true;
        self
    }

    /// Has a certificate for this name too.
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The default mode.
    pub fn mode(self, mode: &str) -> Self {
        self.args(&["--mode", mode])
    }

    /// The text of its configuration file.
    pub fn config(mut self, yaml: &str) -> Self {
        self.config = Some(yaml.to_owned());
        self
    }

    /// An environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Is to be asked before it is ready.
    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// Is run by this command, which must become it: `prlimit --nofile=64 --`.
    pub fn under(mut self, words: &[&str]) -> Self {
        self.under = words.iter().map(ToString::to_string).collect();
        self
    }

    /// Logs to this file, and not to the tests; its ports must be known.
    pub fn logging_to(mut self, file: File) -> Self {
        assert!(self.ports.is_some(), "it cannot say where it listens");
        self.log = Some(file);
        self
    }

    /// Starts it, and waits until it is ready, as a Service does before it sends anybody there.
    pub async fn start(self) -> Webhook {
        let early = self.early;
        let webhook = Box::pin(self.listening()).await;
        if !early {
            let ready = async {
                while !webhook.is_ready().await {
                    tokio::task::yield_now().await;
                }
            };
            within("being ready", &webhook.output, Box::pin(ready)).await;
        }
        webhook
    }

    async fn listening(mut self) -> Webhook {
        let home = TempDir::new().unwrap();
        if let Some(yaml) = &self.config {
            let path = home.path().join("config.yaml");
            std::fs::write(&path, yaml).unwrap();
            self = self.args(&["--config", path.to_str().unwrap()]);
        }
        let ca = Ca::mint();
        let leaf = ca.leaf(Kind::Good, self.name.as_deref().as_slice());
        let (certificate, key) = match self.pair {
            Some(pair) => pair,
            None => (leaf.cert_file(), leaf.key_file()),
        };
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let address = self.address.unwrap_or(loopback);
        let (reviews, probes) = match self.ports {
            Some((reviews, probes)) => (reviews, SocketAddr::new(address, probes)),
            None => (0, SocketAddr::new(loopback, 0)),
        };
        let mut words = self.under;
        if self.is_first {
            let unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
            words.extend(unshare.map(str::to_owned));
        }
        words.extend([PULLCHECK.to_owned(), "serve".to_owned()]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if !self.keeps_own {
            command.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
        }
        let log_is_elsewhere = self.log.is_some();
        let mut child = command
            .args(["--listen", &SocketAddr::new(address, reviews).to_string()])
            .args(["--metrics-listen", &probes.to_string()])
            .args(&self.args)
            .env_clear()
            .envs(clean_env(&home))
            .envs(self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.log.map_or_else(Stdio::piped, Stdio::from))
            .spawn()
            .unwrap();
        let output = Output::of(&mut child);
        if log_is_elsewhere {
            let reviews = SocketAddr::new(address, reviews);
            return Webhook { child, output, ca, leaf, reviews, metrics: probes, _home: home };
        }
        let line = within("saying where it listens", &output, output.line("listening")).await;
        let Some(line) = line else {
            let status = child.wait().unwrap();
            panic!("pullcheck serve ended ({status}) before it listened:\n{}", output.text());
        };
        let address = |name: &str| line[name].as_str().and_then(|text| text.parse().ok());
        let (Some(reviews), Some(metrics)) = (address("webhook"), address("metrics")) else {
            panic!("the line does not say where it listens: {line}");
        };
        Webhook { child, output, ca, leaf, reviews, metrics, _home: home }
    }
}

impl Webhook {
    /// `pullcheck serve` with these arguments.
    pub async fn start<S: AsRef<str>>(args: &[S]) -> Self {
        Launch::with(args).start().await
    }

    /// The number of its process, or of the one that started it as the first of its own.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it takes reviews.
    pub fn address(&self) -> SocketAddr {
        self.reviews
    }

    /// The authority of its certificate.
    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    /// Its certificate, whose files may be replaced.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Posts a review with the API server's usual timeout of 10 s.
    pub async fn review(&self, review: &Review) -> Reviewed {
        self.review_as(review, Call { timeout: Some("10s"), http2: false }).await
    }

    /// Posts a review, and checks what holds for every answer to one.
    pub async fn review_as(&self, review: &Review, call: Call<'_>) -> Reviewed {
        let begun = Instant::now();
        let answer = self.post(review.json().to_string(), call).await;
        let elapsed = begun.elapsed();
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), self.output.text());
        let reviewed = Reviewed { json: answer.json(), elapsed };
        reviewed.assert_well_formed(review.uid());
        reviewed
    }

    /// Posts any bytes to `/validate`.
    pub async fn post(&self, body: impl Into<bytes::Bytes>, call: Call<'_>) -> Answer {
        let http =
            if call.http2 { Http::trusting_http2(&self.ca) } else { Http::trusting(&self.ca) };
        let query = call.timeout.map_or_else(String::new, |timeout| format!("?timeout={timeout}"));
        let url = format!("https://{}/validate{query}", self.reviews);
        let headers = [("content-type", "application/json"), ("accept", "application/json, */*")];
        match http.send(Method::POST, &url, &headers, body).await {
            Ok(answer) => {
                assert_no_secret("the answer", &answer.text());
                answer
            }
            Err(error) => panic!("{error:#}\n{}", self.output.text()),
        }
    }

    /// GET at the plain listener: `/livez`, `/readyz`, `/metrics`.
    pub async fn probe(&self, path: &str) -> Answer {
        let answer = Http::plain().get(&format!("http://{}{path}", self.metrics), &[]).await;
        let answer = answer.unwrap();
        assert_no_secret(path, &answer.text());
        answer
    }

    /// Whether it says that it is ready; one that does not listen yet is not.
    async fn is_ready(&self) -> bool {
        let url = format!("http://{}/readyz", self.metrics);
        Http::plain().get(&url, &[]).await.is_ok_and(|answer| answer.status == 200)
    }

    /// Everything it has printed.
    pub fn log(&self) -> String {
        self.output.text()
    }

    /// Its log lines, parsed.
    pub fn log_lines(&self) -> Vec<Value> {
        self.output.lines()
    }

    /// Waits for a log line with this message.
    pub async fn logged(&self, message: &str) -> Value {
        match within(message, &self.output, self.output.line(message)).await {
            Some(line) => line,
            None => panic!("it ended without saying {message:?}:\n{}", self.output.text()),
        }
    }

    /// The value of a counter or gauge, by its name with its labels; 0 if there is none.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.probe("/metrics").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until a counter or gauge has come to a value.
    pub async fn until_metric(&self, name: &str, at_least: u64) {
        let reached = Box::pin(async {
            while self.metric(name).await < at_least {
                tokio::task::yield_now().await;
            }
        });
        within(name, &self.output, reached).await;
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        signal(&self.child, "TERM");
    }

    /// Kills it at once.
    pub fn kill(&self) {
        signal(&self.child, "KILL");
    }

    /// Stops it in its tracks: its connections stay open, and nobody answers.
    pub fn freeze(&self) {
        signal(&self.child, "STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        signal(&self.child, "CONT");
    }

    /// Sends SIGHUP, which asks it to look at its certificate now.
    pub fn hang_up(&self) {
        signal(&self.child, "HUP");
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        within("its end", &self.output, self.output.end()).await;
        self.child.wait().unwrap()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.output.finish();
        let text = self.output.text();
        if std::thread::panicking() {
            eprintln!("output of pullcheck serve:\n{text}");
        } else {
            assert_no_secret("what pullcheck serve printed", &text);
        }
    }
}

async fn within<T>(what: &str, output: &Output, event: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(NEVER, event).await else {
        panic!("waited {NEVER:?} for {what}; it printed:\n{}", output.text());
    };
    value
}

/// By the shell's own `kill`: sending a signal is unsafe code otherwise, and the program of that
/// name is not everywhere.
pub fn signal(child: &Child, name: &str) {
    let command = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &command]).status().unwrap();
    assert!(status.success(), "{command}: {status}");
}
