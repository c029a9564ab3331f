//! The service as its users meet it: over HTTP, on both databases.

mod access;
mod app;
mod bad_input;
mod contract;
mod crash;
mod fhir_door;
mod golden;
mod idempotency;
mod replicas;
mod scenarios;
mod smart;
mod telemetry;
mod tidy;
mod wire;
