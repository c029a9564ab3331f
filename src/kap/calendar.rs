//! Days as the practice lives them: its time zone, birthdays, whole months.
//!
//! "Same day", "due" and "age" are always questions to this file, never to an instant's own offset.

use super::base::{Day, Instant};
use super::{Episode, people};
use crate::error::{Error, Kind, Result};

/// The practice's time zone.
#[derive(Clone, Debug)]
pub struct Calendar(jiff::tz::TimeZone);

/// UTC: for those who name no zone.
impl Default for Calendar {
    fn default() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }
}

impl Calendar {
    /// The calendar of an IANA time zone such as `America/Los_Angeles`.
    ///
    /// # Errors
    /// `Unprocessable` where there is no such zone.
    pub fn new(zone: &str) -> Result<Self> {
        jiff::tz::TimeZone::get(zone).map(Self).map_err(|_| {
            Error::new(
                Kind::Unprocessable,
                "The time zone is not a name of the IANA time zone database.",
            )
        })
    }

    /// The calendar of a practice; UTC where it names no zone (an episode cannot be opened so).
    #[must_use]
    pub fn of(practice: &people::Organization) -> Self {
        let zone = practice.timezone.as_deref().map(Self::new);
        zone.and_then(Result::ok)
            .unwrap_or(Self(jiff::tz::TimeZone::UTC))
    }

    /// The local day of an instant.
    #[must_use]
    pub fn day(&self, at: Instant) -> Day {
        let stamp = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
        let date = stamp.to_zoned(self.0.clone()).date();
        let month = u8::try_from(date.month()).unwrap_or(1);
        let day = u8::try_from(date.day()).unwrap_or(1);
        civil(date.year().into(), month, day)
    }

    /// The first instant of a local day.
    #[must_use]
    pub fn start_of(&self, day: Day) -> Instant {
        let utc = day.0.midnight().assume_utc();
        let Some((seconds, offset)) = self.midnight(day) else {
            return Instant(utc);
        };
        let at = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(utc);
        let offset = time::UtcOffset::from_whole_seconds(offset).unwrap_or(time::UtcOffset::UTC);
        Instant(at.to_offset(offset))
    }

    /// Unix seconds and offset of local midnight.
    fn midnight(&self, day: Day) -> Option<(i64, i32)> {
        let year = i16::try_from(day.0.year()).ok()?;
        let month = i8::try_from(u8::from(day.0.month())).ok()?;
        let date = jiff::civil::Date::new(year, month, i8::try_from(day.0.day()).ok()?).ok()?;
        let zoned = date.to_zoned(self.0.clone()).ok()?;
        Some((zoned.timestamp().as_second(), zoned.offset().seconds()))
    }
}

impl Episode {
    /// The practice's calendar.
    #[must_use]
    pub fn calendar(&self) -> Calendar {
        Calendar::of(&self.organizations.practice)
    }

    /// Whether the patient is under 18 on `day`.
    #[must_use]
    pub fn is_minor(&self, day: Day) -> bool {
        day < birthday(self.patient.birth_date, 18)
    }
}

/// The day on which a person born on `birth` becomes `age`; who is born on 29 February does so on 1 March.
#[must_use]
pub fn birthday(birth: Day, age: u32) -> Day {
    let year = birth.0.year() + i32::try_from(age).unwrap_or(0);
    match birth.0.replace_year(year) {
        Ok(date) => Day(date),
        Err(_) => civil(year, 3, 1),
    }
}

/// Whole years of age on `day`; 0 before birth.
#[must_use]
pub fn age_on(birth: Day, day: Day) -> u32 {
    let years = u32::try_from(day.0.year() - birth.0.year()).unwrap_or(0);
    years - u32::from(years > 0 && day < birthday(birth, years))
}

/// The same day of the month `months` later, or the last day of that month.
#[must_use]
pub fn months_after(day: Day, months: u32) -> Day {
    let zero = i32::from(u8::from(day.0.month())) - 1 + i32::try_from(months).unwrap_or(0);
    let year = day.0.year() + zero / 12;
    let month = u8::try_from(zero % 12 + 1).unwrap_or(1);
    let length = time::Month::try_from(month).map_or(28, |m| m.length(year));
    civil(year, month, day.0.day().min(length))
}

fn civil(year: i32, month: u8, day: u8) -> Day {
    let month = time::Month::try_from(month).unwrap_or(time::Month::January);
    Day(time::Date::from_calendar_date(year, month, day).unwrap_or(time::Date::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a day")
    }

    #[test]
    fn a_day_is_the_practices_own() {
        let calendar = Calendar::new("America/Los_Angeles").expect("a zone");
        let late: Instant = "2026-07-19T05:30:00Z".parse().expect("an instant");
        assert_eq!(calendar.day(late), day("2026-07-18"));
        assert_eq!(
            calendar.start_of(day("2026-07-18")).to_string(),
            "2026-07-18T00:00:00-07:00"
        );
        // The day on which clocks go forward begins in winter time.
        assert_eq!(
            calendar.start_of(day("2026-03-08")).to_string(),
            "2026-03-08T00:00:00-08:00"
        );
        assert!(Calendar::new("Example/Nowhere").is_err());
    }

    #[test]
    fn birthdays_and_months_have_edges() {
        assert_eq!(birthday(day("2008-02-29"), 18), day("2026-03-01"));
        assert_eq!(age_on(day("2008-02-29"), day("2026-02-28")), 17);
        assert_eq!(age_on(day("2008-02-29"), day("2026-03-01")), 18);
        assert_eq!(age_on(day("2027-01-01"), day("2026-03-01")), 0);
        assert_eq!(months_after(day("2026-08-31"), 6), day("2027-02-28"));
        assert_eq!(months_after(day("2026-06-10"), 6), day("2026-12-10"));
    }
}
