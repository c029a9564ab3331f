//! What a caller can do: one file per FHIR interaction, and the commands of the practice.
//!
//! Every change goes through [`commit`], everything that leaves is read through a `View`.

pub mod accept;
pub mod across;
pub mod at_hand;
pub mod audit;
pub mod capability;
pub mod commit;
pub mod condition;
pub mod consent;
pub mod criteria;
pub mod definitions;
pub mod directory;
pub mod document;
pub mod episode;
pub mod foreign;
mod home;
pub mod label;
pub mod lower;
mod paging;
pub mod pointers;
pub mod practice;
pub mod private_note;
pub mod read;
pub mod reading;
pub mod registry;
pub mod retelling;
pub mod search;
mod stamp;
pub mod transaction;
pub mod upgrade;
pub mod write;
