//! What a partner's server can do, as its CapabilityStatement says (<https://hl7.org/fhir/R4/capabilitystatement.html>), and
//! what is kept of it between calls.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::store::partner::Partner;

/// How long a statement is believed, milliseconds.
const BELIEVED: i64 = 10 * 60 * 1000;

/// What a server can do.
#[derive(Clone, Debug, Default)]
pub(super) struct Abilities {
    /// It is a service of this kind: it keeps the ids of records that are sent in a transaction, and follows each episode by
    /// the same rules.
    pub(super) is_alike: bool,
    pub(super) transaction: bool,
    types: Arc<HashMap<String, Ability>>,
}

/// What it can do with a type.
#[derive(Clone, Debug, Default)]
struct Ability {
    interactions: Vec<String>,
    conditional_create: bool,
    parameters: Vec<String>,
}

impl Abilities {
    pub(super) fn of(statement: &Value) -> Self {
        let list = |value: &Value, name: &str| {
            let all = value.as_array().into_iter().flatten();
            let all = all.filter_map(|one| one[name].as_str().map(str::to_owned));
            all.collect::<Vec<_>>()
        };
        let mut rest = statement["rest"].as_array().into_iter().flatten();
        let server = rest
            .find(|rest| rest["mode"] == "server")
            .unwrap_or(&Value::Null);
        let ability = |one: &Value| {
            let ability = Ability {
                interactions: list(&one["interaction"], "code"),
                conditional_create: one["conditionalCreate"] == true,
                parameters: list(&one["searchParam"], "name"),
            };
            Some((one["type"].as_str()?.to_owned(), ability))
        };
        let types = server["resource"].as_array().into_iter().flatten();
        Self {
            is_alike: statement["software"]["name"] == "kap-fhir",
            transaction: list(&server["interaction"], "code")
                .iter()
                .any(|c| c == "transaction"),
            types: Arc::new(types.filter_map(ability).collect()),
        }
    }

    /// Whether it does this (a code of `type-restful-interaction`) with records of this type.
    pub(super) fn can(&self, kind: &str, interaction: &str) -> bool {
        let known = self.types.get(kind);
        known.is_some_and(|a| a.interactions.iter().any(|own| own == interaction))
    }

    /// Whether it takes new records of this type. A service of this kind opens an episode by a transaction alone, which its
    /// statement cannot say.
    pub(super) fn creates(&self, kind: &str) -> bool {
        self.can(kind, "create") || self.opens(kind)
    }

    /// Whether records of this type are found by an identifier.
    pub(super) fn identifies(&self, kind: &str) -> bool {
        self.can(kind, "search-type") && self.finds(kind, "identifier")
    }

    fn opens(&self, kind: &str) -> bool {
        self.is_alike && self.transaction && kind == "EpisodeOfCare"
    }

    /// Whether a create can be conditional on an identifier. R4 has no such parameter for every type (AdverseEvent has none),
    /// and a condition that is not understood holds for any record.
    pub(super) fn creates_once(&self, kind: &str) -> bool {
        if self.opens(kind) {
            return true;
        }
        let conditional = self.types.get(kind).is_some_and(|a| a.conditional_create);
        conditional && self.finds(kind, "identifier")
    }

    /// The parameter by which records of this type are found that are of a patient.
    pub(super) fn of_patient(&self, kind: &str) -> Option<&'static str> {
        let searched = self.can(kind, "search-type");
        let mut names = ["patient", "subject"].into_iter().filter(|_| searched);
        names.find(|name| kind != "Patient" && self.finds(kind, name))
    }

    /// Whether records of this type are found by this parameter. `_lastUpdated` is for all types, whether listed or not, on
    /// servers that list none of the common ones.
    pub(super) fn finds(&self, kind: &str, parameter: &str) -> bool {
        let Some(known) = self.types.get(kind) else {
            return false;
        };
        let listed = |a: &Ability| a.parameters.iter().any(|own| own == parameter);
        let common = |a: &Ability| a.parameters.iter().any(|own| own.starts_with('_'));
        listed(known) || (parameter.starts_with('_') && !self.types.values().any(common))
    }
}

/// What is kept of partners between calls.
#[derive(Default)]
pub(in crate::delivery) struct Kept(Mutex<HashMap<String, One>>);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept(…)")
    }
}

#[derive(Default)]
struct One {
    /// Nothing is sent before.
    rests_until: i64,
    /// How often in a row it did not answer.
    silent: i64,
    token: Option<(String, i64)>,
    abilities: Option<(Abilities, i64)>,
    unfound: BTreeSet<String>,
}

impl Kept {
    fn with<T>(&self, partner: &Partner, f: impl FnOnce(&mut One) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{} {} {}", partner.id, partner.base, partner.client_there);
        f(all.entry(name).or_default())
    }

    pub(super) fn token(&self, partner: &Partner, now: i64) -> Option<String> {
        self.with(partner, |one| {
            let alive = one.token.as_ref().filter(|(_, until)| *until > now);
            alive.map(|(token, _)| token.clone())
        })
    }

    pub(super) fn keep_token(&self, partner: &Partner, token: &str, until: i64) {
        self.with(partner, |one| one.token = Some((token.to_owned(), until)));
    }

    pub(super) fn abilities(&self, partner: &Partner, now: i64) -> Option<Abilities> {
        self.with(partner, |one| {
            let fresh = one.abilities.as_ref().filter(|(_, at)| now - at < BELIEVED);
            fresh.map(|(abilities, _)| abilities.clone())
        })
    }

    pub(super) fn keep_abilities(&self, partner: &Partner, abilities: Abilities, now: i64) {
        self.with(partner, |one| one.abilities = Some((abilities, now)));
    }

    /// Types whose records it does not find by what identifies them, although it says so.
    pub(super) fn unfound(&self, partner: &Partner) -> BTreeSet<String> {
        self.with(partner, |one| one.unfound.clone())
    }

    pub(super) fn keep_unfound(&self, partner: &Partner, kind: &str, unfound: bool) {
        self.with(partner, |one| {
            if unfound {
                one.unfound.insert(kind.to_owned());
            } else {
                one.unfound.remove(kind);
            }
        });
    }

    /// Nothing is sent there before `until`.
    pub(super) fn rest(&self, partner: &Partner, until: i64) {
        self.with(partner, |one| one.rests_until = until);
    }

    /// How often in a row it did not answer, before this time.
    pub(super) fn silent(&self, partner: &Partner) -> i64 {
        self.with(partner, |one| {
            one.silent += 1;
            one.silent - 1
        })
    }

    pub(super) fn answers(&self, partner: &Partner) {
        self.with(partner, |one| one.silent = 0);
    }

    pub(super) fn rests(&self, partner: &Partner, now: i64) -> bool {
        self.with(partner, |one| one.rests_until > now)
    }

    pub(super) fn forget(&self, partner: &Partner) {
        self.with(partner, |one| (one.token, one.abilities) = (None, None));
    }
}
