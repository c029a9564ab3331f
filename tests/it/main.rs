//! The service as its users meet it: over HTTP, on both databases.

#![expect(clippy::too_many_lines, reason = "a story is told in one go")]
#![expect(clippy::format_push_string, reason = "plain in a test")]

mod access;
mod across;
mod app;
mod audit;
mod bad_input;
mod canary;
mod capability;
mod client;
mod contract;
mod crash;
mod cursors;
mod emergency;
mod fhir_door;
mod golden;
mod idempotency;
mod lower;
mod oauth;
mod policy;
mod private_note;
mod program;
mod proof;
mod raw;
mod readings;
mod redaction;
mod replicas;
mod rules;
mod scenarios;
mod scopes;
mod shape;
mod smart;
mod telemetry;
mod tidy;
mod wire;
