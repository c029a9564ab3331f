//! The audit: what each request and each act of the operator did, who did it, and the proof that nothing of it was
//! changed afterwards.
//!
//! Knows events ([`event`]), how they are gathered while a request runs ([`trail`]), how they are told in FHIR
//! ([`balp`]), and the chain that seals them ([`chain`]). Pure but for the [`record::Recorder`], which asks the clock.
//! Must not know databases, keys or HTTP: rows are kept by `store::audit`, signed by `auth::seal`.

pub mod balp;
pub mod chain;
pub mod event;
pub mod record;
pub mod trail;

pub use event::{Event, Kind, NOTE_KEY, Outcome, PRIVATE_NOTE, Row, Target, Who};
pub use record::Recorder;
pub use trail::Trail;
