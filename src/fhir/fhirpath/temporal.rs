//! Dates and times of any precision (<http://hl7.org/fhirpath/N1/#datetime>): two that agree as far as the less precise
//! of them says are neither equal nor unequal.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use time::{Date, Duration, Month, PrimitiveDateTime, Time, UtcOffset};

/// A date, a time of day, or both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temporal {
    /// Year, month, day, hour, minute, and milliseconds within the minute.
    parts: [i32; 6],
    /// How many of them are said, from the first (of a time of day, from the hour).
    said: usize,
    offset: Option<UtcOffset>,
    pub is: Form,
}

/// Which of FHIRPath's types it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Date,
    DateTime,
    Time,
}

fn digits(text: &str, len: usize) -> Option<i32> {
    let plain = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

impl Temporal {
    /// Reads FHIR's `date`, `dateTime`, `instant`; with a leading `T`, a time of day.
    pub fn literal(text: &str) -> Option<Self> {
        let mut own = Self {
            parts: [0, 1, 1, 0, 0, 0],
            said: 0,
            offset: None,
            is: Form::Date,
        };
        let (date, clock) = match text.split_once('T') {
            Some((date, clock)) => (date, Some(clock)),
            None => (text, None),
        };
        if date.is_empty() {
            own.is = Form::Time;
            own.said = 3;
        } else {
            for (n, part) in date.split('-').enumerate() {
                *own.parts.get_mut(n).filter(|_| n < 3)? = digits(part, [4, 2, 2][n])?;
                own.said = n + 1;
            }
        }
        if let Some(clock) = clock {
            if own.is == Form::Date {
                own.is = Form::DateTime;
            }
            own.clock(clock)?;
        }
        own.moment().map(|_| own)
    }

    /// Reads FHIR's `time`.
    pub fn time(text: &str) -> Option<Self> {
        Self::literal(&format!("T{text}"))
    }

    fn clock(&mut self, text: &str) -> Option<()> {
        let end = text.find(['Z', '+', '-']).unwrap_or(text.len());
        let (clock, zone) = text.split_at(end);
        if clock.is_empty() {
            return zone.is_empty().then_some(());
        }
        // `2020T10:00` says no day: it has no place on the calendar.
        if self.said != 3 {
            return None;
        }
        let mut parts = clock.split(':');
        self.parts[3] = digits(parts.next()?, 2)?;
        self.said = 4;
        if let Some(minute) = parts.next() {
            self.parts[4] = digits(minute, 2)?;
            self.said = 5;
        }
        if let Some(seconds) = parts.next() {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
            self.parts[5] = digits(whole, 2)?.min(59) * 1000 + digits(&fraction, 3)?;
            self.said = 6;
        }
        if parts.next().is_some() {
            return None;
        }
        self.offset = match zone {
            "" => None,
            "Z" => Some(UtcOffset::UTC),
            _ => {
                let (hours, minutes) = zone[1..].split_once(':')?;
                let sign = if zone.starts_with('-') { -1 } else { 1 };
                let hours = i8::try_from(sign * digits(hours, 2)?).ok()?;
                let minutes = i8::try_from(sign * digits(minutes, 2)?).ok()?;
                Some(UtcOffset::from_hms(hours, minutes, 0).ok()?)
            }
        };
        Some(())
    }

    fn moment(&self) -> Option<PrimitiveDateTime> {
        let [year, month, day, hour, minute, millis] = self.parts;
        let small = |n: i32| u8::try_from(n).ok();
        let month = Month::try_from(small(month)?).ok()?;
        let date = Date::from_calendar_date(year, month, small(day)?).ok()?;
        let seconds = small(millis / 1000)?;
        let rest = u16::try_from(millis % 1000).ok()?;
        let time = Time::from_hms_milli(small(hour)?, small(minute)?, seconds, rest).ok()?;
        Some(PrimitiveDateTime::new(date, time))
    }

    fn set(&mut self, at: PrimitiveDateTime) {
        let (hour, minute, second, millis) = at.as_hms_milli();
        self.parts = [
            at.year(),
            u8::from(at.month()).into(),
            at.day().into(),
            hour.into(),
            minute.into(),
            i32::from(second) * 1000 + i32::from(millis),
        ];
    }

    fn utc(mut self) -> Self {
        if let (Some(offset), Some(at)) = (self.offset, self.moment()) {
            let at = at.assume_offset(offset).to_offset(UtcOffset::UTC);
            self.set(PrimitiveDateTime::new(at.date(), at.time()));
        }
        self
    }

    /// How the two lie; `None` where that cannot be said, because one is less precise or of another kind.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        if (self.is == Form::Time) != (other.is == Form::Time) {
            return None;
        }
        let both = self.offset.is_some() && other.offset.is_some();
        let (a, b) = if both {
            (self.utc(), other.utc())
        } else {
            (self, other)
        };
        let common = a.said.min(b.said);
        match a.parts[..common].cmp(&b.parts[..common]) {
            Ordering::Equal if a.said != b.said => None,
            // One says where on earth, the other does not.
            _ if common > 3 && a.is != Form::Time && a.offset.is_some() != b.offset.is_some() => {
                None
            }
            order => Some(order),
        }
    }

    /// The time that lies `amount` of `unit` later; what is less precise than the unit stays as precise as it is.
    pub fn plus(mut self, amount: Decimal, unit: &str) -> Option<Self> {
        let whole = amount.trunc().to_i64()?;
        let at = self.moment()?;
        let seconds = |each: i64| Some(Duration::seconds(whole.checked_mul(each)?));
        let later = match unit {
            "year" | "a" => months(at, whole.checked_mul(12)?)?,
            "month" | "mo" => months(at, whole)?,
            "week" | "wk" => at.checked_add(seconds(7 * 86_400)?)?,
            "day" | "d" => at.checked_add(seconds(86_400)?)?,
            "hour" | "h" => at.checked_add(seconds(3600)?)?,
            "minute" | "min" => at.checked_add(seconds(60)?)?,
            "second" | "s" => {
                let millis = amount.checked_mul(Decimal::ONE_THOUSAND)?.trunc();
                at.checked_add(Duration::milliseconds(millis.to_i64()?))?
            }
            "millisecond" | "ms" => at.checked_add(Duration::milliseconds(whole))?,
            _ => return None,
        };
        self.set(later);
        if self.is == Form::Time {
            self.parts[..3].copy_from_slice(&[0, 1, 1]);
        }
        Some(self)
    }

    /// As FHIR writes it.
    pub fn text(self) -> String {
        let [year, month, day, hour, minute, millis] = self.parts;
        let mut out = match (self.is, self.said) {
            (Form::Time, _) => String::new(),
            (_, 1) => format!("{year:04}"),
            (_, 2) => format!("{year:04}-{month:02}"),
            _ => format!("{year:04}-{month:02}-{day:02}"),
        };
        if self.said > 3 {
            let begun = if self.is == Form::Time { "" } else { "T" };
            out = format!("{out}{begun}{hour:02}");
        }
        if self.said > 4 {
            out = format!("{out}:{minute:02}");
        }
        if self.said > 5 {
            out = format!("{out}:{:02}", millis / 1000);
            if millis % 1000 != 0 {
                out = format!("{out}.{:03}", millis % 1000);
            }
        }
        match self.offset {
            Some(offset) if offset.is_utc() => out + "Z",
            Some(offset) => {
                let minutes = offset.whole_minutes();
                let sign = if minutes < 0 { '-' } else { '+' };
                format!(
                    "{out}{sign}{:02}:{:02}",
                    minutes.abs() / 60,
                    minutes.abs() % 60
                )
            }
            None => out,
        }
    }
}

/// The same day so many months later, or the last of a shorter month.
fn months(at: PrimitiveDateTime, count: i64) -> Option<PrimitiveDateTime> {
    let now = i64::from(at.year()) * 12 + i64::from(u8::from(at.month())) - 1;
    let all = now.checked_add(count)?;
    let year = i32::try_from(all.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(all.rem_euclid(12) + 1).ok()?).ok()?;
    let day = at.day().min(month.length(year));
    let date = Date::from_calendar_date(year, month, day).ok()?;
    Some(PrimitiveDateTime::new(date, at.time()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Temporal {
        Temporal::literal(text).expect("a time")
    }

    #[test]
    fn what_is_less_precise_is_not_judged() {
        assert_eq!(of("2020").compare(of("2019-05")), Some(Ordering::Greater));
        assert_eq!(of("2020").compare(of("2020-05")), None);
        assert_eq!(of("2020-05-01").compare(of("2020-05-01T10:00:00Z")), None);
        assert_eq!(of("T10:00").compare(of("T10:30")), Some(Ordering::Less));
    }

    #[test]
    fn offsets_count() {
        let here = of("2024-03-01T20:00:00-08:00");
        assert_eq!(
            here.compare(of("2024-03-02T04:00:00Z")),
            Some(Ordering::Equal)
        );
        assert_eq!(here.compare(of("2024-03-01T20:00:00")), None);
    }

    #[test]
    fn the_calendar_is_kept() {
        let six = |text: &str| of(text).plus(Decimal::from(6), "month").map(Temporal::text);
        assert_eq!(six("2026-08-31").as_deref(), Some("2027-02-28"));
        assert_eq!(six("2026").as_deref(), Some("2026"));
        assert_eq!(
            six("2026-07-18T10:03:00-07:00").as_deref(),
            Some("2027-01-18T10:03:00-07:00")
        );
        assert_eq!(Temporal::literal("2026-02-30"), None);
    }
}
