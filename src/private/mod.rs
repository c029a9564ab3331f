//! What stays inside the practice: psychotherapy notes, raw intentions, parts work, imagery (KAP-INV-27).
//!
//! Knows what a private note is and how it is sealed. No FHIR, HTTP or database in it, and `fhir`, `kap`, `mapping`,
//! `access` and `store` cannot name it (`tests/it/tidy.rs` checks it): there is no way from here into a resource.
//!
//! By construction: the words of a note are in [`words::Private`], which cannot be serialised, printed or copied, and
//! whose inside only this module sees. It opens them for two purposes: to seal them ([`ring::Ring::seal`]) and to answer
//! their originator ([`note::Note::told_to_its_originator`]).

mod cipher;
pub mod file;
pub mod keys;
pub mod note;
pub mod ring;
pub mod words;

pub use keys::Keys;
pub use note::{Draft, Head, Note, NoteKind};
pub use ring::{Place, Ring, Sealed};
