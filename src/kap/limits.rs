//! This person's limits: vital signs and dose, the prescriber's where given, the policy's elsewhere.

use super::Episode;
use super::base::{Decimal, Instant, Quantity};
use super::clearance::{VitalLimits, VitalParameters};
use super::dosing::{Session, Timing, Vitals};
use super::medication::{Prescription, PrescriptionStatus};
use super::policy::Policy;

/// Limits of vital signs with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub pre_dose: VitalLimits,
    pub end_of_session: VitalLimits,
    /// Lowest oxygen saturation, %.
    pub spo2_min: Option<Decimal>,
    /// Whether a pre-dose saturation is expected: not where the prescriber's own parameters ask for none.
    pub spo2_expected: bool,
    /// Moments of a dosing session at which readings are taken.
    pub required: Vec<Timing>,
    /// Minutes after which a reading out of range is repeated.
    pub recheck_after: u32,
    pub max_rechecks: u32,
    /// Oldest pre-dose reading that counts, minutes.
    pub max_age: u32,
}

impl Limits {
    fn new(own: Option<&VitalParameters>, policy: &VitalParameters) -> Self {
        let pick = |f: fn(&VitalParameters) -> Option<&VitalLimits>| {
            own.and_then(f)
                .or_else(|| f(policy))
                .cloned()
                .unwrap_or_default()
        };
        let number = |f: fn(&VitalParameters) -> Option<u32>, last| {
            own.and_then(f).or_else(|| f(policy)).unwrap_or(last)
        };
        Self {
            pre_dose: pick(|p| p.pre_dose.as_ref()),
            end_of_session: pick(|p| p.end_of_session.as_ref()),
            spo2_min: own.and_then(|p| p.spo2_min).or(policy.spo2_min),
            spo2_expected: own.unwrap_or(policy).spo2_min.is_some(),
            required: own
                .filter(|p| !p.required_timings.is_empty())
                .unwrap_or(policy)
                .required_timings
                .clone(),
            recheck_after: number(|p| p.recheck_after_minutes, 15),
            max_rechecks: number(|p| p.max_rechecks, 2),
            max_age: number(|p| p.max_age_minutes_pre_dose, 30),
        }
    }

    /// The signs of a reading that are outside the limits of its moment.
    #[must_use]
    pub fn outside(&self, v: &Vitals) -> Vec<&'static str> {
        let none = VitalLimits::default();
        let limits = match v.timing {
            Timing::PreDose | Timing::PreDoseRecheck => &self.pre_dose,
            Timing::EndOfSession | Timing::PostSession => &self.end_of_session,
            _ => &none,
        };
        let signs = [
            (
                "systolic",
                &v.systolic,
                limits.systolic_min,
                limits.systolic_max,
            ),
            (
                "diastolic",
                &v.diastolic,
                limits.diastolic_min,
                limits.diastolic_max,
            ),
            (
                "heartRate",
                &v.heart_rate,
                limits.heart_rate_min,
                limits.heart_rate_max,
            ),
            ("spo2", &v.spo2, self.spo2_min, None),
        ];
        let out = signs
            .into_iter()
            .filter(|(_, q, min, max)| beyond(q.as_ref(), *min, *max));
        out.map(|(name, ..)| name).collect()
    }
}

fn beyond(quantity: Option<&Quantity>, min: Option<Decimal>, max: Option<Decimal>) -> bool {
    let Some(value) = quantity.map(|q| q.value) else {
        return false;
    };
    min.is_some_and(|m| value < m) || max.is_some_and(|m| value > m)
}

impl Episode {
    /// The limits of vital signs at `at`.
    #[must_use]
    pub fn limits(&self, at: Instant, policy: &Policy) -> Limits {
        let own = self.ruling(at).and_then(|c| c.vital_parameters.as_ref());
        Limits::new(own, &policy.vital_parameters)
    }

    /// The prescription of a session: the one it names, else the newest active one.
    #[must_use]
    pub fn prescription_of(&self, session: &Session) -> Option<&Prescription> {
        let named = session
            .dosing
            .as_ref()
            .and_then(|d| d.prescription_id.as_ref());
        match named {
            Some(id) => self.prescriptions.iter().find(|p| &p.id == id),
            None => self.active_prescription(),
        }
    }

    /// The newest active prescription.
    #[must_use]
    pub fn active_prescription(&self) -> Option<&Prescription> {
        let active = |p: &&Prescription| p.status == PrescriptionStatus::Active;
        self.prescriptions
            .iter()
            .filter(active)
            .max_by_key(|p| p.authored_on)
    }

    /// The most milligrams that the session may give: the lower of prescription and clearance.
    #[must_use]
    pub fn maximum(&self, session: &Session, at: Instant) -> Option<Decimal> {
        let rx = self.prescription_of(session).map(|p| p.max_mg_per_session);
        let ceiling = self.ruling(at).and_then(|c| c.dose_ceiling_mg_per_session);
        match (rx, ceiling) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

impl super::medication::Route {
    /// The route that a SNOMED CT coding names (domain reference, appendix B).
    #[must_use]
    pub fn of(coding: &super::Coding) -> Option<Self> {
        if coding.system != "http://snomed.info/sct" {
            return None;
        }
        match coding.code.as_str() {
            "37839007" => Some(Self::Sublingual),
            "78421000" => Some(Self::Intramuscular),
            "47625008" => Some(Self::Intravenous),
            "26643006" => Some(Self::Oral),
            "46713006" => Some(Self::Intranasal),
            _ => None,
        }
    }
}
