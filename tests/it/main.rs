//! The service as its users meet it: over HTTP, on both databases.

mod app;
mod scenarios;
