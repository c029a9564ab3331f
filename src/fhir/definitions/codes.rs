//! The codes of the value sets that elements are bound to (<https://hl7.org/fhir/R4/terminologies.html>).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::language;

const CODES: &str = include_str!("codes.txt");

/// A value set: the codes of each system.
#[derive(Debug, Default)]
pub struct Set {
    systems: HashMap<String, HashSet<String>>,
    /// Of a set that no list holds: what its codes look like.
    form: Option<&'static Form>,
}

/// The form of the codes of a set that no list holds.
#[derive(Debug)]
struct Form {
    set: &'static str,
    /// The system that the codes are of.
    system: &'static str,
    has: fn(&str) -> bool,
    hint: &'static str,
}

const FORMS: &[Form] = &[
    Form {
        set: "mimetypes",
        system: "urn:ietf:bcp:13",
        has: mime,
        hint: "such as application/json",
    },
    Form {
        set: "currencies",
        system: "urn:iso:std:iso:4217",
        has: currency,
        hint: "such as EUR",
    },
    Form {
        set: "all-languages",
        system: "urn:ietf:bcp:47",
        has: language::is_tag,
        hint: "language tags of BCP 47, such as en-US",
    },
];

impl Set {
    /// A set with these codes of each system.
    #[must_use]
    pub fn new(codes: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut own = Self::default();
        for (system, code) in codes {
            own.systems.entry(system).or_default().insert(code);
        }
        own
    }

    /// Whether the code of that system is in it.
    #[must_use]
    pub fn has(&self, system: &str, code: &str) -> bool {
        let formed = |form: &Form| form.system == system && (form.has)(code);
        self.form.is_some_and(formed)
            || self
                .systems
                .get(system)
                .is_some_and(|codes| codes.contains(code))
    }

    /// Whether a code without a system is in it, as those of the type `code` are.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.form.is_some_and(|form| (form.has)(code))
            || self.systems.values().any(|codes| codes.contains(code))
    }

    /// Whether it has any code of that system.
    #[must_use]
    pub fn knows(&self, system: &str) -> bool {
        self.systems.contains_key(system)
    }

    /// The codes with their systems, in no order.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.systems
            .iter()
            .flat_map(|(system, codes)| codes.iter().map(move |code| (&**system, &**code)))
    }

    /// Some of the codes, in the order of the alphabet, to say what may stand.
    #[must_use]
    pub fn hint(&self) -> String {
        if let Some(form) = self.form {
            return form.hint.into();
        }
        let mut all: Vec<&str> = self.all().map(|(_, code)| code).collect();
        all.sort_unstable();
        let more = if all.len() > 12 { ", …" } else { "" };
        all.truncate(12);
        format!("{}{more}", all.join(", "))
    }
}

static SETS: LazyLock<HashMap<&'static str, Set>> = LazyLock::new(|| {
    let mut all: HashMap<&str, Set> = HashMap::new();
    for form in FORMS {
        all.entry(form.set).or_default().form = Some(form);
    }
    let mut name = "";
    for line in CODES.lines().filter(|line| !line.starts_with('#')) {
        if let Some(begun) = line.strip_prefix("set ") {
            name = begun;
            all.entry(name).or_default();
        } else if let Some(text) = line.strip_prefix(' ') {
            let mut parts = text.split('\t').map(str::to_owned);
            if let Some(system) = parts.next() {
                let set = all.entry(name).or_default();
                set.systems.entry(system).or_default().extend(parts);
            }
        }
    }
    all
});

/// A media type (BCP 13): `text/plain; charset=utf-8`.
fn mime(text: &str) -> bool {
    let plain = text.split(';').next().unwrap_or_default();
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    plain
        .split_once('/')
        .is_some_and(|(kind, sub)| word(kind) && word(sub.trim_end()))
}

/// A currency (ISO 4217): three letters.
fn currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// The value set of the standard by the last part of its address, such as `observation-status`.
#[must_use]
pub fn set(name: &str) -> Option<&'static Set> {
    SETS.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_its_codes() {
        let status = set("observation-status").expect("a set");
        assert!(status.has_code("final") && !status.has_code("mitigated"));
        assert!(status.has("http://hl7.org/fhir/observation-status", "amended"));
        assert!(!status.has("http://loinc.org", "amended"));
        assert!(status.hint().starts_with("amended, cancelled"));
        let units = set("units-of-time").expect("a set");
        assert!(units.has_code("wk") && !units.has_code("week"));
        let languages = set("all-languages").expect("a set");
        assert!(languages.has("urn:ietf:bcp:47", "de-CH") && !languages.has("urn:x", "de-CH"));
        let media = set("mimetypes").expect("a set");
        assert!(media.has_code("text/plain; charset=utf-8") && !media.has_code("text"));
    }
}
