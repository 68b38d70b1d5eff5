#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    _p: String,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceError;
