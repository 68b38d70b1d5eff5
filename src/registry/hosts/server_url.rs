//! Addresses of `hosts.toml`, taken apart as containerd does with Go's `net/url`. Pure.

use super::entry::Place;

/// Takes apart what is written as `server`, or as the name of a `host` table.
///
/// # Errors
/// Go's `url.Parse` would refuse it, and containerd with it the whole file.
pub(super) fn parse(written: &str, override_path: bool) -> Result<Place, &'static str> {
    if written.is_empty() {
        return Ok(Place::default());
    }
    let whole =
        if written.starts_with("http") { written.to_owned() } else { format!("https://{written}") };
    if whole.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("a control character");
    }
    let (whole, _fragment) = whole.split_once('#').unwrap_or((&whole, ""));
    let (scheme, rest) = scheme(whole)?;
    let (rest, _query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, path) = match rest.strip_prefix("//") {
        Some(_) if scheme.is_empty() && rest.starts_with("///") => ("", rest),
        Some(after) => after.split_at(after.find('/').unwrap_or(after.len())),
        // What Go calls opaque has neither host nor path.
        None if !scheme.is_empty() && !rest.starts_with('/') => ("", ""),
        None if scheme.is_empty() && colon_in_first_segment(rest) => return Err("no scheme"),
        None => ("", rest),
    };
    Ok(Place { scheme, host: self::host(host)?, path: root(&unescape(path)?, override_path) })
}

/// The scheme in lower case, if there is one, and what follows its colon.
fn scheme(whole: &str) -> Result<(String, &str), &'static str> {
    for (index, byte) in whole.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err("no scheme"),
            b':' => {
                let (scheme, rest) = whole.split_at(index);
                return Ok((scheme.to_ascii_lowercase(), rest.get(1..).unwrap_or_default()));
            }
            _ => break,
        }
    }
    Ok((String::new(), whole))
}

fn colon_in_first_segment(rest: &str) -> bool {
    rest.split('/').next().is_some_and(|segment| segment.contains(':'))
}

/// The host and port, without user and password, which containerd drops.
fn host(authority: &str) -> Result<String, &'static str> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = match (host.strip_prefix('['), host.rfind(']')) {
        (Some(_), Some(end)) => host.get(end + 1..).unwrap_or_default(),
        (Some(_), None) => return Err("no end of its IPv6 address"),
        (None, _) if host.contains('[') => return Err("an IPv6 address amid a name"),
        (None, _) => host.rfind(':').and_then(|colon| host.get(colon..)).unwrap_or_default(),
    };
    let digits = port.strip_prefix(':').unwrap_or(if port.is_empty() { "" } else { "x" });
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("no valid port");
    }
    let fits = |byte: u8| {
        byte >= 0x80 || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte)
    };
    if !host.bytes().all(fits) {
        return Err("a character that no host name holds");
    }
    Ok(host.to_owned())
}

/// The root of the registry's paths: cleaned, and with the API's `/v2` at its end unless that is
/// overridden.
fn root(path: &str, override_path: bool) -> String {
    if path.is_empty() {
        return if override_path { String::new() } else { "/v2".to_owned() };
    }
    let clean = clean(path);
    if override_path || clean.ends_with("/v2") { clean } else { clean + "/v2" }
}

/// A path without empty and dot segments, as Go's `path.Clean` leaves it, rooted and without a
/// slash at its end: it is only ever joined to others.
pub(super) fn clean(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    segments.iter().flat_map(|segment| ["/", *segment]).collect()
}

fn unescape(path: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err("an unfinished % escape");
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_| "an escape that is no UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(written: &str) -> Result<(String, String, String), &'static str> {
        parse(written, false).map(|place| (place.scheme, place.host, place.path))
    }

    #[test]
    fn an_address_is_taken_apart_as_containerd_does() {
        for (written, scheme, host, path) in [
            ("https://mirror.test", "https", "mirror.test", "/v2"),
            ("https://mirror.test/", "https", "mirror.test", "/v2"),
            ("mirror.test", "https", "mirror.test", "/v2"),
            ("mirror.test:5000/cache", "https", "mirror.test:5000", "/cache/v2"),
            ("http://mirror.test:5000", "http", "mirror.test:5000", "/v2"),
            ("https://mirror.test/us", "https", "mirror.test", "/us/v2"),
            ("https://mirror.test/us/", "https", "mirror.test", "/us/v2"),
            ("https://mirror.test//a/./b/../c", "https", "mirror.test", "/a/c/v2"),
            ("https://mirror.test/v2", "https", "mirror.test", "/v2"),
            ("https://mirror.test/v2/", "https", "mirror.test", "/v2"),
            ("https://mirror.test/us/v2", "https", "mirror.test", "/us/v2"),
            ("https://mirror.test/notv2", "https", "mirror.test", "/notv2/v2"),
            ("https://user:secret@mirror.test/a?x=y#z", "https", "mirror.test", "/a/v2"),
            ("https://[fd00::1]:5000/a", "https", "[fd00::1]:5000", "/a/v2"),
            ("https://mirror.test/a%20b", "https", "mirror.test", "/a b/v2"),
            ("httpS://mirror.test", "https", "mirror.test", "/v2"),
            // Go finds neither host nor scheme in these.
            ("httpbin.test", "", "", "/httpbin.test/v2"),
            ("http2.test:5000", "http2.test", "", "/v2"),
            ("https:mirror.test", "https", "", "/v2"),
            ("https:///a", "https", "", "/a/v2"),
            ("/a", "https", "", "/a/v2"),
        ] {
            let expected = (scheme.to_owned(), host.to_owned(), path.to_owned());
            assert_eq!(of(written), Ok(expected), "{written}");
        }
        assert_eq!(parse("", false), Ok(Place::default()));
    }

    #[test]
    fn an_overridden_path_is_left_as_it_is() {
        for (written, path) in [
            ("https://mirror.test", ""),
            ("https://mirror.test/", ""),
            ("https://mirror.test/v2/prefix/", "/v2/prefix"),
        ] {
            assert_eq!(parse(written, true).unwrap().path, path, "{written}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for written in [
            "https://mirror.test:port",
            "https://[fd00::1",
            "https://[fd00::1]5000",
            "https://mirror[fd00::1]",
            "https://mirror test",
            "https://mirror.test/%zz",
            "https://mirror.test/%4",
            "https://mirror.test/\n",
            "httpx!:/",
        ] {
            assert!(parse(written, false).is_err(), "{written:?}");
        }
    }
}
