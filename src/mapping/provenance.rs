//! Provenance (US Core 6.1.0): who wrote a set of resources, and who transmitted it.

use fhir_sdk::r4b::resources::{Provenance, ProvenanceAgent};

use super::build::{Frame, coding_of, concept, finish, instant, must, reference, some, start};
use super::codes::{self, structure};
use super::label;
use super::narrative::Html;
use crate::access::Labels;
use crate::fhir::resource::{Key, Resource};
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};

const PARTICIPANT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
const US_CORE_PARTICIPANT: &str =
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type";

/// The Provenance `id` of `targets`, written by the organization `author` at `recorded`; all of them have `labels`.
#[must_use]
pub fn write(
    id: &Id,
    targets: &[Key],
    author: &Id,
    recorded: Instant,
    labels: Labels,
    e: &Episode,
) -> Resource {
    let profiles = [
        structure("kap-provenance"),
        codes::us_core("us-core-provenance"),
    ];
    let labels = label::security(labels, &[], e);
    let text = Html::new().p(format!(
        "{} resources written by one organization.",
        targets.len()
    ));
    let frame = Frame::new(id.as_str(), &profiles, labels, &text, e);
    let agent = |system: &str, code: &str, display: &str| {
        let built = ProvenanceAgent::builder()
            .r#type(concept([coding_of(system, code, Some(display))]))
            .who(reference("Organization", author))
            .build();
        must(built)
    };
    let agents = [
        agent(PARTICIPANT, "author", "Author"),
        agent(US_CORE_PARTICIPANT, "transmitter", "Transmitter"),
    ];
    let built = start!(Provenance, frame)
        .target(some(
            targets.iter().map(|key| reference(&key.kind, &key.id)),
        ))
        .recorded(instant(recorded))
        .agent(some(agents))
        .build();
    finish(built)
}
