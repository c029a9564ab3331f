//! Dates of any precision as half-open intervals of milliseconds, which is how they are compared
//! (FHIR R4 §3.1.1.5.6). A date without an offset is read in UTC.

use std::str::FromStr;

use time::{Date, Month, OffsetDateTime, format_description::well_known::Rfc3339};

/// `[lo, hi)` in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub lo: i64,
    pub hi: i64,
}

impl Interval {
    /// From `start` (always, where absent) to `end` (forever, where absent), both included.
    #[must_use]
    pub fn period(start: Option<&str>, end: Option<&str>) -> Option<Self> {
        let lo = start.map(str::parse::<Self>).transpose().ok()?;
        let hi = end.map(str::parse::<Self>).transpose().ok()?;
        (lo.is_some() || hi.is_some()).then_some(Self {
            lo: lo.map_or(i64::MIN, |i| i.lo),
            hi: hi.map_or(i64::MAX, |i| i.hi),
        })
    }

    /// Whether `self` lies within `other`.
    #[must_use]
    pub const fn within(self, other: Self) -> bool {
        self.lo >= other.lo && self.hi <= other.hi
    }
}

impl FromStr for Interval {
    type Err = &'static str;

    /// Reads `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, or a time with minutes and optional seconds, fraction and offset.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = if text.contains('T') {
            moment(text)
        } else {
            day(text)
        };
        parsed.ok_or("a date is written YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+hh:mm")
    }
}

fn day(text: &str) -> Option<Interval> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts
        .next()
        .map(|p| digits(p, 2))
        .map_or(Some(None), |m| m.map(Some))?;
    let day = parts
        .next()
        .map(|p| digits(p, 2))
        .map_or(Some(None), |d| d.map(Some))?;
    if parts.next().is_some() {
        return None;
    }
    let at = |m: i32, d: i32| {
        let month = Month::try_from(u8::try_from(m).ok()?).ok()?;
        Date::from_calendar_date(year, month, u8::try_from(d).ok()?).ok()
    };
    if year == 0 {
        return None;
    }
    let start = at(month.unwrap_or(1), day.unwrap_or(1))?;
    let end = match (month, day) {
        (None, _) => Date::from_calendar_date(year, Month::December, 31).ok()?,
        (Some(_), None) => start.replace_day(start.month().length(year)).ok()?,
        (Some(_), Some(_)) => start,
    };
    let millis = |d: Date| d.midnight().assume_utc().unix_timestamp() * 1000;
    Some(Interval {
        lo: millis(start),
        hi: millis(end) + 86_400_000,
    })
}

fn digits(text: &str, len: usize) -> Option<i32> {
    let plain = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

fn moment(text: &str) -> Option<Interval> {
    let (date, rest) = text.split_once('T')?;
    let offset = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, offset) = rest.split_at(offset);
    let offset = if offset.is_empty() { "Z" } else { offset };
    let (seconds, width) = match (clock.len(), clock.contains('.')) {
        (5, _) => (":00", 60_000),
        (_, false) => ("", 1_000),
        (_, true) => ("", 1),
    };
    let full = format!("{date}T{clock}{seconds}{offset}");
    let at = OffsetDateTime::parse(&full, &Rfc3339).ok()?;
    // No place on earth is further from UTC.
    if at.year() == 0 || at.offset().whole_minutes().abs() > 14 * 60 {
        return None;
    }
    let lo = i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
    Some(Interval { lo, hi: lo + width })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(text: &str) -> i64 {
        let i: Interval = text.parse().expect("a date");
        i.hi - i.lo
    }

    #[test]
    fn precision_is_the_width() {
        assert_eq!(width("2024"), 366 * 86_400_000);
        assert_eq!(width("2023-02"), 28 * 86_400_000);
        assert_eq!(width("2023-02-28"), 86_400_000);
        assert_eq!(width("2023-02-28T10:00"), 60_000);
        assert_eq!(width("2023-02-28T10:00:00Z"), 1_000);
        assert_eq!(width("2023-02-28T10:00:00.5Z"), 1);
    }

    #[test]
    fn offsets_are_honoured() {
        let a: Interval = "2024-03-01T20:00:00-08:00".parse().expect("a time");
        let b: Interval = "2024-03-02T04:00:00Z".parse().expect("a time");
        assert_eq!(a, b);
    }

    #[test]
    fn unreal_dates_are_refused() {
        for bad in [
            "",
            "24",
            "2024-13",
            "2024-02-30",
            "2024-1-1",
            "2024-01-01-01",
            "+2024",
            "T10:00",
        ] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
        for bad in [
            "2024-01-01T25:00:00Z",
            "2024-01-01T10",
            "2024-01-01T10:00:00+99:00",
            "xT10:00",
        ] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_open_period_has_no_bound() {
        let open = Interval::period(Some("2024-01-01"), None).expect("a period");
        assert_eq!(open.hi, i64::MAX);
        assert_eq!(Interval::period(None, None), None);
    }
}
