//! The `kap-fhir` program.

use std::process::ExitCode;

/// Several threads make and drop what one request needs; the system's allocator makes them wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kap_fhir::cli::run()
}
