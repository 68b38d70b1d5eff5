//! The binary: arguments, the one crypto provider, run.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use pullcheck::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::read();
    // The only provider in the graph; whoever builds a TLS configuration finds it here. A second
    // call would be the only way to fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(cli.run());
            // Lookups in the background must not hold up the end; it is only to be seen that
            // processes of theirs end with us.
            runtime.shutdown_timeout(Duration::from_millis(100));
            pullcheck::telemetry::finish();
            code
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: no runtime can be started: {error}");
            ExitCode::from(2)
        }
    }
}
