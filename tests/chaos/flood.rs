//! Strangers who send too much, too slowly, or nothing, while others want their reviews.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use super::line::{Door, Line};
use super::load::ALLOWANCE;
use super::process::{allowed_memory, peak_memory};
use super::pulse::Pulse;
use super::registry::Scene;
use super::trial::{Came, Figures, Form, Trial, here};
use crate::support::misbehaving::faults;
use crate::support::reviews::Review;
use crate::support::webhook::Webhook;

/// The largest body that is read.
const LARGEST: usize = 8 << 20;

fn door(webhook: &Webhook) -> Door {
    Door::new(webhook.address(), webhook.ca())
}

/// The time that something took, but for what the machine took.
struct Clock {
    process: u32,
    begun: Instant,
    pulse: Pulse,
}

impl Clock {
    fn start(webhook: &Webhook) -> Self {
        let process = webhook.id();
        Self { process, begun: Instant::now(), pulse: Pulse::take(&[process]) }
    }

    #[track_caller]
    fn is_within(&self, limit: Duration) {
        let waited = self.begun.elapsed();
        let limit = limit + ALLOWANCE + self.pulse.held_up(&[self.process]);
        assert!(waited < limit, "{waited:?} of {limit:?}");
    }
}

/// Ends a trial, in which the process must have stayed small.
async fn over(trial: Trial, scene: &Scene) -> Figures {
    let figures = trial.over(&scene.webhook).await;
    let peak = peak_memory(&scene.webhook);
    assert!(peak < allowed_memory(), "{} MiB at the most", peak >> 20);
    figures
}

/// Connections on which nothing is said.
pub async fn silent(webhook: &Webhook, count: usize) -> Vec<TcpStream> {
    let address = webhook.address();
    let opened = join_all((0..count).map(|_| TcpStream::connect(address))).await;
    opened.into_iter().flatten().collect()
}

/// Who wants to come in from now on must find a place, too, within the shipped timeout.
pub fn connections_say_nothing(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let trial = Trial::begin(scene.order()).await;
        let crowd = silent(&scene.webhook, 2_000).await;
        let mut line = Line::new(vec![door(&scene.webhook)], false, true);
        let review = Review::of_pod(&scene.names().good()).json().to_string();
        let clock = Clock::start(&scene.webhook);
        let (status, _) = line.post("timeout=5s", review.into()).await.unwrap();
        assert_eq!(status, 200);
        clock.is_within(Duration::from_secs(5));
        trial.lasts().await;
        drop(crowd);
        over(trial, &scene).await
    })
}

/// Headers that come a byte at a time and never end.
pub fn headers_never_end(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let trial = Trial::begin(scene.order()).await;
        let mut clients = JoinSet::new();
        for _ in 0..Form::asked().pick(200, 1_000) {
            let door = door(&scene.webhook);
            clients.spawn(async move {
                let Ok(mut stream) = door.open(false).await else { return };
                let mut pace = interval(Duration::from_millis(200));
                let begin = b"POST /validate?timeout=5s HTTP/1.1\r\nhost: a\r\nx-slow: ";
                let mut sent = stream.write_all(begin).await;
                while sent.is_ok() {
                    pace.tick().await;
                    sent = stream.write_all(b"x").await;
                }
            });
        }
        trial.lasts().await;
        drop(clients);
        over(trial, &scene).await
    })
}

/// Bodies that come a byte at a time; they are given up when their senders' own time is over.
pub fn bodies_never_end(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let trial = Trial::begin(scene.order()).await;
        let connections = Form::asked().pick(2, 8);
        let connections = join_all((0..connections).map(|_| slow_bodies(&scene.webhook, 200)));
        tokio::join!(connections, trial.lasts());
        over(trial, &scene).await
    })
}

async fn slow_bodies(webhook: &Webhook, streams: usize) {
    let door = door(webhook);
    let io = TokioIo::new(door.open(true).await.unwrap());
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let clock = Clock::start(webhook);
    let statuses = join_all((0..streams).map(|_| {
        let mut sender = sender.clone();
        let drip = stream::unfold(interval(Duration::from_millis(250)), |mut pace| async {
            pace.tick().await;
            Some((Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b" "))), pace))
        });
        let url = format!("https://{}/validate?timeout=1s", door.address);
        let request = http::Request::post(url).body(StreamBody::new(Box::pin(drip))).unwrap();
        async move {
            sender.ready().await.unwrap();
            let answer = timeout(Duration::from_secs(60), sender.send_request(request)).await;
            answer.expect("an answer").unwrap().status().as_u16()
        }
    }));
    let statuses = statuses.await;
    assert!(statuses.iter().all(|status| *status == 408), "{statuses:?}");
    clock.is_within(Duration::from_secs(1));
}

/// As many containers as fit, each of so many bytes: more than any object has, or just not.
fn largest_body(bytes_each: usize) -> Bytes {
    let review = Review::of_pod("IMAGE").json().to_string();
    let (before, after) = review.split_once("{\"image\":\"IMAGE\",\"name\":\"app\"}").unwrap();
    let one = format!("{{\"image\":\"{}\"}},", "a".repeat(bytes_each - 13));
    let many = one.repeat((LARGEST - before.len() - after.len()) / one.len());
    format!("{before}{}{after}", many.trim_end_matches(',')).into()
}

/// Posts the largest bodies on so many connections at a time; each gets an answer in time.
pub async fn bodies(webhook: &Webhook, connections: usize) {
    let bodies = [largest_body(14), largest_body(LARGEST / 9_999)];
    let door = door(webhook);
    let answers = join_all((0..connections).map(|number| {
        let (door, body) = (door.clone(), bodies[number / 2 % 2].clone());
        async move {
            let mut line = Line::new(vec![door], number % 2 == 1, true);
            let clock = Clock::start(webhook);
            let answered = timeout(Duration::from_secs(60), line.post("timeout=10s", body)).await;
            clock.is_within(Duration::from_secs(10));
            // Refused early, while it is still being sent, it may be lost.
            answered.unwrap().map_or(0, |(status, _)| status)
        }
    }));
    let statuses = answers.await;
    let known = |status: &u16| matches!(status, 0 | 200 | 400 | 408 | 413 | 503);
    assert!(statuses.iter().all(known), "{statuses:?}");
}

pub fn bodies_are_large(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let trial = Trial::begin(scene.order()).await;
        bodies(&scene.webhook, Form::asked().pick(32, 256)).await;
        trial.lasts().await;
        over(trial, &scene).await
    })
}

/// Requests that are taken back as soon as they are sent, of images whose registry hangs.
pub fn streams_are_reset_at_once(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        scene.registry.misbehave("slow/app", faults::hang());
        let trial = Trial::begin(scene.order()).await;
        let image = format!("{}/slow/app:1", scene.link.host());
        let review = Bytes::from(Review::of_pod(&image).json().to_string());
        let door = door(&scene.webhook);
        let (mut sent, mut refused) = (0, 0);
        while sent < Form::asked().pick(3_000, 100_000) {
            // The server may end a connection on which this is done, and there it ends.
            let Ok(mut sender) = door.http2().await else {
                refused += 1;
                assert!(refused < 100, "no connection is taken any more, after {sent} requests");
                continue;
            };
            refused = 0;
            while sender.ready().await.is_ok() && sent % 500 != 499 {
                let request = door.request(true, "timeout=30s", review.clone());
                let answer = sender.send_request(request);
                let _ = timeout(Duration::ZERO, answer).await;
                tokio::task::yield_now().await;
                sent += 1;
            }
            sent += 1;
        }
        trial.lasts().await;
        over(trial, &scene).await
    })
}

/// One request after the other, and none of the answers is read.
pub fn answers_are_never_read(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let trial = Trial::begin(scene.order()).await;
        let review = Review::of_pod(&scene.names().bad()).json().to_string();
        let head = format!(
            "POST /validate?timeout=1s HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
            review.len()
        );
        let request = Bytes::from(head + &review);
        let mut clients = JoinSet::new();
        for _ in 0..Form::asked().pick(20, 200) {
            let (door, request) = (door(&scene.webhook), request.clone());
            clients.spawn(async move {
                let Ok(mut stream) = door.open(false).await else { return };
                while stream.write_all(&request).await.is_ok() {}
                let _ = stream.read(&mut [0; 1]).await;
            });
        }
        trial.lasts().await;
        drop(clients);
        over(trial, &scene).await
    })
}
