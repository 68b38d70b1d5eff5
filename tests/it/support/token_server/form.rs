//! `application/x-www-form-urlencoded`, as queries and OAuth2 forms use it.

/// The fields in their order.
pub struct Form(Vec<(String, String)>);

impl Form {
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    pub fn first(&self, name: &str) -> Option<String> {
        self.all(name).into_iter().next()
    }

    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(it, _)| it == name).map(|(_, value)| value.clone()).collect()
    }
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escape = bytes
            .get(at + 1..at + 3)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, escape) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn fields_are_decoded_and_may_repeat() {
    let form = Form::parse("scope=repository%3Aa%2Fb%3Apull&scope=x+y&odd=100%&empty=");
    assert_eq!(form.all("scope"), ["repository:a/b:pull", "x y"]);
    assert_eq!(form.first("odd").as_deref(), Some("100%"));
    assert_eq!(form.first("empty").as_deref(), Some(""));
    assert_eq!(form.first("absent"), None);
}
