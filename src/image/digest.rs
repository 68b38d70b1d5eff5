#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest {
    _a: Algorithm,
    _h: String,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestError;
