//! Proofs that each party sees what it may and nothing more.

mod bench;
mod cohort;
mod dice;
mod directed;
mod kit;
mod matrix;
mod mould;
mod oracle;
pub mod rows;
pub mod scene;
mod seed;
mod table;
mod traces;
mod worlds;

/// Cases of the matrix on each database; in two worlds an eighth as many requests are compared. `KAP_PROOF_CASES` asks
/// for another number.
#[expect(
    clippy::disallowed_methods,
    reason = "who runs the tests says how long they may take"
)]
fn cases() -> usize {
    let asked = std::env::var("KAP_PROOF_CASES");
    asked.map_or(8_000, |n| n.parse().expect("a number"))
}
