//! Docker configuration as Secrets hold it. To be written.
use super::Credential;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigFormat {
    DockerConfigJson,
    DockerCfg,
}
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub credential: Credential,
    pub has_identity_token: bool,
}
#[derive(Debug, Clone)]
pub struct DockerConfig {
    pub entries: Vec<Entry>,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    pub entry: Option<String>,
    pub fault: String,
}
