//! The service as its users meet it: over HTTP, on both databases.

#![expect(clippy::too_many_lines, reason = "a story is told in one go")]
#![expect(clippy::format_push_string, reason = "plain in a test")]

mod access;
mod across;
mod app;
mod audit;
mod bad_input;
mod bundles;
mod canary;
mod capability;
mod changes;
mod client;
mod contract;
mod crash;
mod cursors;
mod emergency;
mod everything;
mod export;
mod fhir_door;
mod golden;
mod history;
mod hook;
mod idempotency;
mod import;
mod labels;
mod lower;
mod malformed;
mod must_support;
mod oauth;
mod packet;
mod pains;
mod partner;
mod peer;
mod policy;
mod private_note;
mod program;
mod proof;
mod proxy;
mod raw;
mod readings;
mod redaction;
mod replicas;
mod rules;
mod scenarios;
mod scopes;
mod search;
mod shape;
mod smart;
mod subscription;
mod telemetry;
mod template;
mod tidy;
mod validate;
mod wire;
