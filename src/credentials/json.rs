//! JSON as Go's encoding/json reads it.
//!
//! Not serde_json, because a Secret that one of the two decodes and the other does not would be
//! judged wrongly: Go replaces invalid UTF-8 and lone surrogates by U+FFFD, and follows 10,000
//! levels. Nothing here recurses, so depth costs no stack. Only what a docker configuration needs
//! is decoded; numbers are only checked. Names are given as written: see `go_json`.

use super::docker_config::JsonType;

/// Go's `maxNestingDepth`.
const DEPTH_MAX: usize = 10_000;
const REPLACEMENT: char = '\u{fffd}';

/// One valid JSON value, as written.
#[derive(Clone, Copy)]
pub(super) struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    /// A whole document: one value and white space.
    pub(super) fn document(text: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor(text);
        let value = cursor.value()?;
        cursor.skip_space();
        cursor.0.is_empty().then_some(value)
    }

    pub(super) fn kind(self) -> JsonType {
        match self.0.first() {
            Some(b'{') => JsonType::Object,
            Some(b'[') => JsonType::Array,
            Some(b'"') => JsonType::String,
            Some(b't' | b'f') => JsonType::Boolean,
            Some(b'n') => JsonType::Null,
            _ => JsonType::Number,
        }
    }

    /// The members of an object in their order, duplicates too; none of anything else.
    pub(super) fn members(self) -> Members<'a> {
        Members(Cursor(self.0.strip_prefix(b"{").unwrap_or_default()))
    }

    /// The text of a string.
    pub(super) fn string(self) -> Option<String> {
        (self.kind() == JsonType::String).then(|| unquote(self.0))
    }
}

/// The members of an object.
pub(super) struct Members<'a>(Cursor<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (String, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let cursor = &mut self.0;
        cursor.take(b',');
        let name = cursor.member_name()?;
        Some((unquote(name), cursor.value()?))
    }
}

#[derive(Clone, Copy)]
enum Open {
    Object,
    Array,
}

/// What is left of the text.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    /// Takes this byte if it is next, after white space.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// Takes a name and its colon.
    fn member_name(&mut self) -> Option<&'a [u8]> {
        self.skip_space();
        let name = self.scalar(Self::string)?;
        self.take(b':').then_some(name)
    }

    /// Takes one value with everything in it.
    fn value(&mut self) -> Option<Value<'a>> {
        self.skip_space();
        let start = self.0;
        let mut open = Vec::new();
        loop {
            self.skip_space();
            let entered = match self.0.first()? {
                b'{' => Some(Open::Object),
                b'[' => Some(Open::Array),
                b'"' => self.string().map(|()| None)?,
                b't' => self.literal(b"true").map(|()| None)?,
                b'f' => self.literal(b"false").map(|()| None)?,
                b'n' => self.literal(b"null").map(|()| None)?,
                _ => self.number().map(|()| None)?,
            };
            if let Some(container) = entered {
                self.0 = self.0.get(1..)?;
                open.push(container);
                if open.len() > DEPTH_MAX {
                    return None;
                }
                match container {
                    Open::Object if !self.take(b'}') => {
                        self.member_name()?;
                        continue;
                    }
                    Open::Array if !self.take(b']') => continue,
                    _ => drop(open.pop()),
                }
            }
            if !self.close(&mut open)? {
                break;
            }
        }
        start.get(..start.len() - self.0.len()).map(Value)
    }

    /// After a value: closes what ends here. True if another value follows.
    fn close(&mut self, open: &mut Vec<Open>) -> Option<bool> {
        loop {
            match open.last() {
                None => return Some(false),
                Some(Open::Object) if self.take(b',') => {
                    self.member_name()?;
                    return Some(true);
                }
                Some(Open::Array) if self.take(b',') => return Some(true),
                Some(Open::Object) if !self.take(b'}') => return None,
                Some(Open::Array) if !self.take(b']') => return None,
                Some(_) => drop(open.pop()),
            }
        }
    }

    /// Runs a check and gives what it took.
    fn scalar(&mut self, check: fn(&mut Self) -> Option<()>) -> Option<&'a [u8]> {
        let start = self.0;
        check(self)?;
        start.get(..start.len() - self.0.len())
    }

    fn literal(&mut self, word: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.literal(b"\"")?;
        loop {
            self.0 = match self.0 {
                [b'"', rest @ ..] => {
                    self.0 = rest;
                    return Some(());
                }
                [b'\\', b'u', hex @ ..] => {
                    let (digits, rest) = hex.split_at_checked(4)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    rest
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => rest,
                [b'\\' | 0..0x20, ..] | [] => return None,
                [_, rest @ ..] => rest,
            };
        }
    }

    fn number(&mut self) -> Option<()> {
        self.0 = self.0.strip_prefix(b"-").unwrap_or(self.0);
        match self.0.strip_prefix(b"0") {
            Some(rest) => self.0 = rest,
            None => self.digits()?,
        }
        if let Some(rest) = self.0.strip_prefix(b".") {
            self.0 = rest;
            self.digits()?;
        }
        if let [b'e' | b'E', rest @ ..] = self.0 {
            self.0 = match rest {
                [b'+' | b'-', rest @ ..] => rest,
                _ => rest,
            };
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let [b'0'..=b'9', ..] = self.0 else { return None };
        while let [b'0'..=b'9', rest @ ..] = self.0 {
            self.0 = rest;
        }
        Some(())
    }
}

/// The text of a valid string in its quotes.
fn unquote(quoted: &[u8]) -> String {
    let mut rest = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    let mut text = String::with_capacity(rest.len());
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        let (plain, escape) = rest.split_at(at);
        push_utf8(&mut text, plain);
        rest = match escape {
            [_, b'u', after @ ..] => push_unicode(&mut text, after),
            [_, letter, after @ ..] => {
                text.push(match letter {
                    b'b' => '\u{8}',
                    b'f' => '\u{c}',
                    b'n' => '\n',
                    b'r' => '\r',
                    b't' => '\t',
                    other => char::from(*other),
                });
                after
            }
            _ => &[],
        };
    }
    push_utf8(&mut text, rest);
    text
}

/// Go replaces every byte that belongs to no character, not every sequence.
fn push_utf8(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| REPLACEMENT));
    }
}

/// Decodes what follows `\u`, the second half of a surrogate pair too. Gives what is left.
fn push_unicode<'a>(text: &mut String, after: &'a [u8]) -> &'a [u8] {
    let Some((unit, rest)) = code_unit(after) else { return &[] };
    if let Some(c) = char::from_u32(u32::from(unit)) {
        text.push(c);
        return rest;
    }
    if let Some((low, beyond)) = rest.strip_prefix(b"\\u").and_then(code_unit)
        && let Some(Ok(c)) = char::decode_utf16([unit, low]).next()
    {
        text.push(c);
        return beyond;
    }
    text.push(REPLACEMENT);
    rest
}

fn code_unit(hex: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = hex.split_at_checked(4)?;
    let unit = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((unit, rest))
}
