//! The 34 invariants of the practice: id, class, sentence. The table that errors, flags and documents quote.

use super::base::codes;

codes! {
    /// How an invariant is enforced (domain reference §2.5).
    Class { Gate = "GATE", Hold = "HOLD", Flag = "FLAG", Reject = "REJECT", Compute = "COMPUTE" }
}

/// An invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `KAP-INV-01` to `KAP-INV-34`.
    pub id: &'static str,
    /// The class of its main part; a policy may move `FLAG` to `HOLD` and back, nothing else.
    pub class: Class,
    /// What holds.
    pub text: &'static str,
}

macro_rules! rules {
    ($($id:literal $class:ident $text:literal;)+) => {
        /// All invariants, in order.
        pub const RULES: &[Rule] = &[$(Rule { id: $id, class: Class::$class, text: $text }),+];
    };
}

rules! {
    "KAP-INV-01" Reject "The phase changes only along the state machine.";
    "KAP-INV-02" Gate "Dosing needs an active clearance that covers day, setting and route.";
    "KAP-INV-03" Gate "Each condition of the clearance that must be met before dosing is met.";
    "KAP-INV-04" Gate "The treatment consent is active and covers the topics of the day.";
    "KAP-INV-05" Gate "A remote session needs an active telehealth consent.";
    "KAP-INV-06" Gate "Dosing needs an active, valid, consistent prescription and enough units on hand.";
    "KAP-INV-07" Gate "The planned dose is at most the prescription's maximum and the clearance's ceiling.";
    "KAP-INV-08" Gate "Sessions keep the interval and the number per seven days.";
    "KAP-INV-09" Reject "The ledger of units never goes below zero; a count that differs is a discrepancy.";
    "KAP-INV-10" Gate "Pre-dose vital signs are present and recent.";
    "KAP-INV-11" Hold "Pre-dose blood pressure and heart rate are within this person's parameters.";
    "KAP-INV-12" Gate "A minor has guardian consent, assent, and a reachable guardian of verified authority.";
    "KAP-INV-13" Gate "Remote dosing has an adult chaperone with a reachable phone; in person the way home is arranged.";
    "KAP-INV-14" Gate "Discharge meets its criteria or has a documented exception.";
    "KAP-INV-15" Flag "Medical follow-ups happen within their intervals.";
    "KAP-INV-16" Reject "A schedule III prescription has at most five refills and six months; supply keeps the policy.";
    "KAP-INV-17" Flag "An integration session follows each dosing session within the target.";
    "KAP-INV-18" Flag "Baseline measures, with a suicide-risk screener, precede the first dose.";
    "KAP-INV-19" Hold "A positive suicide-risk answer holds dosing until a clinician's safety review.";
    "KAP-INV-20" Flag "Each high-severity finding is adjudicated before a clearance is signed.";
    "KAP-INV-21" Reject "Only the side that owns a record writes it; only a partner prescriber clears and prescribes.";
    "KAP-INV-22" Gate "The therapist's mode of presence is recorded for each dosing session.";
    "KAP-INV-23" Reject "Times are in order and not in the future.";
    "KAP-INV-24" Gate "An episode is completed with its discharge, units and adverse events settled.";
    "KAP-INV-25" Reject "An episode that has ended changes only by correction.";
    "KAP-INV-26" Hold "An adverse event of moderate severity or any serious one holds dosing.";
    "KAP-INV-27" Reject "Psychotherapy notes, imagery and private intentions have no form here.";
    "KAP-INV-28" Flag "Medication holds are acknowledged for each session.";
    "KAP-INV-29" Flag "Pregnancy status is recorded, unknown and declined included, before an evaluation closes.";
    "KAP-INV-30" Gate "Esketamine is never given in a remote session.";
    "KAP-INV-31" Hold "After a consent is withdrawn there is no new dosing.";
    "KAP-INV-32" Flag "The monitoring programme is checked with each prescription.";
    "KAP-INV-33" Gate "The patient's location is recorded before remote dosing and within licensure.";
    "KAP-INV-34" Gate "A remote session has a complete emergency plan.";
}

/// The codes of code system `kap-rule` (domain reference, appendix C): a finding goes by one of these, or by the id of its
/// invariant where it has none.
pub const CODES: &[&str] = &[
    "KAP-RULE-MAOI",
    "KAP-RULE-BENZO",
    "KAP-RULE-CNS",
    "KAP-RULE-STIM",
    "KAP-RULE-LAMO",
    "KAP-RULE-PSYCHOSIS",
    "KAP-RULE-MANIA",
    "KAP-RULE-DISSOC",
    "KAP-RULE-HTN",
    "KAP-RULE-ICP",
    "KAP-RULE-GLAUCOMA",
    "KAP-RULE-RESP",
    "KAP-RULE-HEPATIC",
    "KAP-RULE-URO",
    "KAP-RULE-THYROID",
    "KAP-RULE-SUD",
    "KAP-RULE-PREG",
    "KAP-RULE-ALLERGY",
    "KAP-RULE-SI-ITEM9",
    "KAP-RULE-CSSRS",
    "KAP-RULE-BP-PREDOSE",
    "KAP-RULE-VITALS-MISSING",
    "KAP-RULE-SEDATION",
    "KAP-RULE-MINOR",
    "KAP-RULE-SUPPLY",
    "KAP-RULE-INTERVAL",
    "KAP-RULE-CADENCE",
    "KAP-RULE-FU30",
    "KAP-RULE-FUQ",
    "KAP-RULE-INTEGRATION",
    "KAP-RULE-INVENTORY",
    "KAP-RULE-WORSENING",
    "KAP-RULE-CONSENT-EXPIRY",
    "KAP-RULE-LOCATION",
    "KAP-RULE-CHAPERONE",
];

/// The invariant with this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_in_order() {
        for (n, rule) in RULES.iter().enumerate() {
            assert_eq!(rule.id, format!("KAP-INV-{:02}", n + 1));
        }
        assert_eq!(RULES.len(), 34);
    }
    /// Every word of `kap` that looks like the id of a rule, with the file that says it.
    fn said() -> Vec<(String, String)> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kap");
        let (mut folders, mut out) = (vec![root], vec![]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("a text");
                // The first part is what lies before the first quote.
                let quoted = text.split('"').filter(|t| t.starts_with("KAP-"));
                out.extend(quoted.map(|t| (t.to_owned(), path.display().to_string())));
            }
        }
        out
    }

    #[test]
    fn every_finding_goes_by_a_rule_of_one_of_the_two_lists() {
        let words = said();
        assert!(words.len() > 100, "the sources were not read");
        // Screening instruments, invariants that a test makes up, and the start of a list of invariants.
        let other = [
            "KAP-SCREEN",
            "KAP-PREGNANCY",
            "KAP-READINESS",
            "KAP-INV-99",
            "KAP-INV-",
            "KAP-",
        ];
        for (word, file) in words {
            let id = word.split([':', ' ', '{']).next().unwrap_or_default();
            let known = rule(id).is_some() || CODES.contains(&id);
            assert!(known || other.contains(&id), "{word} in {file}");
        }
    }
}
