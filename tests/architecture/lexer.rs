//! Rust source as tokens: enough of the language to find `use` lines, paths and `mod` items, and
//! not to be fooled by comments, strings and test code.

/// A token with its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub text: String,
    pub line: usize,
    /// Whether it belongs to an item under `#[cfg(test)]`.
    pub test: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Word,
    /// A string's content; other literals are dropped.
    Text,
    /// One character, or `::`.
    Mark,
}

impl Token {
    pub fn is(&self, mark: &str) -> bool {
        self.kind == Kind::Mark && self.text == mark
    }

    pub fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }
}

/// All tokens of a file.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: source.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    mark_tests(&mut lexer.tokens);
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn advance(&mut self) -> char {
        let char = self.peek(0);
        self.at += 1;
        if char == '\n' {
            self.line += 1;
        }
        char
    }

    fn push(&mut self, kind: Kind, text: String, line: usize) {
        self.tokens.push(Token { kind, text, line, test: false });
    }

    fn step(&mut self) {
        let line = self.line;
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => while self.at < self.chars.len() && self.advance() != '\n' {},
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(0),
            ('\'', _) => self.quote(),
            (':', ':') => {
                self.at += 2;
                self.push(Kind::Mark, "::".to_owned(), line);
            }
            (first, _) if first.is_alphabetic() || first == '_' => self.word(),
            (first, _) if first.is_ascii_digit() => {
                while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
                    self.advance();
                }
            }
            (first, _) => {
                self.advance();
                if !first.is_whitespace() {
                    self.push(Kind::Mark, first.to_string(), line);
                }
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.advance();
                    continue;
                }
            }
            self.at += 2;
            if depth == 0 {
                return;
            }
        }
    }

    /// From the opening quote; with hashes it is a raw string, in which nothing is escaped.
    fn string(&mut self, hashes: usize) {
        self.quoted(hashes, hashes == 0);
    }

    fn quoted(&mut self, hashes: usize, escapes: bool) {
        let line = self.line;
        let mut text = String::new();
        self.advance();
        while self.at < self.chars.len() {
            let char = self.advance();
            if char == '\\' && escapes {
                self.advance();
            } else if char == '"' && (0..hashes).all(|ahead| self.peek(ahead) == '#') {
                self.at += hashes;
                break;
            } else {
                text.push(char);
            }
        }
        self.push(Kind::Text, text, line);
    }

    /// A character or a lifetime.
    fn quote(&mut self) {
        self.advance();
        if self.peek(0) == '\\' {
            self.at += 2;
            while self.at < self.chars.len() && self.advance() != '\'' {}
        } else if self.peek(1) == '\'' {
            self.advance();
            self.advance();
        }
        // Else a lifetime, whose name is dropped.
        else {
            while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
                self.advance();
            }
        }
    }

    fn word(&mut self) {
        let line = self.line;
        let mut text = String::new();
        while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
            text.push(self.advance());
        }
        let hashes = self.chars[self.at..].iter().take_while(|char| **char == '#').count();
        let raw = matches!(text.as_str(), "r" | "br" | "cr");
        match self.peek(hashes) {
            '"' if raw => {
                self.at += hashes;
                self.quoted(hashes, false);
            }
            '"' if hashes == 0 && matches!(text.as_str(), "b" | "c") => self.string(0),
            '\'' if hashes == 0 && text == "b" => self.quote(),
            // A raw identifier is its name.
            _ if text == "r" && hashes == 1 => {
                self.at += 1;
                self.word();
            }
            _ => self.push(Kind::Word, text, line),
        }
    }
}

/// Marks every item that stands under `#[cfg(test)]`, attributes included.
fn mark_tests(tokens: &mut [Token]) {
    let mut at = 0;
    while at < tokens.len() {
        let end = attribute_end(tokens, at);
        match end {
            Some(end) if is_cfg_test(&tokens[at..end]) => {
                let end = item_end(tokens, end);
                for token in &mut tokens[at..end] {
                    token.test = true;
                }
                at = end;
            }
            Some(end) => at = end,
            None => at += 1,
        }
    }
}

/// Past the `]` of an attribute that begins here.
fn attribute_end(tokens: &[Token], at: usize) -> Option<usize> {
    let opens = |at: usize, mark: &str| tokens.get(at).is_some_and(|token| token.is(mark));
    (opens(at, "#") && opens(at + 1, "[")).then(|| group_end(tokens, at + 1))
}

fn is_cfg_test(attribute: &[Token]) -> bool {
    let word = |word: &str| attribute.iter().any(|token| token.is_word(word));
    attribute.get(2).is_some_and(|token| token.is_word("cfg"))
        && word("test")
        && !word("not")
        && !word("any")
}

/// Past the group that opens here.
fn group_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if ["(", "[", "{"].iter().any(|mark| token.is(mark)) {
            depth += 1;
        } else if [")", "]", "}"].iter().any(|mark| token.is(mark)) {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    tokens.len()
}

/// Past the item that begins here, perhaps with more attributes.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while let Some(end) = attribute_end(tokens, at) {
        at = end;
    }
    let import = tokens[at..].iter().take(6).any(|token| token.is_word("use"));
    while let Some(token) = tokens.get(at) {
        if token.is(";") {
            return at + 1;
        }
        if token.is("{") && !import {
            return group_end(tokens, at);
        }
        at = if token.is("(") || token.is("[") || token.is("{") {
            group_end(tokens, at)
        } else {
            at + 1
        };
    }
    at
}
