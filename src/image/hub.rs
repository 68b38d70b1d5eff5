//! Docker Hub's history. To be written.
