//! Where the filter must be applied (security reference 2.4): each row of the table as a test of five cases or more.
//!
//! | Row | Where |
//! |---|---|
//! | 1 read, vread, history, relabelling | `versions` |
//! | 2 totals, sorting, pages, cursors | `pages` |
//! | 3 chains and `_has` | `chains` |
//! | 4 `_include`, `_revinclude` | `pages`, `chains` |
//! | 5 `$document`, compartments | `pages`, `chains`; `$everything`: `tests/it/everything.rs` |
//! | 6 conditional creates | `writes`; `absent`: no other conditional interaction |
//! | 7 `If-Match` after authorization | `writes` |
//! | 8 ids that a client chose | `writes` |
//! | 9 transactions | `writes`; there are no batches |
//! | 10 export | `tests/it/export.rs` |
//! | 11 subscriptions | `absent`: there are none |
//! | 12 AuditEvent, Provenance | `sources`; there is no Binary |
//! | 13 secrets of subscriptions | `absent`: there are none |
//! | 14 patch | `absent`: there is none |
//! | 15 search by hidden elements | `tests/it/redaction.rs` |
//! | 16 errors | `words` |
//! | 17 one query path | `words` |
//! | 18 incremental consumers | `time`: a new grant shows what is old; `tests/it/export.rs` |
//! | 19 tags of redacted views | `tests/it/redaction.rs` |

mod absent;
mod chains;
mod pages;
mod sources;
mod time;
mod versions;
mod words;
mod writes;
