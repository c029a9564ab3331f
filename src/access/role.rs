//! The roles of clients and what each may do: the ceiling above every scope.
//!
//! The table says what a role may ever do with a type of resource. It does not say with *which* records
//! (organization, consent and labels decide that), nor who may *author* a clearance or a ketamine prescription
//! (a rule on the author does).

use std::sync::LazyLock;

use super::scope::{Interaction, Letters};
use crate::kap::base::codes;

codes! {
    /// What a client is to the practice.
    Role {
        PracticeTherapist = "practice-therapist", PracticeAdmin = "practice-admin", PartnerPrescriber = "partner-prescriber",
        PartnerNurse = "partner-nurse", Pharmacy = "pharmacy", ExternalEhr = "external-ehr", Integrator = "integrator",
        PrivacyOfficer = "privacy-officer",
    }
}

/// A resource type, and what each role may do with it, in the order of [`Role::ALL`].
type Line = (&'static str, [&'static str; 8]);

/// Who may do what. `c` create, `r` read, `u` update, `d` delete, `s` search; empty: nothing.
#[rustfmt::skip]
const TABLE: &[Line] = &[
    //                           practice  practice  partner     partner  pharmacy  external  integra-  privacy
    //                           therapist admin     prescriber  nurse              ehr       tor       officer
    // People, organizations, calendar
    ("Patient",                 ["crus",  "crus",  "rs",      "rs",   "rs",    "rs",    "rs",    "rs"]),
    ("RelatedPerson",           ["crus",  "crus",  "rs",      "rs",   "",      "",      "rs",    ""]),
    ("Practitioner",            ["crus",  "crus",  "rs",      "rs",   "rs",    "rs",    "rs",    ""]),
    ("PractitionerRole",        ["crus",  "crus",  "rs",      "rs",   "rs",    "rs",    "rs",    ""]),
    ("Organization",            ["crus",  "crus",  "rs",      "rs",   "rs",    "rs",    "rs",    ""]),
    ("Location",                ["crus",  "crus",  "rs",      "rs",   "",      "",      "rs",    ""]),
    ("Endpoint",                ["rs",    "crus",  "rs",      "rs",   "",      "rs",    "rs",    ""]),
    ("Appointment",             ["cruds", "cruds", "rs",      "rs",   "",      "",      "rs",    ""]),
    // The episode and its plan
    ("EpisodeOfCare",           ["crus",  "",      "rus",     "rs",   "",      "rs",    "rs",    ""]),
    ("CareTeam",                ["cruds", "",      "rus",     "rs",   "",      "rs",    "rs",    ""]),
    ("CarePlan",                ["cruds", "",      "rs",      "rs",   "",      "rs",    "rs",    ""]),
    ("Goal",                    ["cruds", "",      "rs",      "rs",   "",      "rs",    "rs",    ""]),
    ("Consent",                 ["cruds", "",      "crus",    "rs",   "",      "",      "",      "rs"]),
    // Rosters, for exports
    ("Group",                   ["crus",  "",      "",        "",     "",      "",      "",      ""]),
    // Referral and clearance
    ("ServiceRequest",          ["cruds", "",      "crus",    "rs",   "",      "",      "rs",    ""]),
    ("Task",                    ["cruds", "",      "cruds",   "crus", "",      "",      "rs",    ""]),
    ("ClinicalImpression",      ["cruds", "",      "cruds",   "rs",   "",      "rs",    "rs",    ""]),
    ("DetectedIssue",           ["cruds", "",      "cruds",   "rs",   "",      "rs",    "rs",    ""]),
    ("Flag",                    ["cruds", "",      "crus",    "crs",  "",      "rs",    "rs",    ""]),
    // Health
    ("Condition",               ["cruds", "",      "crus",    "rs",   "",      "rs",    "rs",    ""]),
    ("AllergyIntolerance",      ["cruds", "",      "crus",    "rs",   "rs",    "rs",    "rs",    ""]),
    ("Observation",             ["cruds", "",      "cruds",   "crs",  "",      "rs",    "rs",    ""]),
    ("Questionnaire",           ["rs",    "",      "rs",      "rs",   "",      "rs",    "rs",    ""]),
    ("QuestionnaireResponse",   ["cruds", "",      "crus",    "rs",   "",      "rs",    "rs",    ""]),
    ("AdverseEvent",            ["cruds", "",      "crus",    "crus", "",      "rs",    "rs",    ""]),
    // Medication
    ("Medication",              ["cruds", "",      "cruds",   "rs",   "rs",    "rs",    "rs",    ""]),
    ("MedicationRequest",       ["cruds", "",      "cruds",   "rs",   "rs",    "rs",    "rs",    ""]),
    ("MedicationDispense",      ["cruds", "",      "cruds",   "rs",   "crus",  "",      "rs",    ""]),
    ("MedicationAdministration",["cruds", "",      "rs",      "rs",   "",      "rs",    "rs",    ""]),
    // Sessions, messages, documents
    ("Encounter",               ["cruds", "",      "cruds",   "rs",   "",      "rs",    "rs",    ""]),
    ("Procedure",               ["cruds", "",      "rs",      "rs",   "",      "rs",    "rs",    ""]),
    ("Communication",           ["cruds", "",      "cruds",   "crs",  "",      "",      "rs",    ""]),
    ("CommunicationRequest",    ["cruds", "",      "rs",      "rs",   "",      "",      "rs",    ""]),
    ("Composition",             ["cruds", "",      "rs",      "rs",   "",      "rs",    "rs",    ""]),
    ("DocumentReference",       ["cruds", "",      "cruds",   "rs",   "",      "rs",    "rs",    ""]),
    // What clients want to be told
    ("Subscription",            ["cruds", "cruds", "cruds",   "cruds","cruds", "cruds", "cruds", ""]),
    // Where a record came from, and who saw it
    ("Basic",                   ["rs",    "",      "rs",      "rs",   "",      "",      "",      ""]),
    ("Provenance",              ["crs",   "",      "crs",     "crs",  "",      "rs",    "rs",    ""]),
    ("AuditEvent",              ["",      "",      "rs",      "rs",   "",      "",      "",      "rs"]),
];

impl Role {
    /// Whether the role is one of the practice's own.
    #[must_use]
    pub const fn is_of_practice(self) -> bool {
        matches!(self, Self::PracticeTherapist | Self::PracticeAdmin)
    }

    /// Whether the role may ever do `interaction` on resources of type `kind`.
    #[must_use]
    pub fn allows(self, interaction: Interaction, kind: &str) -> bool {
        self.letters(kind).has(interaction)
    }

    /// All that the role may ever do on resources of type `kind`; nothing for a type that is not in the table.
    #[must_use]
    pub fn letters(self, kind: &str) -> Letters {
        let line = LINES.iter().find(|line| line.kind == kind);
        let cell = line.and_then(|line| line.cells.get(self as usize));
        cell.copied().unwrap_or_default()
    }
}

/// A line of the table as it is asked for with every request.
struct Parsed {
    kind: &'static str,
    cells: [Letters; 8],
    all: Letters,
}

static LINES: LazyLock<Vec<Parsed>> = LazyLock::new(|| {
    let parsed = |(kind, cells): &Line| {
        let cells = cells.map(|cell| Letters::parse(cell).unwrap_or_default());
        let all = cells.into_iter().fold(Letters::default(), Letters::or);
        Parsed { kind, cells, all }
    };
    TABLE.iter().map(parsed).collect()
});

/// Each resource type of the table with all that any role may do with it.
pub fn every_kind() -> impl Iterator<Item = (&'static str, Letters)> {
    LINES.iter().map(|line| (line.kind, line.all))
}

#[cfg(test)]
mod tests;
