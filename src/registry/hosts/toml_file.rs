//! `hosts.toml` as containerd reads it (`parseHostsFile`). Pure: text in, hosts in order out.
//!
//! containerd decodes the file with go-toml, which takes keys in any case and leaves out those it
//! does not know, and finds the order of the hosts in the headers of their tables: a host that is
//! written as an inline table or by dotted keys has no header, and is never asked.

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use toml_edit::{Array, Document, Item, Table, TableLike, Value};

use super::entry::{Capabilities, ClientPair, Entry, Headers};
use super::server_url;
use crate::go_duration;
use crate::message::printable;

/// The hosts of a file in the folder `base`, in the order in which they are asked; the last is the
/// `server`, or the registry itself.
///
/// # Errors
/// Why containerd takes nothing of this file. Never quotes a value of a header.
pub(super) fn parse(text: &str, base: &Path) -> Result<Vec<Entry>, String> {
    let document = Document::parse(text).map_err(|error| syntax(&error, text))?;
    let root = document.as_table();
    let mut server = String::new();
    for (key, item) in root {
        match key.to_lowercase().as_str() {
            "server" => server = string(item, "server")?,
            "host" => {
                for (name, item) in table(item, "host")?.iter() {
                    Settings::read(table(item, &format!("host {}", shown(name)))?)?;
                }
            }
            _ => {}
        }
    }
    let mut hosts = Vec::new();
    if let Some(Item::Table(tables)) = root.get("host") {
        for name in in_order(tables) {
            let Some(written) = tables.get(name).and_then(Item::as_table_like) else { continue };
            hosts.push(Settings::read(written)?.entry(name, base)?);
        }
    }
    hosts.push(Settings::read(root)?.entry(&server, base)?);
    Ok(hosts)
}

/// What is wrong, and on which line; the line itself may hold a header's value.
fn syntax(error: &toml_edit::TomlError, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    let message = error.message().lines().next().unwrap_or_default();
    format!("line {line}: {}", printable(message, 80))
}

/// Names of hosts in the order of their tables' headers. One whose table is opened again after
/// another's (for its `header`, say) is asked again.
fn in_order(tables: &Table) -> Vec<&str> {
    let mut headers = Vec::new();
    for (name, item) in tables {
        let mut positions = Vec::new();
        positions_of(item, &mut positions);
        headers.extend(positions.into_iter().map(|position| (position, name)));
    }
    headers.sort_unstable();
    let mut names: Vec<&str> = headers.into_iter().map(|(_, name)| name).collect();
    names.dedup();
    // containerd starts as if it had just seen one without a name.
    if names.first() == Some(&"") {
        names.remove(0);
    }
    names
}

fn positions_of(item: &Item, positions: &mut Vec<isize>) {
    match item {
        Item::Table(table) => {
            if !table.is_implicit() && !table.is_dotted() {
                positions.extend(table.position());
            }
            table.iter().for_each(|(_, item)| positions_of(item, positions));
        }
        Item::ArrayOfTables(tables) => {
            for (_, item) in tables.iter().flat_map(Table::iter) {
                positions_of(item, positions);
            }
        }
        Item::None | Item::Value(_) => {}
    }
}

/// What may be said of any host: the equivalent of containerd's `hostFileConfig`.
#[derive(Default)]
struct Settings<'a> {
    capabilities: Vec<&'a str>,
    ca: Option<&'a Item>,
    client: Option<&'a Item>,
    skip_verify: Option<bool>,
    /// One for each spelling of the key: they add up.
    header: Vec<&'a dyn TableLike>,
    override_path: bool,
    dial_timeout: String,
}

impl<'a> Settings<'a> {
    fn read(written: &'a dyn TableLike) -> Result<Self, String> {
        let mut settings = Self::default();
        for (key, item) in written.iter() {
            match key.to_lowercase().as_str() {
                "capabilities" => {
                    let list = item.as_array().ok_or("capabilities is no list")?;
                    settings.capabilities = strings(list, "capabilities")?;
                }
                "ca" => settings.ca = Some(item),
                "client" => settings.client = Some(item),
                "skip_verify" => settings.skip_verify = Some(boolean(item, "skip_verify")?),
                "header" => settings.header.push(table(item, "header")?),
                "override_path" => settings.override_path = boolean(item, "override_path")?,
                "dial_timeout" => settings.dial_timeout = string(item, "dial_timeout")?,
                _ => {}
            }
        }
        Ok(settings)
    }

    fn entry(self, server: &str, base: &Path) -> Result<Entry, String> {
        let place = server_url::parse(server, self.override_path)
            .map_err(|what| format!("{} is no address: {what}", shown(server)))?;
        Ok(Entry {
            place,
            capabilities: capabilities(&self.capabilities)?,
            ca: self.ca.map(|ca| self::ca(ca, base)).transpose()?,
            clients: self
                .client
                .map(|client| clients(client, base))
                .transpose()?
                .unwrap_or_default(),
            skip_verify: self.skip_verify,
            headers: headers(&self.header)?,
            dial_timeout: dial_timeout(&self.dial_timeout)?,
        })
    }
}

fn capabilities(written: &[&str]) -> Result<Capabilities, String> {
    if written.is_empty() {
        return Ok(Capabilities::default());
    }
    let mut capabilities = Capabilities { pull: false, resolve: false };
    for name in written {
        match name.to_lowercase().as_str() {
            "pull" => capabilities.pull = true,
            "resolve" => capabilities.resolve = true,
            "push" | "referrers" => {}
            _ => return Err(format!("the capability {} is not known", shown(name))),
        }
    }
    Ok(capabilities)
}

/// `base.join` is Go's `filepath.Join` here but for dots, which the system resolves: an empty path
/// is the folder itself, and an absolute one stays.
fn ca(item: &Item, base: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    match item.as_value() {
        Some(Value::String(path)) => Ok(vec![base.join(path.value())]),
        Some(Value::Array(paths)) => {
            Ok(strings(paths, "ca")?.into_iter().map(|path| base.join(path)).collect())
        }
        _ => Err("ca is neither a path nor a list of paths".to_owned()),
    }
}

fn clients(item: &Item, base: &Path) -> Result<Vec<ClientPair>, String> {
    let alone = |path: &str| ClientPair { certificate: base.join(path), key: None };
    let entry = |value: &Value| match value {
        Value::String(path) => Ok(alone(path.value())),
        Value::Array(pair) => match strings(pair, "client")?.as_slice() {
            [certificate, key] => {
                Ok(ClientPair { certificate: base.join(certificate), key: Some(base.join(key)) })
            }
            _ => Err("client holds a list that is no pair of paths".to_owned()),
        },
        _ => Err("client holds neither a path nor a pair of paths".to_owned()),
    };
    match item.as_value() {
        Some(Value::String(path)) => Ok(vec![alone(path.value())]),
        Some(Value::Array(list)) => list.iter().map(entry).collect(),
        _ => Err("client is neither a path nor a list".to_owned()),
    }
}

fn headers(written: &[&dyn TableLike]) -> Result<Headers, String> {
    let mut headers = Headers::default();
    for (name, item) in written.iter().flat_map(|table| table.iter()) {
        match item.as_value() {
            Some(Value::String(value)) => headers.add(name, value.value()),
            Some(Value::Array(values)) => {
                for value in strings(values, "a header")? {
                    headers.add(name, value);
                }
            }
            _ => return Err("a header is neither text nor a list of texts".to_owned()),
        }
    }
    Ok(headers)
}

/// Go takes zero for no limit, and less for one that is over already.
fn dial_timeout(written: &str) -> Result<Option<Duration>, String> {
    if written.is_empty() {
        return Ok(None);
    }
    let (negative, length) = go_duration::parse_signed(written)
        .ok_or_else(|| format!("dial_timeout {} is no time", shown(written)))?;
    Ok(Some(if negative { Duration::ZERO } else { length }).filter(|_| !length.is_zero()))
}

fn table<'a>(item: &'a Item, what: &str) -> Result<&'a dyn TableLike, String> {
    item.as_table_like().ok_or_else(|| format!("{what} is no table"))
}

fn string(item: &Item, what: &str) -> Result<String, String> {
    item.as_str().map(str::to_owned).ok_or_else(|| format!("{what} is no text"))
}

fn boolean(item: &Item, what: &str) -> Result<bool, String> {
    item.as_bool().ok_or_else(|| format!("{what} is neither true nor false"))
}

fn strings<'a>(list: &'a Array, what: &str) -> Result<Vec<&'a str>, String> {
    let texts = list.iter().map(Value::as_str).collect::<Option<_>>();
    texts.ok_or_else(|| format!("{what} holds what is no text"))
}

/// A name of the operator's own; of an address without what may be a password.
fn shown(name: &str) -> String {
    let bare = match (name.split_once("://"), name.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        _ => name.to_owned(),
    };
    format!("\"{}\"", printable(&bare, 60))
}
