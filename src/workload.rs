//! Kubernetes objects reduced to what a pull depends on.
