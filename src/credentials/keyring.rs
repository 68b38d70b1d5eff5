//! The kubelet's keyring. To be written.
use super::{Credential, DockerConfig};
pub struct Keyring<'a> {
    _p: Vec<&'a DockerConfig>,
}
pub struct Match<'a> {
    pub source: usize,
    pub credential: &'a Credential,
}
