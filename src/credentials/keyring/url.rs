//! The part of Go's net/url (1.26) that decides which keys count: what of `https://...` is the
//! host, what the path, and what is no URL at all.

use std::net::Ipv6Addr;

/// Host with port, and path, both decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) host: String,
    pub(super) path: String,
}

impl Url {
    /// Parses what follows `https://`.
    ///
    /// What decodes to invalid UTF-8 counts as no URL: image names are ASCII, so it could match
    /// none of them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return None;
        }
        unescape(fragment, |_| true, |_| true)?;
        let text = text.split_once('?').map_or(text, |(before, _)| before);
        let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        let host = match authority.rsplit_once('@') {
            None => authority,
            Some((login, host)) => {
                check_login(login)?;
                host
            }
        };
        let path = unescape(path, |_| true, |_| true)?;
        Some(Self { host: parse_host(host)?, path: String::from_utf8(path).ok()? })
    }
}

/// Host and port as net.SplitHostPort tells them apart; what it refuses is all host.
pub(super) fn split_port(host: &str) -> (&str, &str) {
    let split = match host.strip_prefix('[') {
        Some(inner) => inner.split_once("]:"),
        None => host.split_once(':'),
    };
    let stray = |c: char| matches!(c, ':' | '[' | ']');
    match split {
        // A zone may bring brackets of its own, which Go refuses here too.
        Some((name, port)) if !port.contains(stray) && !name.contains(['[', ']']) => (name, port),
        _ => (host, ""),
    }
}

fn check_login(login: &str) -> Option<()> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    if !login.bytes().all(valid) {
        return None;
    }
    unescape(login, |_| true, |_| true).map(drop)
}

fn parse_host(host: &str) -> Option<String> {
    match host.rfind('[') {
        None => {
            // One colon at most, before digits or nothing.
            if let Some((_, port)) = host.split_once(':') {
                check_port(port)?;
            }
            decode_host(host)
        }
        Some(0) => {
            let (address, after) = host.get(1..)?.rsplit_once(']')?;
            if !after.is_empty() {
                check_port(after.strip_prefix(':')?)?;
            }
            let address = match address.find("%25") {
                None => decode_host(address)?,
                Some(at) => {
                    let (address, zone) = address.split_at(at);
                    decode_host(address)? + &decode_zone(zone)?
                }
            };
            let bare = match address.split_once('%') {
                Some((_, "")) => return None,
                Some((bare, _)) => bare,
                None => &address,
            };
            bare.parse::<Ipv6Addr>().ok()?;
            Some(format!("[{address}]{after}"))
        }
        Some(_) => None,
    }
}

fn check_port(digits: &str) -> Option<()> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(())
}

/// Bytes that may stand in a host as they are (beside all that are not ASCII).
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte) || !byte.is_ascii()
}

/// In a host only bytes that are not ASCII may be escaped, and `%` itself.
fn decode_host(text: &str) -> Option<String> {
    let escaped = |byte: u8| !byte.is_ascii() || byte == b'%';
    String::from_utf8(unescape(text, is_host_byte, escaped)?).ok()
}

/// In a zone what a host may hold as it is in ASCII, spaces too.
fn decode_zone(text: &str) -> Option<String> {
    let escaped = |byte: u8| byte.is_ascii() && is_host_byte(byte) || matches!(byte, b' ' | b'%');
    String::from_utf8(unescape(text, is_host_byte, escaped)?).ok()
}

/// Undoes `%xx`; none if an escape is broken, or a byte may not stand there plain or escaped.
fn unescape(
    text: &str,
    plain: impl Fn(u8) -> bool,
    escaped: impl Fn(u8) -> bool,
) -> Option<Vec<u8>> {
    // As nearly all are, the name of every image among them.
    if !text.as_bytes().contains(&b'%') {
        return text.bytes().all(plain).then(|| text.into());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            decoded.push(plain(*byte).then_some(*byte)?);
            continue;
        }
        let (digits, after) = after.split_at_checked(2)?;
        let hex = |at: usize| char::from(*digits.get(at)?).to_digit(16);
        let value = u8::try_from(hex(0)? * 16 + hex(1)?).ok()?;
        decoded.push(escaped(value).then_some(value)?);
        rest = after;
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_path_are_what_gos_parser_says() {
        for (text, host, path) in [
            ("", "", ""),
            ("r.io", "r.io", ""),
            ("r.io/", "r.io", "/"),
            ("r.io:5000/a/b?c#d", "r.io:5000", "/a/b"),
            ("r.io:", "r.io:", ""),
            ("me:pw@r.io/x", "r.io", "/x"),
            ("a@b@r.io", "r.io", ""),
            ("*.r.io/x", "*.r.io", "/x"),
            ("r?.io", "r", ""),
            ("%ff@r.io#%ff", "r.io", ""),
            ("r.io/a b", "r.io", "/a b"),
            ("r.io/%41%2f", "r.io", "/A/"),
            ("r%C3%A9.io", "ré.io", ""),
            ("ré.io", "ré.io", ""),
            ("r%25.io", "r%.io", ""),
            ("[::1]", "[::1]", ""),
            ("[::1]:5000/x", "[::1]:5000", "/x"),
            ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", ""),
            ("[fe80::1%25en0]:1", "[fe80::1%en0]:1", ""),
            ("[fe80::1%25e%20n]", "[fe80::1%e n]", ""),
            ("HTTPS://r.io", "HTTPS:", "//r.io"),
        ] {
            let url = Url { host: host.into(), path: path.into() };
            assert_eq!(Url::parse(text), Some(url), "{text}");
        }
    }

    #[test]
    fn what_gos_parser_refuses_is_refused() {
        for text in [
            "r.io\n",
            "r\t.io",
            "r .io",
            "r.io/a\u{7f}",
            "r.io/%",
            "r.io/%4",
            "r.io/%zz",
            "r%41.io",
            "r.io:5000:1",
            "r.io:port",
            "::1",
            "fc00::1:5000",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "[1.2.3.4]",
            "[abc]",
            "a[::1]",
            "r[0-9].io",
            "[fe80::1%25]",
            "[fe80::1%25%c3%a9]",
            "[fe80::1%en0]",
            "r\\.io",
            "{r}.io",
            "r|.io",
            "r^.io",
            "r`.io",
            "me\"@r.io",
            "me%zz@r.io",
            "r.io#%zz",
            "r.io/%ff",
        ] {
            assert_eq!(Url::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_port_is_split_off_as_net_does() {
        for (host, name, port) in [
            ("r.io", "r.io", ""),
            ("r.io:5000", "r.io", "5000"),
            ("r.io:", "r.io", ""),
            ("[::1]:5000", "::1", "5000"),
            ("[::1]", "[::1]", ""),
            ("a:1:2", "a:1:2", ""),
        ] {
            assert_eq!(split_port(host), (name, port), "{host}");
        }
    }
}
