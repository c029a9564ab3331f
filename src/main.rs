//! The `kap-fhir` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    kap_fhir::cli::run()
}
