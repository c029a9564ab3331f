//! kap ⇄ FHIR, the only home of fhir_sdk.
pub mod form;
