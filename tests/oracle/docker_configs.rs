//! Docker configurations as Secrets may hold them: real ones, and made ones of every kind of
//! oddity that Go's decoder has a rule for.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::random::Random;

/// As tools write them.
const REAL: &[&str] = &[
    r#"{"auths":{"https://index.docker.io/v1/":{"username":"u","password":"p","email":"e@x.io","auth":"dTpw"}}}"#,
    r#"{"auths":{"ghcr.io":{"auth":"dTpw"},"reg.corp:5000":{"auth":"dTpwOnE="}},"credsStore":"desktop","HttpHeaders":{"User-Agent":"Docker-Client/19.03.12 (linux)"}}"#,
    r#"{
	"auths": {
		"a.b.c/team": {
			"auth": "dTpw",
			"identitytoken": "eyJ"
		}
	},
	"credHelpers": {"ghcr.io": "gh"}
}"#,
    r#"{"auths":{"*.b.c":{"username":"_json_key","password":"{\n  \"type\": \"service_account\"\n}"}}}"#,
    r#"{"auths":{"ghcr.io":{}}}"#,
    r#"{"auths":{}}"#,
    "{}",
    "null",
];

const HOSTS: &[&str] = &[
    "docker.io",
    "index.docker.io",
    "ghcr.io",
    "ghcr.io",
    "reg.corp:5000",
    "a.b.c",
    "*.b.c",
    "a.*.c",
    "localhost:5000",
    "a.b.c:443",
    "r?g.io",
    "r[a-z]g.io",
    "*cr*.io",
    "a-*.b.c",
];

const ODD_HOSTS: &[&str] = &[
    "*",
    "*.*",
    "[::1]",
    "[::1]:5000",
    "[fe80::1%25en0]:1",
    "registry-1.docker.io",
    "localhost",
    "LOCALDOMAIN",
    "a.b.c:",
    "gh*.io",
    "g**r.io",
    "\\a.b.c",
    "a%2eb.c",
    "%61.b.c",
    "%C3%A9.b.c",
    "%ff.b.c",
    "u:p@a.b.c",
    "u@ghcr.io",
    "%ff@ghcr.io",
    "%zz@ghcr.io",
    "u p@a.b.c",
    "",
    "a.b.c:x",
    "a:b:c",
    "\"a\".b.c",
    "*!$&'()+,;=~_.b.c",
    "<a>.b.c",
    "a.b.c.",
    ".a.b.c",
    "a..c",
    "HTTPS:",
    "[::ffff:1.2.3.4]:5",
    "[1::2::3]",
    "[::1",
    "[]",
    "a[b].c",
    "[::1]x",
    "é.b.c",
    "[^b-].b.c",
];

const PATHS: &[&str] = &[
    "",
    "",
    "",
    "/",
    "/v1/",
    "/v2/",
    "/v1",
    "/v2",
    "/v1/team",
    "/v2/team/",
    "/team",
    "/team/app",
    "/te",
    "/library",
    "/library/nginx",
];

const ODD_PATHS: &[&str] = &[
    "/%61pp",
    "/a%25b",
    "/a%3fb",
    "/a%23b",
    "/%zz",
    "/%",
    "/*",
    "/team app",
    "/team?x=%zz",
    "/team#f",
    "/team#%zz",
    "/team#%ff\u{1}",
    "/a\tb",
    "//team",
    "/team/",
    "/v1//",
    "/v1/v1/",
    "/%ff",
    "/é",
    "/a\\b",
    "?",
    "#",
    "/team:1",
];

const SCHEMES: &[&str] = &["", "", "", "https://", "http://"];

const ODD_SCHEMES: &[&str] =
    &["HTTPS://", "ftp://", "//", "https:/", " https://", "https://https://"];

const KEY_NOISE: &str = "*?[]%:/@#\\.-^~ é\n\"|{}";

const BASE64_NOISE: &[&str] = &["\n", "\r", "\r\n", " ", "=", "A", "-", "_", "\t", "\u{a0}", "é"];

const BYTE_NOISE: &[u8] = b"\xff\xe2\x82\",}{\\\x010 n:[]";

const ODD_STRINGS: &[&str] =
    &[r"\ud83d", r"\ud83d\ude00", r"\ude00x", r"\ud83d\u0041", r"\/", r"\b", r"\u0000", r"\u017F"];

const WORDS: &str = "abcXYZ019:";

/// A Secret's type and what it holds.
pub fn secret(random: &mut Random) -> (&'static str, Vec<u8>) {
    let old = random.permille(200);
    let text =
        if random.permille(60) { random.pick(REAL).to_owned() } else { document(random, old) };
    let mut data = text.into_bytes();
    if random.permille(10) {
        let changes = 1 + random.below(3);
        random.mutate(&mut data, changes, BYTE_NOISE);
    }
    let type_ = match (random.permille(20), old) {
        (true, _) => "Opaque",
        (_, true) => "kubernetes.io/dockercfg",
        (_, false) => "kubernetes.io/dockerconfigjson",
    };
    (type_, data)
}

fn document(random: &mut Random, old: bool) -> String {
    let mut keys: Vec<String> = (0..=random.below(4)).map(|_| key(random)).collect();
    if random.permille(50) {
        keys.push(keys[0].clone());
    }
    if random.permille(80) {
        keys.push(format!("https://{}", keys[0]));
    }
    if old {
        return entries(random, &keys);
    }
    let auths = if random.permille(10) { odd(random) } else { entries(random, &keys) };
    let mut fields = vec![format!("{}:{auths}", field(random, "auths"))];
    if random.permille(40) {
        let again = if random.permille(300) { "null".into() } else { entries(random, &keys) };
        fields.push(format!("{}:{again}", field(random, "auths")));
    }
    if random.permille(100) {
        let headers = random.pick(&["null", r#"{"a":"b"}"#, r#"{"a":null}"#]);
        fields.push(format!("{}:{headers}", field(random, "HttpHeaders")));
    }
    if random.permille(100) {
        fields.push(format!("\"credHelpers\":{}", junk(random, 0)));
    }
    object(random, fields)
}

fn key(random: &mut Random) -> String {
    let odd = |random: &mut Random| random.permille(80);
    let scheme = if odd(random) { random.pick(ODD_SCHEMES) } else { random.pick(SCHEMES) };
    let host = if odd(random) { random.pick(ODD_HOSTS) } else { random.pick(HOSTS) };
    let path = if odd(random) { random.pick(ODD_PATHS) } else { random.pick(PATHS) };
    let mut chars: Vec<char> = format!("{scheme}{host}{path}").chars().collect();
    if random.permille(20) {
        random.mutate(&mut chars, 1, &KEY_NOISE.chars().collect::<Vec<_>>());
    }
    chars.into_iter().collect()
}

fn entries(random: &mut Random, keys: &[String]) -> String {
    let fields = keys.iter().map(|key| {
        let value = entry(random);
        format!("{}{}{}:{value}", space(random), string(random, key), space(random))
    });
    let fields = fields.collect();
    object(random, fields)
}

fn entry(random: &mut Random) -> String {
    if random.permille(40) {
        return "null".into();
    }
    if random.permille(3) {
        return odd(random);
    }
    let mut fields = Vec::new();
    for (name, of_1000) in [("username", 500), ("password", 500), ("auth", 600), ("email", 150)] {
        if random.permille(of_1000) {
            let text = if name == "auth" { auth(random) } else { word(random) };
            fields.push(format!("{}:{}", field(random, name), value(random, &text)));
        }
    }
    if random.permille(150) {
        let name = random.pick(&["identitytoken", "x", "auths", "Auth ", ""]);
        fields.push(format!("{}:{}", string(random, name), junk(random, 0)));
    }
    if random.permille(50) {
        fields.push(format!("{}:{}", field(random, "username"), value(random, "again")));
    }
    object(random, fields)
}

/// `auth` as it should be, and with what base64 decoders disagree on.
fn auth(random: &mut Random) -> String {
    let colon = if random.permille(10) { "" } else { ":" };
    let mut raw = format!("{}{colon}{}", word(random), word(random)).into_bytes();
    if random.permille(200) {
        raw.push(u8::try_from(128 + random.below(128)).unwrap());
    }
    let mut text = STANDARD.encode(raw);
    let noise = if random.permille(30) { 1 + random.below(2) } else { 0 };
    for _ in 0..noise {
        let mut parts: Vec<String> = text.chars().map(String::from).collect();
        let alphabet: Vec<String> = BASE64_NOISE.iter().map(ToString::to_string).collect();
        random.mutate(&mut parts, 1, &alphabet);
        text = parts.concat();
    }
    if random.permille(50) {
        text.push('\n');
    }
    // Padding is no longer needed by the decoder when there is none at all.
    if random.permille(15) { text.trim_end_matches('=').to_owned() } else { text }
}

fn word(random: &mut Random) -> String {
    let len = random.below(7);
    random.text(WORDS, len)
}

/// A field's name, in a spelling that Go takes for the same, and sometimes in one it does not.
fn field(random: &mut Random, name: &str) -> String {
    let name = match random.below(50) {
        0..5 => name
            .chars()
            .map(|c| if random.permille(500) { c.to_ascii_uppercase() } else { c })
            .collect(),
        5 | 6 => name.replace('s', "ſ"),
        7 => format!("{name}x"),
        _ => name.to_owned(),
    };
    string(random, &name)
}

fn value(random: &mut Random, text: &str) -> String {
    match random.below(2000) {
        0 => random.pick(&["1", "false", "[]", "{}"]).to_owned(),
        1..100 => "null".into(),
        _ => string(random, text),
    }
}

/// A JSON string, some of it escaped.
fn string(random: &mut Random, text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        if c < ' ' || matches!(c, '"' | '\\') || random.permille(30) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(written, "\\u{unit:04x}").unwrap();
            }
        } else {
            written.push(c);
        }
    }
    if random.permille(20) {
        written += random.pick(ODD_STRINGS);
    }
    written + "\""
}

/// Of any shape, and mostly not of the one that is expected.
fn odd(random: &mut Random) -> String {
    if random.permille(500) { "null".into() } else { junk(random, 0) }
}

fn junk(random: &mut Random, depth: usize) -> String {
    let scalars =
        ["1", "-0", "1e5", "1E+9999", "0.5", "true", "false", "null", "\"x\"", "\"\"", "-", "01"];
    let last = if random.permille(30) { 12 } else { 10 };
    match random.below(4) {
        2 if depth < 4 => {
            let items: Vec<_> = (0..random.below(4)).map(|_| junk(random, depth + 1)).collect();
            format!("[{}]", items.join(","))
        }
        3 if depth < 4 => {
            let fields = (0..random.below(4)).map(|_| {
                let name = word(random);
                format!("{}:{}", string(random, &name), junk(random, depth + 1))
            });
            let fields = fields.collect();
            object(random, fields)
        }
        _ => random.pick(&scalars[..last]).to_owned(),
    }
}

fn object(random: &mut Random, mut fields: Vec<String>) -> String {
    for last in (1..fields.len()).rev() {
        let other = random.below(last + 1);
        fields.swap(last, other);
    }
    format!("{}{{{}{}}}{}", space(random), fields.join(","), space(random), space(random))
}

fn space(random: &mut Random) -> &'static str {
    random.pick(&["", "", "", "", "", "", "", " ", "\n", "\t\r "])
}
