//! Image references: the kubelet's `ParseImageName` on distribution/reference.

use std::fmt::Write as _;

use pullcheck::image::Reference;
use serde_json::{Value, json};

use super::judge::{Answer, Case, compare};
use super::program::oracle;
use super::random::{Random, cuts};

const CASES: usize = 150_000;

/// As people write them.
const REAL: &[&str] = &[
    "nginx",
    "nginx:1.27-alpine",
    "library/redis:7",
    "docker.io/bitnami/postgresql:16.4.0-debian-12-r9",
    "index.docker.io/library/busybox",
    "registry.k8s.io/pause:3.10",
    "registry.k8s.io/ingress-nginx/controller:v1.11.2",
    "quay.io/prometheus/node-exporter:v1.8.2",
    "ghcr.io/fluxcd/source-controller:v1.4.1",
    "gcr.io/google-containers/kube-proxy-amd64:v1.30.0",
    "public.ecr.aws/docker/library/alpine:3.20",
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app:2024-10-01",
    "myregistry.azurecr.io/team/app@sha256:\
     9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0",
    "europe-docker.pkg.dev/project/repo/app:main@sha256:\
     9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0",
    "localhost:5000/app",
    "10.0.0.7:30500/team/app:dev",
    "harbor.example.com/proxy/library/nginx:latest",
    "https://registry.example.com/team/app:1.0",
    "registry.example.com/Team/App:1.0",
    "registry.example.com/app:v1.0+build.5",
    "{{ .Values.image.repository }}:{{ .Values.image.tag }}",
    "${REGISTRY}/app:${TAG}",
    "app:",
    " nginx",
    "nginx:latest\n",
];

/// So many of the domains stand first.
const USUAL: usize = 12;

const DOMAINS: &[&str] = &[
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "docker.io:443",
    "localhost",
    "localhost:5000",
    "ghcr.io",
    "reg.corp:5000",
    "192.168.1.1:5000",
    "[::1]:5000",
    "[2001:db8::1]",
    "xn--n3h.com:18080",
    "LOCALDOMAIN",
    "Test",
    "a_b.c",
    "a_b:5",
    "test_com",
    "my-host.io",
    "UPPER.io:1",
    "[ABC]",
    "[abc]",
    "a..b",
    "-a.io",
    "a-.io",
    "[::1%25a]",
    "É",
    "é.io",
    "foo__bar.baz",
    "a.b_c",
    "0.1",
    "[]",
    "[:]",
    "[::1]x",
    "[::1]:",
    "a:",
    "a:0x",
    ".",
    "a.",
    ".a",
    "a.b:65536",
];

const TAGS: &[&str] = &[
    "latest",
    "1.27",
    "v1.0.0-alpine",
    "_x",
    "A.b-C_",
    "-x",
    ".x",
    "a+b",
    "",
    "5000",
    "x:y",
    "é",
    "1.2/3",
];

const SEPARATORS: &[&str] = &[".", "_", "__", "-", "--", "---", "..", "___", "-_"];

const NOISE: &str = "abAB01._-:/@[]+ $%é{}<\n\"Kſ\u{0}";

const HEX: &str = "0123456789abcdef";

/// Where lengths are allowed to end, and around it.
const LONG_PATHS: [usize; 10] = [230, 240, 245, 246, 247, 248, 252, 254, 255, 256];

#[derive(Clone, Debug)]
struct Text(String);

impl Case for Text {
    fn question(&self) -> Value {
        json!({ "reference": self.0 })
    }

    fn disagreement(&self, theirs: &Answer) -> Option<String> {
        let ours = Reference::parse(&self.0);
        let same = match (&ours, &theirs.error) {
            (Ok(ours), None) => ours.to_string() == theirs.reference,
            (Err(_), Some(_)) => true,
            _ => false,
        };
        (!same).then(|| format!("ours: {ours:?}\ntheirs: {theirs:?}"))
    }

    fn smaller(&self) -> Vec<Self> {
        let chars: Vec<char> = self.0.chars().collect();
        cuts(&chars).into_iter().map(|left| Self(left.into_iter().collect())).collect()
    }
}

fn component(random: &mut Random) -> String {
    let word = |random: &mut Random| {
        let len = 1 + random.below(4);
        random.text("abcz019", len)
    };
    let mut text = word(random);
    for _ in 0..random.below(3).saturating_sub(usize::from(random.permille(600))) {
        let valid = if random.permille(50) { SEPARATORS.len() } else { 6 };
        text += random.pick(&SEPARATORS[..valid]);
        text += &word(random);
    }
    text
}

fn digest(random: &mut Random) -> String {
    let (algorithm, len) = [
        ("sha256", 64),
        ("sha256", 64),
        ("sha512", 128),
        ("sha384", 96),
        ("md5", 32),
        ("sha256", 63),
        ("sha256", 65),
        ("SHA256", 64),
        ("sha1", 40),
        ("sha256+b64", 64),
        ("sha256", 0),
        ("blake3", 64),
        ("sha256:", 64),
        ("", 64),
    ][random.below(14)];
    let hex = random.text(HEX, len);
    let hex = if random.permille(50) { hex.to_uppercase() } else { hex };
    if algorithm.is_empty() && random.permille(500) { hex } else { format!("{algorithm}:{hex}") }
}

fn written(random: &mut Random) -> String {
    if random.permille(10) {
        return random.text(HEX, 64);
    }
    let mut text = String::new();
    if random.permille(600) {
        let usual = random.permille(400);
        text = format!("{}/", random.pick(&DOMAINS[..if usual { USUAL } else { DOMAINS.len() }]));
    }
    let parts: Vec<String> = (0..=random.below(4)).map(|_| component(random)).collect();
    text += &parts.join("/");
    if random.permille(50) {
        write!(text, "/{}", "a".repeat(LONG_PATHS[random.below(LONG_PATHS.len())])).unwrap();
    }
    if random.permille(480) {
        write!(text, ":{}", random.pick(TAGS)).unwrap();
    } else if random.permille(20) {
        write!(text, ":{}", "t".repeat(127 + random.below(3))).unwrap();
    }
    if random.permille(300) {
        write!(text, "@{}", digest(random)).unwrap();
    }
    text
}

fn reference(random: &mut Random) -> Text {
    let real = random.permille(200);
    let text = if real { random.pick(REAL).to_owned() } else { written(random) };
    let mut chars: Vec<char> = text.chars().collect();
    let changes = [0, 0, 0, 0, 1, 1, 2, 3][random.below(8)];
    random.mutate(&mut chars, changes, &NOISE.chars().collect::<Vec<_>>());
    Text(chars.into_iter().collect())
}

#[test]
fn the_kubelet_reads_every_reference_as_we_do() {
    let program = oracle!();
    let mut random = Random::new(1);
    let cases = REAL.iter().map(|text| Text((*text).to_owned()));
    let cases = cases.chain((0..CASES).map(move |_| reference(&mut random)));
    let (mut read, mut refused) = (0, 0);
    compare(program, cases, |_, theirs| match theirs.error {
        None => read += 1,
        Some(_) => refused += 1,
    });
    println!("{read} references read, {refused} refused");
    assert_eq!(read + refused, CASES + REAL.len());
    // Both answers must be at stake.
    assert!(read > CASES / 4 && refused > CASES / 4, "{read} read, {refused} refused");
}
