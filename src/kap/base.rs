//! The small words of the practice's language: identifiers, instants, days, exact numbers, codes.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// The id of a record: 1–64 characters of `A–Z a–z 0–9 - .`, and neither `.` nor `..`
/// (FHIR R4 datatype `id`, less the two names that are paths).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Id(String);

impl Id {
    /// Checks `text` against the rule above; `None` where it does not hold.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let ok = (1..=64).contains(&text.len())
            && text.chars().all(legal)
            && text != "."
            && text != "..";
        ok.then_some(Self(text))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether no id has been given yet (a record that a client sends has none).
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::new(text).ok_or_else(|| {
            D::Error::custom("an id is 1 to 64 of A-Z a-z 0-9 - . and is neither '.' nor '..'")
        })
    }
}

/// A point in time with the offset in which it was written (RFC 3339, offset required).
/// Equality and order are those of the instant; the offset is kept for display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub time::OffsetDateTime);

impl Instant {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn millis(self) -> i64 {
        let nanos = self.0.unix_timestamp_nanos();
        i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX)
    }

    /// This instant plus `minutes` (negative: before).
    #[must_use]
    pub fn plus_minutes(self, minutes: i64) -> Self {
        Self(self.0.saturating_add(time::Duration::minutes(minutes)))
    }

    /// Whole minutes from `earlier` to `self`, rounded towards zero.
    #[must_use]
    pub fn minutes_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).whole_minutes()
    }
}

impl FromStr for Instant {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        time::OffsetDateTime::parse(text, &Rfc3339)
            .map(Self)
            .map_err(|_| {
                "a time is RFC 3339 with seconds and an offset, such as 2026-07-18T10:03:00-07:00"
                    .into()
            })
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

/// A calendar day, `YYYY-MM-DD`, in the practice's time zone unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub time::Date);

impl Day {
    /// This day plus `days` (negative: before).
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(time::Duration::days(days)))
    }

    /// Days from `earlier` to `self`.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).whole_days()
    }
}

impl FromStr for Day {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        time::Date::parse(text, format_description!("[year]-[month]-[day]"))
            .map(Self)
            .map_err(|_| "a day is a real date written YYYY-MM-DD".into())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.format(format_description!("[year]-[month]-[day]"));
        f.write_str(&text.map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

/// An exact decimal number, kept with the digits in which it was written (`0.50` stays `0.50`).
/// Exact so that no dose is ever shown as another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(pub rust_decimal::Decimal);

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(rust_decimal::Decimal::ZERO);
}

impl From<i64> for Decimal {
    fn from(n: i64) -> Self {
        Self(n.into())
    }
}

impl FromStr for Decimal {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = if text.contains(['e', 'E']) {
            rust_decimal::Decimal::from_scientific(text)
        } else {
            rust_decimal::Decimal::from_str_exact(text)
        };
        parsed
            .map(Self)
            .map_err(|_| "a number has at most 28 significant digits".into())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let raw = serde_json::value::RawValue::from_string(self.0.to_string());
        raw.map_err(serde::ser::Error::custom)?.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(d)?;
        let text = raw.get();
        if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Err(D::Error::custom("a JSON number is expected here"));
        }
        text.parse().map_err(D::Error::custom)
    }
}

/// A code in a code system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coding {
    /// URI of the code system.
    pub system: String,
    /// The code, as that system writes it.
    pub code: String,
    /// The system's own display of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// A measured amount with its unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// The number.
    pub value: Decimal,
    /// The unit as a person reads it; where no `code` is given, also the UCUM code.
    pub unit: String,
    /// URI of the unit system (UCUM: `http://unitsofmeasure.org`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The unit's code in that system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A business identifier: a name that an organization gave the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// Kind of identifier, a code of HL7 table 0203 such as `MR`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// URI of the namespace.
    pub system: String,
    /// The identifier itself.
    pub value: String,
}

/// A person's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonName {
    /// Family name.
    pub family: String,
    /// Given names, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
}

/// A phone number, mail address or the like (FHIR R4 `ContactPoint`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telecom {
    /// `phone`, `fax`, `email`, `pager`, `url`, `sms` or `other`.
    pub system: TelecomSystem,
    /// The number or address.
    pub value: String,
    /// `home`, `work`, `temp`, `old` or `mobile`.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<TelecomUse>,
}

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// Street lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line: Vec<String>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State, two letters in the USA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country, ISO 3166 two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// Declares a closed list of codes as an enum with its wire spelling.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[doc = concat!("`", $code, "`")] #[serde(rename = $code)] $variant),+ }
        impl $name {
            /// Every code of the list, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The code as it is written on the wire.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code),+ } }
            /// The entry with this code, if the list has it.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> { match code { $($code => Some(Self::$variant),)+ _ => None } }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.code()) }
        }
    };
}
pub(crate) use codes;

codes! {
    /// FHIR R4 value set `contact-point-system`.
    TelecomSystem { Phone = "phone", Fax = "fax", Email = "email", Pager = "pager", Url = "url", Sms = "sms", Other = "other" }
}
codes! {
    /// FHIR R4 value set `contact-point-use`.
    TelecomUse { Home = "home", Work = "work", Temp = "temp", Old = "old", Mobile = "mobile" }
}
