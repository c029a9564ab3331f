//! Units of UCUM (<https://ucum.org/ucum>) brought to base units, so that quantities in different units are compared.
//!
//! `ucum.txt` has the units of medicine. The mole is a base unit here, so that amounts of substance are not compared with
//! plain counts; arbitrary units (`[iU]`) and those of logarithmic scales stand for themselves. Annotations in braces say nothing of the amount.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use super::decimal::Decimal;

const TABLE: &str = include_str!("ucum.txt");

/// The system of UCUM codes.
pub const SYSTEM: &str = "http://unitsofmeasure.org";

const PREFIXES: [(&str, i32); 20] = [
    ("da", 1),
    ("Y", 24),
    ("Z", 21),
    ("E", 18),
    ("P", 15),
    ("T", 12),
    ("G", 9),
    ("M", 6),
    ("k", 3),
    ("h", 2),
    ("d", -1),
    ("c", -2),
    ("m", -3),
    ("u", -6),
    ("n", -9),
    ("p", -12),
    ("f", -15),
    ("a", -18),
    ("z", -21),
    ("y", -24),
];

/// A line of the table.
struct Atom {
    prefixed: bool,
    number: Decimal,
    /// Empty for a unit that stands for itself.
    term: &'static str,
}

static ATOMS: LazyLock<HashMap<&'static str, Atom>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|l| !l.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (code, prefixed) = (words.next()?, words.next()? == "*");
            let number = Decimal::parse(words.next()?)?;
            let term = words.next().unwrap_or_default();
            let atom = Atom {
                prefixed,
                number,
                term,
            };
            Some((code, atom))
        })
        .collect()
});

/// A product of base units, so many times: `num / den`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Amount {
    num: Decimal,
    den: i128,
    bases: BTreeMap<&'static str, i32>,
}

/// A unit in base units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    amount: Amount,
    /// Added before it is scaled, for the scales of temperature.
    shift: Decimal,
}

impl Unit {
    /// Reads a code; `None` where it is none, or one of a unit that is not known.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let zero = Decimal::new(0, 0);
        let kelvin = |num, den| Amount {
            num,
            den,
            bases: BTreeMap::from([("K", 1)]),
        };
        match code {
            "Cel" => {
                return Some(Self {
                    amount: kelvin(Decimal::new(1, 0), 1),
                    shift: Decimal::new(27315, -2),
                });
            }
            "[degF]" => {
                return Some(Self {
                    amount: kelvin(Decimal::new(5, 0), 9),
                    shift: Decimal::new(45967, -2),
                });
            }
            _ => {}
        }
        if code.len() > 64 || code.is_empty() || !code.is_ascii() {
            return None;
        }
        let mut reader = Reader { rest: code };
        let amount = reader.term(0)?;
        reader.rest.is_empty().then_some(Self {
            amount,
            shift: zero,
        })
    }

    /// The base units, `1` where there are none: units of one name measure the same.
    #[must_use]
    pub fn base(&self) -> String {
        let of = |(base, power): (&&str, &i32)| match power {
            1 => (*base).to_owned(),
            _ => format!("{base}{power}"),
        };
        let parts: Vec<String> = self.amount.bases.iter().map(of).collect();
        if parts.is_empty() {
            "1".to_owned()
        } else {
            parts.join(".")
        }
    }

    /// A number of this unit in base units; `None` where it is too large.
    #[must_use]
    pub fn convert(&self, number: Decimal) -> Option<Decimal> {
        let shifted = number.plus(self.shift)?;
        shifted.scaled(self.amount.num, self.amount.den)
    }
}

impl Amount {
    const fn one() -> Self {
        Self {
            num: Decimal::new(1, 0),
            den: 1,
            bases: BTreeMap::new(),
        }
    }

    fn times(mut self, other: &Self) -> Option<Self> {
        self.num = self.num.scaled(other.num, 1)?;
        self.den = self.den.checked_mul(other.den)?;
        for (base, power) in &other.bases {
            let sum = self.bases.entry(base).or_default();
            *sum = sum.checked_add(*power)?;
        }
        self.bases.retain(|_, power| *power != 0);
        Some(self)
    }

    fn inverse(self) -> Option<Self> {
        let (num, den) = self.num.flipped(self.den)?;
        let bases = self.bases.into_iter().map(|(b, p)| (b, -p)).collect();
        Some(Self { num, den, bases })
    }

    fn power(self, exponent: i32) -> Option<Self> {
        let of = if exponent < 0 { self.inverse()? } else { self };
        let mut out = Self::one();
        for _ in 0..exponent.unsigned_abs() {
            out = out.times(&of)?;
        }
        Some(out)
    }
}

/// What is left to read of a code.
struct Reader<'c> {
    rest: &'c str,
}

impl<'c> Reader<'c> {
    fn takes(&mut self, mark: char) -> bool {
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// `a.b/c`, with nothing before a first `/`.
    fn term(&mut self, depth: u32) -> Option<Amount> {
        if depth > 8 {
            return None;
        }
        let mut out = if self.takes('/') {
            self.component(depth)?.inverse()?
        } else {
            self.component(depth)?
        };
        loop {
            if self.takes('.') {
                out = out.times(&self.component(depth)?)?;
            } else if self.takes('/') {
                out = out.times(&self.component(depth)?.inverse()?)?;
            } else {
                return Some(out);
            }
        }
    }

    fn component(&mut self, depth: u32) -> Option<Amount> {
        if self.takes('(') {
            let inner = self.term(depth + 1)?;
            return self.takes(')').then_some(inner);
        }
        if self.rest.starts_with('{') {
            self.annotation()?;
            return Some(Amount::one());
        }
        let symbol = self.symbol();
        let out = simple(symbol, depth)?;
        if self.rest.starts_with('{') {
            self.annotation()?;
        }
        Some(out)
    }

    fn annotation(&mut self) -> Option<()> {
        let end = self.rest.find('}')?;
        self.rest = &self.rest[end + 1..];
        Some(())
    }

    /// Up to the next operator outside brackets.
    fn symbol(&mut self) -> &'c str {
        let mut depth = 0;
        let end = self.rest.find(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            depth == 0 && matches!(c, '.' | '/' | '(' | ')' | '{')
        });
        let (symbol, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        symbol
    }
}

/// A whole number, or a unit with its prefix and exponent.
fn simple(symbol: &str, depth: u32) -> Option<Amount> {
    if !symbol.is_empty() && symbol.bytes().all(|b| b.is_ascii_digit()) {
        let num = Decimal::parse(symbol)?;
        return Some(Amount {
            num,
            ..Amount::one()
        });
    }
    let end = symbol.trim_end_matches(|c: char| c.is_ascii_digit());
    let end = end.strip_suffix(['-', '+']).unwrap_or(end);
    let (name, exponent) = symbol.split_at(end.len());
    let exponent: i32 = match exponent {
        "" => 1,
        digits => digits.parse().ok().filter(|n: &i32| n.abs() <= 30)?,
    };
    atom(name, depth)?.power(exponent)
}

fn atom(name: &str, depth: u32) -> Option<Amount> {
    if let Some((code, atom)) = ATOMS.get_key_value(name) {
        return expanded(code, atom, depth);
    }
    // In a product a degree is a difference of temperatures.
    if name == "Cel" {
        return atom("K", depth);
    }
    let (power, rest) = PREFIXES.iter().find_map(|(prefix, power)| {
        let rest = name.strip_prefix(prefix)?;
        ATOMS.get(rest)?.prefixed.then_some((*power, rest))
    })?;
    let (code, found) = ATOMS.get_key_value(rest)?;
    let prefix = Amount {
        num: Decimal::new(1, power),
        ..Amount::one()
    };
    expanded(code, found, depth)?.times(&prefix)
}

fn expanded(code: &'static str, atom: &Atom, depth: u32) -> Option<Amount> {
    let of = match atom.term {
        "" => Amount {
            bases: BTreeMap::from([(code, 1)]),
            ..Amount::one()
        },
        term => Reader { rest: term }.term(depth + 1)?,
    };
    of.times(&Amount {
        num: atom.number,
        ..Amount::one()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).expect("a number")
    }

    fn same(a: (&str, &str), b: (&str, &str)) {
        let based = |(n, code): (&str, &str)| {
            let unit = Unit::parse(code).expect(code);
            (unit.base(), unit.convert(number(n)).expect(code).key())
        };
        assert_eq!(based(a), based(b), "{a:?} {b:?}");
    }

    #[test]
    fn every_line_is_a_unit() {
        let lines = TABLE.lines().filter(|l| !l.starts_with('#')).count();
        assert_eq!(ATOMS.len(), lines);
        for code in ATOMS.keys() {
            assert!(Unit::parse(code).is_some(), "{code}");
        }
    }

    #[test]
    fn equal_amounts_in_different_units_are_equal() {
        for (a, b) in [
            (("70", "kg"), ("70000", "g")),
            (("100", "mg"), ("0.1", "g")),
            (("0.5", "mg/kg"), ("500", "ug/kg")),
            (("60", "/min"), ("1", "Hz")),
            (("72", "{beats}/min"), ("1.2", "s-1")),
            (("120", "mm[Hg]"), ("15.99864", "kPa")),
            (("37", "Cel"), ("310.15", "K")),
            (("98.6", "[degF]"), ("37", "Cel")),
            (("1", "[lb_av]"), ("453.59237", "g")),
            (("6", "[ft_i]"), ("72", "[in_i]")),
            (("1", "L"), ("1000", "mL")),
            (("5", "10*3/uL"), ("5", "10*9/L")),
            (("2", "h"), ("120", "min")),
            (("1", "wk"), ("7", "d")),
            (("12", "mo"), ("1", "a")),
            (("1", "mmol/L"), ("1", "mol/m3")),
            (("1", "ug/dL"), ("10", "ng/mL")),
            (("50", "%"), ("0.5", "1")),
            (("1", "k[IU]/L"), ("1000", "[iU]/L")),
            (("1", "kat"), ("60000000", "U")),
            (("2", "(mg/kg)/d"), ("2", "mg/(kg.d)")),
            (("1", "mL/min/{1.73_m2}"), ("60", "mL/h")),
            (("3", "m2"), ("30000", "cm2")),
        ] {
            same(a, b);
        }
    }

    #[test]
    fn what_measures_something_else_has_another_base() {
        let base = |code| Unit::parse(code).expect("a unit").base();
        assert_eq!(base("mg"), "g");
        assert_eq!(base("mm[Hg]"), "g.m-1.s-2");
        assert_eq!(base("{score}"), "1");
        assert_eq!(base("[pH]"), "[pH]");
        assert_ne!(base("mol/L"), base("10*6/L"));
        assert_ne!(base("[iU]/mL"), base("[arb'U]/mL"));
    }

    #[test]
    fn what_is_no_unit_is_none() {
        for bad in [
            "", "tablet", "mgg", "kk", "mg/", "(mg", "mg)", "{open", "m99", "mg kg", "kmin", "µg",
            "m-",
        ] {
            assert_eq!(Unit::parse(bad), None, "{bad}");
        }
        let deep = "(".repeat(40);
        assert_eq!(Unit::parse(&deep), None);
    }
}
