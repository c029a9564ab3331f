//! What the patient (and guardian) agreed to.

use serde::{Deserialize, Deserializer, Serialize};

use super::base::{Day, Id, Instant, codes};

codes! {
    /// Code system `kap-consent-kind`.
    ConsentKind {
        Treatment = "treatment-informed-consent", Telehealth = "telehealth-consent", PrivacyDisclosure = "privacy-disclosure",
        PsychotherapyNotes = "psychotherapy-notes-authorization", Part2Sud = "part2-sud-consent",
        GuardianEvaluation = "guardian-consent-evaluation", GuardianTreatment = "guardian-consent-treatment",
        AssentEvaluation = "minor-assent-evaluation", AssentTreatment = "minor-assent-treatment",
        Recording = "recording-consent", Touch = "touch-consent",
    }
}
codes! {
    /// State of an agreement.
    ConsentStatus { Draft = "draft", Active = "active", Revoked = "revoked", Expired = "expired", NotObtained = "not-obtained", EnteredInError = "entered-in-error" }
}
codes! {
    /// Who signs.
    SignerType { Patient = "patient", RelatedPerson = "related-person", Practitioner = "practitioner" }
}
codes! {
    /// Direction of a privacy rule.
    RuleType { Permit = "permit", Deny = "deny" }
}

/// A signature under an agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signer {
    #[serde(rename = "type")]
    pub kind: SignerType,
    pub id: Id,
    /// `guardian`, `assent`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
}

/// From and to, both days included; open where absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayPeriod {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Day>,
}

impl DayPeriod {
    /// None where neither bound is given: that is no period, and FHIR has no form for it.
    #[must_use]
    pub fn bounded(self) -> Option<Self> {
        (self.start.is_some() || self.end.is_some()).then_some(self)
    }
}

fn bounded<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DayPeriod>, D::Error> {
    let period: Option<DayPeriod> = Deserialize::deserialize(from)?;
    Ok(period.and_then(DayPeriod::bounded))
}

/// One exception to the root rule of a privacy consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrivacyRule {
    #[serde(rename = "type")]
    pub kind: RuleType,
    /// Organizations, members or related persons; everyone where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Id>,
    /// HL7 v3 ActReason codes, such as `TREAT`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<String>,
    /// Confidentiality and sensitivity codes, such as `N`, `PSY`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_labels: Vec<String>,
    /// Narrower classes of data: `prescription`, `allergies`, `shipping`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_classes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An agreement: one per kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Consent {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub kind: ConsentKind,
    pub status: ConsentStatus,
    /// Required unless the status is `draft` or `not-obtained`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<Instant>,
    #[serde(default)]
    pub signers: Vec<Signer>,
    /// What was explained: `off-label-use`, `no-driving-until-next-day`, `emergency-plan`, …
    #[serde(default)]
    pub topics: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<Id>,
    /// Last day of validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_appropriate_materials: Option<bool>,
    /// Privacy kinds: the policy that the patient was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Privacy kinds: the rule where no exception matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RuleType>,
    /// Privacy kinds: validity.
    #[serde(
        default,
        deserialize_with = "bounded",
        skip_serializing_if = "Option::is_none"
    )]
    pub period: Option<DayPeriod>,
    /// Privacy kinds: exceptions to the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<PrivacyRule>,
}
