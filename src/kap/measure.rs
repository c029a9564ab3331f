//! Scores over time.

use serde::{Deserialize, Serialize};

use super::base::{Coding, Decimal, Id, Instant};
use super::consultation::ScoreRange;

/// A score of an instrument at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub instrument: String,
    pub score_coding: Coding,
    pub at: Instant,
    pub score: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<ScoreRange>,
    /// Such as `baseline`, `pre-session-2`, `follow-up-30d`, `monthly`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_by: Option<String>,
    /// Answer to PHQ-9 item 9 (0–3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item9: Option<u8>,
    /// The screening whose total this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questionnaire_response_id: Option<Id>,
}
