//! `application/x-www-form-urlencoded`, for token requests. Pure.

/// Names and values, encoded, in order.
#[derive(Default)]
pub(super) struct Form(String);

impl Form {
    /// Adds one pair.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        encode(name.as_bytes(), &mut self.0);
        self.0.push('=');
        encode(value.as_ref(), &mut self.0);
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

fn encode(text: &[u8], to: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hex = |digit: u8| HEX.get(usize::from(digit)).copied().map_or('0', char::from);
    for &byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            to.push(char::from(byte));
        } else {
            to.extend(['%', hex(byte >> 4), hex(byte & 0xf)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_could_end_a_value_is_encoded() {
        let form =
            Form::default().with("scope", "repository:a/b:pull").with("p", "a b&c=\u{e9}\n%+");
        let expected = "scope=repository%3Aa%2Fb%3Apull&p=a%20b%26c%3D%C3%A9%0A%25%2B";
        assert_eq!(form.into_string(), expected);
    }
}
