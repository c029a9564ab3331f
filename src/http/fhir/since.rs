//! `If-Modified-Since` (RFC 9110 §13.1.3).

use axum::http::{HeaderMap, header};
use time::PrimitiveDateTime;
use time::macros::format_description;

/// Whether the request has what was written at `at` (milliseconds since 1970). `If-None-Match` is the more exact question
/// and is asked alone; a date that cannot be read asks nothing.
pub fn unchanged(headers: &HeaderMap, at: i64) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let text = headers.get(header::IF_MODIFIED_SINCE);
    let text = text.and_then(|value| value.to_str().ok());
    let since = text.and_then(|text| PrimitiveDateTime::parse(text, format).ok());
    since.is_some_and(|since| at.div_euclid(1000) <= since.assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header"));
        headers
    }

    #[test]
    fn a_date_is_compared_by_the_second() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let at = 784_111_777_400;
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:36 GMT", false),
            ("Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("Sun, 06 Nov 2094 08:49:37 GMT", true),
            ("1994-11-06T08:49:37Z", false),
            ("yesterday", false),
        ] {
            assert_eq!(
                unchanged(&asks("if-modified-since", text), at),
                expected,
                "{text}"
            );
        }
        let mut both = asks("if-modified-since", "Sun, 06 Nov 2094 08:49:37 GMT");
        both.insert("if-none-match", "W/\"7\"".parse().expect("a header"));
        assert!(!unchanged(&both, at));
    }
}
