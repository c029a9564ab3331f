//! What a caller can do: one file per FHIR interaction, and the commands of the practice.
//!
//! Every change goes through [`commit`], everything that leaves is read through a `View`.

pub mod accept;
pub mod at_hand;
pub mod audit;
pub mod batch;
pub mod capability;
pub mod commit;
pub mod condition;
pub mod conditional;
pub mod consent;
pub mod criteria;
pub mod definitions;
pub mod delete;
pub mod directory;
pub mod document;
pub mod episode;
pub mod foreign;
pub mod history;
mod home;
pub mod label;
pub mod lower;
mod modifier;
mod paging;
pub mod patch;
pub mod pointers;
pub mod practice;
pub mod private_note;
mod questionnaires;
pub mod read;
pub mod reading;
pub mod reindex;
pub mod retelling;
pub mod search;
mod stamp;
pub mod transaction;
pub mod upgrade;
mod value_set;
pub mod validate;
pub mod write;
