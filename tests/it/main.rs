#[cfg(test)]
mod deploy;
