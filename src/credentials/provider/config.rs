//! `CredentialProviderConfig` as the kubelet decodes it: strictly, so that an unknown or repeated
//! field is an error. Here is the shape; what values may be is in `validate`.

use super::Provider;
use super::problem::Problem;
use super::tree::Node;
use super::validate;
use crate::message::printable;
use crate::near_miss::nearest;

/// Versions of the configuration, the one to use first.
const VERSIONS: [&str; 3] =
    ["kubelet.config.k8s.io/v1", "kubelet.config.k8s.io/v1beta1", "kubelet.config.k8s.io/v1alpha1"];
const KIND: &str = "CredentialProviderConfig";

/// One file. A folder's files are read in the order of their names, as one configuration.
#[derive(Debug)]
pub struct Document {
    /// Its name, for problems.
    pub file: String,
    /// What it holds.
    pub text: String,
}

/// The name of a provider, which is also that of its executable, and where it stands.
#[derive(Debug)]
pub struct Named {
    /// The file.
    pub file: String,
    /// The field.
    pub field: String,
    /// The name.
    pub name: String,
}

/// Reads the files: the providers that are valid, every name that can be an executable's, and all
/// that is wrong.
pub fn read(documents: &[Document]) -> (Vec<Provider>, Vec<Named>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut raws = Vec::new();
    for document in documents {
        let mut reader = Reader { file: &document.file, problems: &mut problems };
        match Node::parse(&document.text) {
            Ok(node) => reader.document(&node, &mut raws),
            Err(why) => reader.wrong("", why),
        }
    }
    // One file of a folder may be empty, all of them together not.
    let told = problems.iter().any(|p| p.field.is_empty() || p.field.starts_with("providers"));
    if raws.is_empty()
        && !told
        && let Some(document) = documents.first()
    {
        let mut reader = Reader { file: &document.file, problems: &mut problems };
        reader.wrong("providers", "lists no provider; at least one is required");
    }
    let (providers, named) = validate::all(&raws, &mut problems);
    (providers, named, problems)
}

/// A field: not there (or null), of the wrong type and already complained of, or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given<T> {
    Absent,
    Wrong,
    Is(T),
}

impl<T> Given<T> {
    pub(super) fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// An entry of `providers` as written.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) file: String,
    /// `providers[0]`.
    pub(super) field: String,
    pub(super) name: Given<String>,
    pub(super) match_images: Given<Vec<String>>,
    pub(super) default_cache_duration: Given<String>,
    pub(super) api_version: Given<String>,
    pub(super) args: Given<Vec<String>>,
    pub(super) env: Given<Vec<(String, String)>>,
    pub(super) token: Option<RawToken>,
}

/// `tokenAttributes` as written.
#[derive(Debug)]
pub(super) struct RawToken {
    pub(super) audience: Given<String>,
    pub(super) cache_type: Given<String>,
    pub(super) require_service_account: Given<bool>,
    pub(super) required_keys: Given<Vec<String>>,
    pub(super) optional_keys: Given<Vec<String>>,
}

struct Reader<'a> {
    file: &'a str,
    problems: &'a mut Vec<Problem>,
}

/// The fields of a mapping.
struct Fields<'a> {
    at: String,
    entries: &'a [(String, Node)],
}

impl<'a> Fields<'a> {
    fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    fn get(&self, name: &str) -> Option<&'a Node> {
        let node = self.entries.iter().find(|(key, _)| key == name).map(|(_, node)| node);
        node.filter(|node| **node != Node::Null)
    }
}

impl Reader<'_> {
    fn wrong(&mut self, field: &str, message: impl Into<String>) {
        let file = self.file.to_owned();
        self.problems.push(Problem { file, field: field.to_owned(), message: message.into() });
    }

    fn document(&mut self, node: &Node, raws: &mut Vec<Raw>) {
        let Some(fields) = self.fields(String::new(), node, &["apiVersion", "kind", "providers"])
        else {
            return;
        };
        let version = self.one_of(&fields, "apiVersion", &VERSIONS);
        self.one_of(&fields, "kind", &[KIND]);
        // Where the version is wrong, that is said, and not what it would lack.
        let has_tokens = version.is_none_or(|version| version == VERSIONS[0]);
        if let Given::Is(list) = self.list(&fields, "providers") {
            for (at, node) in list {
                raws.extend(self.provider(at, node, has_tokens));
            }
        }
    }

    fn provider(&mut self, at: String, node: &Node, has_tokens: bool) -> Option<Raw> {
        let known: &[&str] = &[
            "name",
            "matchImages",
            "defaultCacheDuration",
            "apiVersion",
            "args",
            "env",
            "tokenAttributes",
        ];
        let fields = self.fields(at.clone(), node, known)?;
        let token = fields.get("tokenAttributes");
        if !has_tokens && token.is_some() {
            self.wrong(
                &fields.path("tokenAttributes"),
                format!("is known only to {}; write that apiVersion above", VERSIONS[0]),
            );
        }
        Some(Raw {
            file: self.file.to_owned(),
            name: self.text(&fields, "name"),
            match_images: self.texts(&fields, "matchImages"),
            default_cache_duration: self.text(&fields, "defaultCacheDuration"),
            api_version: self.text(&fields, "apiVersion"),
            args: self.texts(&fields, "args"),
            env: self.env(&fields),
            token: token.and_then(|node| self.token(fields.path("tokenAttributes"), node)),
            field: at,
        })
    }

    fn env(&mut self, fields: &Fields<'_>) -> Given<Vec<(String, String)>> {
        let list = match self.list(fields, "env") {
            Given::Is(list) => list,
            Given::Absent => return Given::Absent,
            Given::Wrong => return Given::Wrong,
        };
        let mut env = Vec::new();
        for (at, node) in list {
            let Some(entry) = self.fields(at, node, &["name", "value"]) else {
                return Given::Wrong;
            };
            let name = self.text(&entry, "name");
            let value = self.text(&entry, "value");
            if matches!(name, Given::Wrong) || matches!(value, Given::Wrong) {
                return Given::Wrong;
            }
            let or_empty = |given: Given<String>| given.value().cloned().unwrap_or_default();
            env.push((or_empty(name), or_empty(value)));
        }
        Given::Is(env)
    }

    fn token(&mut self, at: String, node: &Node) -> Option<RawToken> {
        let known = [
            "serviceAccountTokenAudience",
            "cacheType",
            "requireServiceAccount",
            "requiredServiceAccountAnnotationKeys",
            "optionalServiceAccountAnnotationKeys",
        ];
        let fields = self.fields(at, node, &known)?;
        let require = match fields.get("requireServiceAccount") {
            None => Given::Absent,
            Some(Node::Bool(value)) => Given::Is(*value),
            Some(other) => {
                let message = format!("is {}; write true or false", other.kind());
                self.wrong(&fields.path("requireServiceAccount"), message);
                Given::Wrong
            }
        };
        Some(RawToken {
            audience: self.text(&fields, "serviceAccountTokenAudience"),
            cache_type: self.text(&fields, "cacheType"),
            require_service_account: require,
            required_keys: self.texts(&fields, "requiredServiceAccountAnnotationKeys"),
            optional_keys: self.texts(&fields, "optionalServiceAccountAnnotationKeys"),
        })
    }

    /// A mapping, whose keys are all known and there once; null has none.
    fn fields<'a>(&mut self, at: String, node: &'a Node, known: &[&str]) -> Option<Fields<'a>> {
        let entries = match node {
            Node::Null => &[][..],
            Node::Map(entries) => entries.as_slice(),
            other => {
                self.wrong(&at, format!("is {}; write a mapping", other.kind()));
                return None;
            }
        };
        let fields = Fields { at, entries };
        for (index, (key, _)) in entries.iter().enumerate() {
            let path = fields.path(&printable(key, 60));
            let earlier = entries.iter().take(index).any(|(earlier, _)| earlier == key);
            if !known.contains(&key.as_str()) {
                let other_case = known.iter().find(|name| name.eq_ignore_ascii_case(key)).copied();
                let near = other_case.or_else(|| nearest(key, known.iter().copied()));
                self.wrong(
                    &path,
                    match near {
                        Some(near) => format!("is no field; did you mean {near}?"),
                        None => "is no field, and the kubelet refuses those; remove it".to_owned(),
                    },
                );
            } else if earlier {
                self.wrong(&path, "is there twice; keep one");
            }
        }
        Some(fields)
    }

    /// One of these words, which is said to be wrong where it is absent too.
    fn one_of(&mut self, fields: &Fields<'_>, name: &str, words: &[&str]) -> Option<String> {
        let given = self.text(fields, name);
        let text = match &given {
            Given::Is(text) if words.contains(&text.as_str()) => return Some(text.clone()),
            Given::Is(text) => text.as_str(),
            Given::Absent => "",
            Given::Wrong => return None,
        };
        let message = is_not_one_of(text, words);
        self.wrong(&fields.path(name), message);
        None
    }

    fn text(&mut self, fields: &Fields<'_>, name: &str) -> Given<String> {
        match fields.get(name) {
            None => Given::Absent,
            Some(Node::Text(text)) => Given::Is(text.clone()),
            Some(other) => {
                self.not_text(&fields.path(name), other);
                Given::Wrong
            }
        }
    }

    fn texts(&mut self, fields: &Fields<'_>, name: &str) -> Given<Vec<String>> {
        let list = match self.list(fields, name) {
            Given::Is(list) => list,
            Given::Absent => return Given::Absent,
            Given::Wrong => return Given::Wrong,
        };
        let mut texts = Vec::new();
        let before = self.problems.len();
        for (at, node) in list {
            match node {
                Node::Text(text) => texts.push(text.clone()),
                // Go leaves the empty text that was there.
                Node::Null => texts.push(String::new()),
                other => self.not_text(&at, other),
            }
        }
        if self.problems.len() > before { Given::Wrong } else { Given::Is(texts) }
    }

    fn not_text(&mut self, at: &str, node: &Node) {
        let fix = match node {
            Node::List(_) | Node::Map(_) => "write a single text",
            _ => "put it in quotes",
        };
        self.wrong(at, format!("is {}, not text; {fix}", node.kind()));
    }

    /// The items, each with its path.
    fn list<'a>(&mut self, fields: &Fields<'a>, name: &str) -> Given<Vec<(String, &'a Node)>> {
        let path = fields.path(name);
        match fields.get(name) {
            None => Given::Absent,
            Some(Node::List(items)) => {
                let numbered = items.iter().enumerate();
                Given::Is(numbered.map(|(n, item)| (format!("{path}[{n}]"), item)).collect())
            }
            Some(other) => {
                self.wrong(&path, format!("is {}; write a list", other.kind()));
                Given::Wrong
            }
        }
    }
}

/// What is wrong with a word that is not among these.
pub(super) fn is_not_one_of(text: &str, words: &[&str]) -> String {
    let list = match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    };
    if text.is_empty() {
        format!("is missing; write {list}")
    } else {
        format!("\"{}\" is not known; write {list}", printable(text, 80))
    }
}
