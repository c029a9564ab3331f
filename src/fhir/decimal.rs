//! Decimal numbers as they are compared: exact, and as text that sorts like the number on every database.

/// Most significant digits of a number that is read; FHIR asks for 18.
const DIGITS: usize = 30;
/// Significant digits of a quotient that has no end.
const QUOTIENT: u32 = 18;
/// The key before those of all numbers.
pub const LOWEST: &str = "";
/// The key after those of all numbers.
pub const HIGHEST: &str = "3";

/// `mantissa × 10^exponent`; the exponent is the precision with which it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Decimal {
    /// `mantissa × 10^exponent`.
    #[must_use]
    pub const fn new(mantissa: i128, exponent: i32) -> Self {
        Self { mantissa, exponent }
    }

    /// Reads a number as JSON writes it, with a sign or without: at most 30 digits, exponents within ±100.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let power: i32 = power.parse().ok().filter(|p| (-100..=100).contains(p))?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = whole.trim_start_matches(['-', '+']);
        let plain = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let dotless = number.contains('.') && part.is_empty();
        if digits.is_empty() || dotless || whole.len() - digits.len() > 1 {
            return None;
        }
        if !plain(digits) || !plain(part) || digits.len() + part.len() > DIGITS {
            return None;
        }
        let mantissa = format!("{whole}{part}").parse().ok()?;
        let places = i32::try_from(part.len()).ok()?;
        Some(Self::new(mantissa, power - places))
    }

    /// Half of the last place that was written: within so much of it, another number equals this one (FHIR R4
    /// §3.1.1.5.3: `100` is `[99.5, 100.5)`, and by the standard's example `1e2` is `[95, 105)`).
    #[must_use]
    pub const fn tolerance(self) -> Self {
        let place = if self.exponent > 0 {
            self.exponent - 2
        } else {
            self.exponent - 1
        };
        Self::new(5, place)
    }

    /// A tenth of its amount: what `ap` takes for about the same.
    #[must_use]
    pub const fn tenth(self) -> Self {
        Self::new(self.mantissa.saturating_abs(), self.exponent - 1)
    }

    /// The sum; `None` where it has too many digits.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        let at = |d: Self| -> Option<i128> {
            let up = u32::try_from(d.exponent - exponent).ok()?;
            d.mantissa.checked_mul(10_i128.checked_pow(up)?)
        };
        Some(Self::new(at(self)?.checked_add(at(other)?)?, exponent))
    }

    /// The number with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self::new(self.mantissa.wrapping_neg(), self.exponent)
    }

    /// `self × num / den`, rounded to 18 digits where it does not come out even; `None` where it is too large.
    #[must_use]
    pub fn scaled(self, num: Self, den: i128) -> Option<Self> {
        let own = self.shortened();
        let product = own.mantissa.checked_mul(num.mantissa)?;
        let mut exponent = own.exponent.checked_add(num.exponent)?;
        let (mut quotient, mut rest) = (product.checked_div(den)?, product.checked_rem(den)?);
        while rest != 0 && quotient.unsigned_abs() < 10_u128.pow(QUOTIENT) {
            rest = rest.checked_mul(10)?;
            quotient = quotient
                .checked_mul(10)?
                .checked_add(rest.checked_div(den)?)?;
            rest = rest.checked_rem(den)?;
            exponent = exponent.checked_sub(1)?;
        }
        Some(Self::new(quotient, exponent))
    }

    /// Numerator and denominator of `den / self`; `None` for zero.
    #[must_use]
    pub fn flipped(self, den: i128) -> Option<(Self, i128)> {
        let own = self.shortened();
        let upside = Self::new(
            den.checked_mul(own.mantissa.signum())?,
            own.exponent.checked_neg()?,
        );
        let below = own.mantissa.checked_abs().filter(|below| *below != 0)?;
        Some((upside, below))
    }

    /// Without zeros at its end.
    fn shortened(self) -> Self {
        let mut out = self;
        while out.mantissa != 0 && out.mantissa % 10 == 0 {
            out.mantissa /= 10;
            out.exponent += 1;
        }
        out
    }

    /// A text that sorts, byte by byte, as the number does among numbers; equal for equal numbers however written.
    #[must_use]
    pub fn key(self) -> String {
        let short = self.shortened();
        if short.mantissa == 0 {
            return "1".to_owned();
        }
        let digits = short.mantissa.unsigned_abs().to_string();
        let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
        let magnitude = (short.exponent.saturating_add(length)).saturating_add(5000);
        let magnitude = magnitude.clamp(0, 9999);
        if short.mantissa > 0 {
            return format!("2{magnitude:04}{digits}");
        }
        // Backwards, and closed by a byte after all digits: of two, the shorter one is the greater.
        let complement: String = digits
            .bytes()
            .map(|b| char::from(b'9' - (b - b'0')))
            .collect();
        format!("0{:04}{complement}~", 9999 - magnitude)
    }
}

/// A key directly above this one: of what is greater than the number.
#[must_use]
pub fn above(key: &str) -> String {
    // Before every digit.
    format!("{key}!")
}

/// A key directly below this one: of what is less than the number.
#[must_use]
pub fn below(key: &str) -> String {
    match key.as_bytes().split_last() {
        // A negative number: after all that is less, which has further digits there.
        Some((b'~', rest)) => format!("{}}}", String::from_utf8_lossy(rest)),
        // A key ends with no zero: with a lesser digit there, and then after all digits.
        Some((last @ b'1'..=b'9', rest)) => {
            format!("{}{}~", String::from_utf8_lossy(rest), last - b'1')
        }
        _ => key.to_owned(),
    }
}

/// The key of a whole number.
#[must_use]
pub fn whole(n: i64) -> String {
    Decimal::new(i128::from(n), 0).key()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Decimal {
        Decimal::parse(text).expect("a number")
    }

    #[test]
    fn keys_sort_as_the_numbers_do() {
        let ascending = [
            "-1e30", "-1000", "-999.9", "-10", "-1.23", "-1.2", "-1", "-0.5", "-0.05", "-1e-30",
            "0", "1e-30", "0.049", "0.05", "0.1", "0.12", "1", "1.2", "1.23", "2", "9.99", "10",
            "100", "1e30",
        ];
        for pair in ascending.windows(2) {
            let (less, more) = (read(pair[0]).key(), read(pair[1]).key());
            assert!(less < more, "{pair:?}");
            assert!(less < above(&less) && above(&less) < more, "{pair:?}");
            assert!(less < below(&more) && below(&more) < more, "{pair:?}");
            assert!(above(&less) < below(&more), "{pair:?}");
        }
        for key in ascending.map(|n| read(n).key()) {
            assert!(key.as_str() > LOWEST && key.as_str() < HIGHEST, "{key}");
        }
    }

    #[test]
    fn equal_numbers_have_one_key() {
        for (a, b) in [
            ("1.10", "1.1"),
            ("100", "1e2"),
            ("0", "-0.0"),
            ("+5", "5"),
            ("0.0010", "1E-3"),
        ] {
            assert_eq!(read(a).key(), read(b).key(), "{a} {b}");
        }
        assert_eq!(whole(i64::MIN), read("-9223372036854775808").key());
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for bad in [
            "",
            "-",
            ".5",
            "5.",
            "1,5",
            "--1",
            "1e",
            "1e101",
            "NaN",
            "0x1",
            "1234567890123456789012345678901",
            " 1",
        ] {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn precision_is_what_was_written() {
        for (text, low) in [
            ("100", "99.5"),
            ("100.00", "99.995"),
            ("1e2", "95"),
            ("-3.0", "-3.05"),
        ] {
            let number = read(text);
            let least = number.plus(number.tolerance().negated()).expect("a sum");
            assert_eq!(least.key(), read(low).key(), "{text}");
        }
    }

    #[test]
    fn quotients_are_exact_where_they_can_be() {
        let minute = read("60").scaled(read("1"), 60).expect("a quotient");
        assert_eq!(minute.key(), read("1").key());
        let third = read("1").scaled(read("1"), 3).expect("a quotient");
        assert!(third.key().starts_with(&read("0.33333333333333333").key()));
        let half = read("-1.5").scaled(read("1e3"), 2).expect("a quotient");
        assert_eq!(half.key(), read("-750").key());
    }
}
