//! Every path that a file names, from `use` lines and from code, as absolute as text can tell.

use std::collections::HashMap;

use super::lexer::{Kind, Token, tokens};

/// A path that is named somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// `["crate", "image", "Reference"]` for ours, `["std", "env"]` for others; a glob ends in `*`.
    pub path: Vec<String>,
    pub line: usize,
}

/// A `mod name;` that stands for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModFile {
    /// Inline modules around it, and its name.
    pub path: Vec<String>,
    /// From `#[path = "..."]`.
    pub file: Option<String>,
    pub test: bool,
}

/// What a file names outside its tests, and the files it declares.
#[derive(Debug, Default)]
pub struct Contents {
    pub named: Vec<Named>,
    pub mods: Vec<ModFile>,
}

/// Reads a file that is the module `module` of the crate (`[]` for the root).
pub fn contents(source: &str, module: &[&str]) -> Contents {
    let mut reader = Reader {
        tokens: tokens(source),
        at: 0,
        module: module.iter().map(ToString::to_string).collect(),
        inline: Vec::new(),
        depth: 0,
        imports: HashMap::new(),
        found: Contents::default(),
        code: Vec::new(),
    };
    while reader.at < reader.tokens.len() {
        reader.step();
    }
    // Imports may stand below the code that uses them.
    for (module, segments, line) in std::mem::take(&mut reader.code) {
        let path = reader.expand(&module, segments);
        reader.found.named.push(Named { path, line });
    }
    reader.found.named.sort_by_key(|named| named.line);
    reader.found
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    module: Vec<String>,
    /// Inline modules we are in, with the depth of their braces.
    inline: Vec<(String, usize)>,
    depth: usize,
    imports: HashMap<String, Vec<String>>,
    found: Contents,
    code: Vec<(Vec<String>, Vec<String>, usize)>,
}

impl Reader {
    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn is(&self, ahead: usize, mark: &str) -> bool {
        self.token(ahead).is_some_and(|token| token.is(mark))
    }

    /// The module we are in, inline ones included.
    fn here(&self) -> Vec<String> {
        let inline = self.inline.iter().map(|(name, _)| name.clone());
        self.module.iter().cloned().chain(inline).collect()
    }

    fn step(&mut self) {
        let Some(token) = self.tokens.get(self.at).cloned() else { return };
        if token.is_word("mod") && self.token(1).is_some_and(|it| it.kind == Kind::Word) {
            self.module_item(token.test);
            return;
        }
        if token.test {
            self.at += 1;
        } else if token.is_word("use") && !self.is(1, "<") {
            self.at += 1;
            self.use_tree(Vec::new());
        } else if token.kind == Kind::Word {
            self.path(token.line);
        } else {
            if token.is("{") {
                self.depth += 1;
            } else if token.is("}") {
                self.depth = self.depth.saturating_sub(1);
                if self.inline.last().is_some_and(|(_, depth)| *depth == self.depth) {
                    self.inline.pop();
                }
            }
            self.at += 1;
        }
    }

    fn module_item(&mut self, test: bool) {
        let name = self.token(1).map(|token| token.text.clone()).unwrap_or_default();
        if self.is(2, ";") {
            let mut path: Vec<_> = self.inline.iter().map(|(name, _)| name.clone()).collect();
            path.push(name);
            self.found.mods.push(ModFile { path, file: self.path_attribute(), test });
        } else if self.is(2, "{") && !test {
            self.inline.push((name, self.depth));
            self.depth += 1;
            self.at += 1;
        }
        self.at += 2;
    }

    /// The `#[path = "..."]` right before a `mod`, visibility aside.
    fn path_attribute(&self) -> Option<String> {
        let item = self.tokens[..self.at]
            .iter()
            .rposition(|it| [";", "{", "}"].iter().any(|mark| it.is(mark)));
        let before = &self.tokens[item.map_or(0, |at| at + 1)..self.at];
        let at = before.iter().position(|token| token.is_word("path"))?;
        before.get(at + 2).filter(|token| token.kind == Kind::Text).map(|token| token.text.clone())
    }

    /// One branch of a `use`, after `prefix`.
    fn use_tree(&mut self, mut prefix: Vec<String>) {
        let line = self.token(0).map_or(0, |token| token.line);
        loop {
            let Some(token) = self.tokens.get(self.at).cloned() else { return };
            if token.kind == Kind::Word && !token.is_word("as") {
                prefix.push(token.text);
                self.at += 1;
            } else if token.is("::") {
                self.at += 1;
            } else if token.is("*") {
                prefix.push("*".to_owned());
                self.at += 1;
            } else if token.is("{") {
                self.at += 1;
                while self.at < self.tokens.len() && !self.is(0, "}") {
                    if self.is(0, ",") {
                        self.at += 1;
                    } else {
                        self.use_tree(prefix.clone());
                    }
                }
                self.at += 1;
                return;
            } else {
                break;
            }
        }
        let renamed = self.token(0).is_some_and(|token| token.is_word("as"));
        let alias = renamed.then(|| self.token(1).map(|token| token.text.clone())).flatten();
        if renamed {
            self.at += 2;
        } else if prefix.is_empty() {
            // Not a `use` that we understand; never stand still.
            self.at += 1;
            return;
        }
        if prefix.last().is_some_and(|last| last == "self") {
            prefix.pop();
        }
        let path = self.expand(&self.here(), prefix);
        if let Some(name) = alias.or_else(|| path.last().cloned()) {
            self.imports.insert(name, path.clone());
        }
        self.found.named.push(Named { path, line });
    }

    /// A path in code.
    fn path(&mut self, line: usize) {
        let after = self.at.checked_sub(1).and_then(|before| self.tokens.get(before));
        let field = after.is_some_and(|token| token.is("."));
        let mut segments = Vec::new();
        while let Some(token) = self.token(0).filter(|token| token.kind == Kind::Word) {
            segments.push(token.text.clone());
            self.at += 1;
            let more = self.is(0, "::") && self.token(1).is_some_and(|it| it.kind == Kind::Word);
            if !more {
                break;
            }
            self.at += 1;
        }
        // `std::env!` reads the compiler's environment, not the program's.
        let compiled_in = self.is(0, "!") && segments == ["std", "env"];
        if segments.len() > 1 && !field && !compiled_in {
            self.code.push((self.here(), segments, line));
        }
    }

    /// Makes a path absolute.
    fn expand(&self, module: &[String], segments: Vec<String>) -> Vec<String> {
        let mut base: Vec<String> = module.to_vec();
        let mut rest = segments.into_iter().peekable();
        let crate_path = |base: Vec<String>| std::iter::once("crate".to_owned()).chain(base);
        match rest.peek().map(String::as_str) {
            Some("crate") => rest.collect(),
            Some("pullcheck") => {
                rest.next();
                crate_path(Vec::new()).chain(rest).collect()
            }
            Some("self" | "super") => {
                while let Some(relative) = rest.next_if(|it| it == "self" || it == "super") {
                    if relative == "super" {
                        base.pop();
                    }
                }
                crate_path(base).chain(rest).collect()
            }
            Some(first) => match self.imports.get(first) {
                Some(import) if import.first().is_none_or(|it| it != first) => {
                    rest.next();
                    import.iter().cloned().chain(rest).collect()
                }
                _ => rest.collect(),
            },
            None => Vec::new(),
        }
    }
}
