//! Quantities and numbers as they are indexed and asked for (FHIR R4 §3.1.1.5.8
//! <https://hl7.org/fhir/R4/search.html#quantity>): the number as stated, and in base units where the unit is one of UCUM.

use serde_json::Value;

use super::compare::indexed;
use super::decimal::{Decimal, HIGHEST, LOWEST, above, below};
use super::search::Prefix;
use super::ucum::{SYSTEM, Unit};

const CURRENCY: &str = "urn:iso:std:iso:4217";

/// A quantity as it is compared: from `lo` to `hi`, both keys of [`Decimal::key`] and both included.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Measure {
    /// Least number as stated.
    pub lo: String,
    /// Greatest number as stated.
    pub hi: String,
    /// The unit's code.
    pub code: String,
    /// The unit as people read it.
    pub unit: String,
    /// System and code of the unit in which `base_lo` and `base_hi` are; empty where it has no code.
    pub base: String,
    pub base_lo: String,
    pub base_hi: String,
}

/// A quantity that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantityTest {
    pub prefix: Prefix,
    pub unit: UnitTest,
    /// Least number that equals it, as precisely as it was written.
    pub from: String,
    /// The number itself.
    pub at: String,
    /// Beyond the greatest number that equals it.
    pub to: String,
}

/// Which unit is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitTest {
    /// Whatever it is.
    Any,
    /// This code or these words.
    Written(String),
    /// This one of [`Measure::base`], whose numbers are compared.
    Base(String),
}

/// What is in whose units: the name of the base and how a number gets there.
fn based(system: &str, code: &str) -> (String, Option<Unit>) {
    let unit = (system == SYSTEM).then(|| Unit::parse(code)).flatten();
    let name = match &unit {
        _ if code.is_empty() => String::new(),
        Some(unit) => format!("{SYSTEM}|{}", unit.base()),
        None => format!("{system}|{code}"),
    };
    (indexed(&name).to_owned(), unit)
}

/// The bounds in base units; as they are where the unit cannot be converted.
fn convert(unit: Option<&Unit>, number: Decimal) -> Option<Decimal> {
    unit.map_or(Some(number), |unit| unit.convert(number))
}

impl Measure {
    /// Reads `Quantity` (also `Age`, `Duration`), `Money`, `Range`, `SampledData` or a number.
    #[must_use]
    pub fn of(leaf: &Value) -> Option<Self> {
        if leaf.is_number() {
            let number = decimal(leaf)?;
            return Some(Self::between(Some(number), Some(number), ["", "", ""]));
        }
        if leaf.get("origin").is_some() {
            return Self::sampled(leaf);
        }
        if leaf.get("low").is_some() || leaf.get("high").is_some() {
            let (low, high) = (&leaf["low"], &leaf["high"]);
            let of = if low.is_object() { low } else { high };
            let (low, high) = (decimal(&low["value"]), decimal(&high["value"]));
            return (low.is_some() || high.is_some()).then(|| Self::between(low, high, unit(of)));
        }
        let number = decimal(&leaf["value"])?;
        if let Some(currency) = leaf["currency"].as_str() {
            let named = [CURRENCY, currency, ""];
            return Some(Self::between(Some(number), Some(number), named));
        }
        let comparator = leaf["comparator"].as_str().unwrap_or_default();
        let (low, high) = match comparator {
            "<" | "<=" => (None, Some(number)),
            ">" | ">=" => (Some(number), None),
            _ => (Some(number), Some(number)),
        };
        let measure = Self::between(low, high, unit(leaf));
        Some(match comparator {
            "<" => Self {
                hi: below(&measure.hi),
                base_hi: below(&measure.base_hi),
                ..measure
            },
            ">" => Self {
                lo: above(&measure.lo),
                base_lo: above(&measure.base_lo),
                ..measure
            },
            _ => measure,
        })
    }

    fn between(
        low: Option<Decimal>,
        high: Option<Decimal>,
        [system, code, unit]: [&str; 3],
    ) -> Self {
        let (base, by) = based(system, code);
        let key = |end: Option<Decimal>, none: &str| end.map_or(none.to_owned(), Decimal::key);
        let moved = |end: Option<Decimal>| end.and_then(|n| convert(by.as_ref(), n));
        Self {
            base_lo: key(moved(low), LOWEST),
            base_hi: key(moved(high), HIGHEST),
            lo: key(low, LOWEST),
            hi: key(high, HIGHEST),
            code: indexed(code).to_owned(),
            unit: indexed(unit).to_owned(),
            base,
        }
    }

    /// From the least to the greatest sample.
    fn sampled(leaf: &Value) -> Option<Self> {
        let origin = &leaf["origin"];
        let zero = decimal(&origin["value"])?;
        let factor = decimal(&leaf["factor"]).unwrap_or(Decimal::new(1, 0));
        let data = leaf["data"].as_str()?.split_ascii_whitespace();
        let sample = |text: &str| {
            let limit = match text {
                "L" => decimal(&leaf["lowerLimit"]),
                "U" => decimal(&leaf["upperLimit"]),
                _ => Decimal::parse(text),
            };
            limit?.scaled(factor, 1)?.plus(zero)
        };
        let mut samples: Vec<Decimal> = data.filter_map(sample).collect();
        samples.sort_by_cached_key(|n| n.key());
        let (low, high) = (samples.first()?, samples.last()?);
        Some(Self::between(Some(*low), Some(*high), unit(origin)))
    }
}

fn unit(quantity: &Value) -> [&str; 3] {
    ["system", "code", "unit"].map(|part| quantity[part].as_str().unwrap_or_default())
}

fn decimal(value: &Value) -> Option<Decimal> {
    value
        .as_number()
        .and_then(|n| Decimal::parse(&n.to_string()))
}

impl QuantityTest {
    /// A number with its prefix, its system and its code, each empty where it is not asked for; `None` where that is no
    /// number or no unit.
    #[must_use]
    pub fn new(prefix: Prefix, number: &str, system: &str, code: &str) -> Option<Self> {
        let at = Decimal::parse(number)?;
        let around = match prefix {
            Prefix::Ap => at.tenth(),
            _ => at.tolerance(),
        };
        let (from, to) = (at.plus(around.negated())?, at.plus(around)?);
        let (test, by) = match (system, code) {
            ("", "") => (UnitTest::Any, None),
            (_, "") => return None,
            ("", written) => (UnitTest::Written(indexed(written).to_owned()), None),
            _ => {
                let (base, by) = based(system, code);
                (UnitTest::Base(base), by)
            }
        };
        let key = |number| convert(by.as_ref(), number).map(Decimal::key);
        Some(Self {
            prefix,
            from: key(from)?,
            at: key(at)?,
            to: key(to)?,
            unit: test,
        })
    }

    /// Whether a quantity is one that is asked for.
    #[must_use]
    pub fn matches(&self, value: &Measure) -> bool {
        let (lo, hi) = match &self.unit {
            UnitTest::Any => (&value.lo, &value.hi),
            UnitTest::Written(unit) if *unit == value.code || *unit == value.unit => {
                (&value.lo, &value.hi)
            }
            UnitTest::Base(base) if *base == value.base => (&value.base_lo, &value.base_hi),
            _ => return false,
        };
        let within = *lo >= self.from && *hi < self.to;
        match self.prefix {
            Prefix::Eq => within,
            Prefix::Ne => !within,
            Prefix::Gt => *hi > self.at,
            Prefix::Lt => *lo < self.at,
            Prefix::Ge => *hi >= self.at,
            Prefix::Le => *lo <= self.at,
            Prefix::Sa => *lo > self.at,
            Prefix::Eb => *hi < self.at,
            Prefix::Ap => *lo <= self.to && *hi >= self.from,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(prefix: Prefix, number: &str, system: &str, code: &str) -> QuantityTest {
        QuantityTest::new(prefix, number, system, code).expect("a test")
    }

    fn weight() -> Measure {
        let kg = json!({"value": 70.2, "unit": "kilogram", "system": SYSTEM, "code": "kg"});
        Measure::of(&kg).expect("a quantity")
    }

    #[test]
    fn a_quantity_is_found_in_any_unit_that_measures_the_same() {
        let weight = weight();
        for (number, system, code) in [
            ("70.2", "", ""),
            ("70", "", ""),
            ("70.2", "", "kg"),
            ("70.2", "", "kilogram"),
            ("70.2", SYSTEM, "kg"),
            ("70200", SYSTEM, "g"),
            ("154.8", SYSTEM, "[lb_av]"),
        ] {
            let test = asked(Prefix::Eq, number, system, code);
            assert!(test.matches(&weight), "{number} {code}");
        }
        for (number, system, code) in [
            ("70.20", SYSTEM, "m"),
            ("70.3", SYSTEM, "kg"),
            ("70.2", "", "g"),
            ("70.2", "urn:other", "kg"),
        ] {
            let test = asked(Prefix::Eq, number, system, code);
            assert!(!test.matches(&weight), "{number} {code}");
        }
    }

    #[test]
    fn prefixes_look_at_the_exact_number_and_ap_at_a_tenth() {
        use Prefix::{Ap, Eb, Ge, Gt, Le, Lt, Ne, Sa};
        let weight = weight();
        for (prefix, number, met) in [
            (Gt, "70.2", false),
            (Ge, "70.2", true),
            (Gt, "70.1", true),
            (Lt, "70.2", false),
            (Le, "70.2", true),
            (Sa, "70.1", true),
            (Eb, "70.2", false),
            (Ne, "70.2", false),
            (Ne, "71", true),
            (Ap, "77", true),
            (Ap, "64", true),
            (Ap, "79", false),
            (Ap, "60", false),
        ] {
            let test = asked(prefix, number, SYSTEM, "kg");
            assert_eq!(test.matches(&weight), met, "{prefix:?} {number}");
        }
    }

    #[test]
    fn comparators_ranges_samples_and_money_are_spans() {
        let less = json!({"value": 5, "comparator": "<", "system": SYSTEM, "code": "mg"});
        let less = Measure::of(&less).expect("a quantity");
        assert!(asked(Prefix::Lt, "1", "", "").matches(&less));
        assert!(!asked(Prefix::Gt, "5", "", "").matches(&less));
        // Less than five is neither five nor more, and all of it is before five; at most five may be five.
        assert!(asked(Prefix::Gt, "4.9", "", "").matches(&less));
        assert!(!asked(Prefix::Ge, "5", SYSTEM, "mg").matches(&less));
        assert!(asked(Prefix::Eb, "0.005", SYSTEM, "g").matches(&less));
        let of = |comparator: &str| {
            let value = json!({"value": -20, "comparator": comparator, "unit": "mV"});
            Measure::of(&value).expect("a quantity")
        };
        for (comparator, prefix, met) in [
            ("<", Prefix::Ge, false),
            ("<", Prefix::Eb, true),
            ("<=", Prefix::Ge, true),
            ("<=", Prefix::Eb, false),
            (">", Prefix::Le, false),
            (">", Prefix::Sa, true),
            (">=", Prefix::Le, true),
            (">=", Prefix::Sa, false),
        ] {
            let found = asked(prefix, "-20", "", "mV").matches(&of(comparator));
            assert_eq!(found, met, "{comparator} {prefix:?}");
        }
        let range = json!({"low": {"value": 2, "system": SYSTEM, "code": "a"}, "high": {"value": 4, "system": SYSTEM, "code": "a"}});
        let range = Measure::of(&range).expect("a range");
        assert!(asked(Prefix::Gt, "36", SYSTEM, "mo").matches(&range));
        assert!(!asked(Prefix::Gt, "48", SYSTEM, "mo").matches(&range));
        let samples = json!({"origin": {"value": 10, "unit": "mV"}, "factor": 0.5, "data": "2 4 E -6 U",
            "upperLimit": 100, "period": 10, "dimensions": 1});
        let samples = Measure::of(&samples).expect("samples");
        assert!(asked(Prefix::Ge, "60", "", "mV").matches(&samples));
        assert!(asked(Prefix::Le, "7", "", "").matches(&samples));
        assert!(!asked(Prefix::Lt, "7", "", "").matches(&samples));
        let money = Measure::of(&json!({"value": 9.5, "currency": "USD"})).expect("money");
        assert!(asked(Prefix::Eq, "9.5", CURRENCY, "USD").matches(&money));
        for none in [
            json!({}),
            json!({"unit": "mg"}),
            json!({"low": {}}),
            json!("5"),
        ] {
            assert_eq!(Measure::of(&none), None, "{none}");
        }
    }

    #[test]
    fn a_system_needs_a_code_and_a_number_must_be_one() {
        assert_eq!(QuantityTest::new(Prefix::Eq, "5", SYSTEM, ""), None);
        assert_eq!(QuantityTest::new(Prefix::Eq, "five", "", ""), None);
    }
}
