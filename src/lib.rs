//! kap-fhir: the FHIR R4 interoperability service for ketamine-assisted psychotherapy.
//!
//! # Invariants
//! 1. FHIR is the record: the one persisted clinical truth is the resource, byte for byte but for `meta` and the base
//!    URL of references to this server.
//! 2. One way in: every change is given to `interaction::commit`.
//! 3. One way out: everything that leaves is read through a `store::View` under an `access::Access`.
//! 4. Pure core: `fhir`, `kap`, `mapping`, `access` do no I/O, read no clock, know neither axum nor a database.
//! 5. Each dependency has one home (`tests/it/tidy.rs` checks it).
//! 6. A predicate is data: it compiles to SQL and evaluates in memory.
//! 7. Commands may be refused, facts never are.
//! 8. Absence never grants.
//!
//! The exception to 1 and 2 is what must have no FHIR form: private notes are sealed in a store of their own, which
//! nothing but [`interaction::private_note`] writes and reads.

pub mod access;
pub mod app;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod demo;
pub mod error;
pub mod fhir;
pub mod http;
pub mod interaction;
pub mod kap;
pub mod mapping;
pub mod net;
pub mod private;
pub mod server;
pub mod store;
pub mod telemetry;
