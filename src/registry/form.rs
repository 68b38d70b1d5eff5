//! `application/x-www-form-urlencoded`, for token requests. Pure.

use crate::percent::{encode, is_unreserved};

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
        encode(name.as_bytes(), is_unreserved, &mut self.0);
        self.0.push('=');
        encode(value.as_ref(), is_unreserved, &mut self.0);
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
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
