//! kap ⇄ FHIR, the only home of fhir_sdk.
