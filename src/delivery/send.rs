//! One call to a subscriber, and what its answer means (security reference §4.4, §4.6). Of an answer nothing is kept but its
//! status: what else is in it could tell a client of a network that it cannot see.

use std::time::Duration;

use super::Sends;
use crate::clock::Clock;
use crate::error::Result;

/// Bytes of an answer that are read, so that the connection can be used again.
const READ: usize = 8 * 1024;
/// The longest that an answer can make us wait, milliseconds.
const LONGEST: i64 = 60 * 60 * 1000;

/// As whom the service calls.
pub(super) const AGENT: &str = concat!("kap-fhir/", env!("CARGO_PKG_VERSION"));

/// A call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) endpoint: &'a str,
    pub(super) timeout: i64,
    pub(super) media: &'a str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// HTTP status; 0 where there was no answer.
    pub(super) status: i64,
    pub(super) millis: i64,
    pub(super) meaning: Meaning,
}

/// What that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Arrived,
    /// To be tried again, no sooner than after so many milliseconds where the answer said that.
    Failed {
        /// A code.
        why: &'static str,
        after: Option<i64>,
    },
    /// The endpoint wants nothing more.
    Gone,
    /// The endpoint may not be called.
    Blocked,
}

/// Makes the call.
///
/// # Errors
/// `Internal` where the service has no client for HTTP.
pub(super) async fn send(sends: &Sends, clock: &Clock, call: Call<'_>) -> Result<Sent> {
    let started = clock.millis();
    let begun = tokio::time::Instant::now();
    let sent = |status: i64, meaning: Meaning| Sent {
        status,
        millis: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
        meaning,
    };
    // Judged anew with each call: what may be called is the operator's to change.
    let Ok(url) = sends.judge(call.endpoint) else {
        return Ok(sent(0, Meaning::Blocked));
    };
    let timeout = Duration::from_millis(u64::try_from(call.timeout).unwrap_or(20_000));
    let mut request = sends
        .http()?
        .post(url)
        .timeout(timeout)
        .header("content-type", call.media)
        .header("user-agent", AGENT);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    let answer = match request.body(call.body).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let cause = crate::net::reason(error);
            tracing::debug!(cause, "a call was not answered");
            let failed = Meaning::Failed {
                why: "no-response",
                after: None,
            };
            let blocked = cause.contains(crate::net::REFUSED);
            return Ok(sent(0, if blocked { Meaning::Blocked } else { failed }));
        }
    };
    let status = i64::from(answer.status().as_u16());
    let after = retry_after(&answer, started);
    drain(answer).await;
    Ok(sent(status, meaning(status, after)))
}

fn meaning(status: i64, after: Option<i64>) -> Meaning {
    match status {
        200..300 => Meaning::Arrived,
        410 => Meaning::Gone,
        429 | 503 => Meaning::Failed { why: "busy", after },
        408 | 425 => Meaning::Failed {
            why: "busy",
            after: None,
        },
        // No redirect is followed: the endpoint is where the client said.
        300..500 => Meaning::Failed {
            why: "refused",
            after: None,
        },
        _ => Meaning::Failed {
            why: "broken",
            after: None,
        },
    }
}

/// `Retry-After` in milliseconds (RFC 9110 §10.2.3), as far as it is heeded.
pub(super) fn retry_after(answer: &reqwest::Response, now: i64) -> Option<i64> {
    let text = answer.headers().get("retry-after")?.to_str().ok()?.trim();
    let wait = match text.parse::<i64>() {
        Ok(seconds) => seconds.saturating_mul(1000),
        Err(_) => date(text)? - now,
    };
    Some(wait.clamp(0, LONGEST))
}

/// An IMF-fixdate, milliseconds since 1970.
fn date(text: &str) -> Option<i64> {
    let form = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let at = time::PrimitiveDateTime::parse(text, form).ok()?;
    Some(at.assume_utc().unix_timestamp() * 1000)
}

async fn drain(mut answer: reqwest::Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > READ {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_mean_what_the_reference_says() {
        let failed = |why, after| Meaning::Failed { why, after };
        let cases = [
            (200, Meaning::Arrived),
            (204, Meaning::Arrived),
            (301, failed("refused", None)),
            (400, failed("refused", None)),
            (404, failed("refused", None)),
            (408, failed("busy", None)),
            (410, Meaning::Gone),
            (425, failed("busy", None)),
            (429, failed("busy", Some(7))),
            (500, failed("broken", None)),
            (503, failed("busy", Some(7))),
        ];
        for (status, expected) in cases {
            assert_eq!(meaning(status, Some(7)), expected, "{status}");
        }
    }

    #[test]
    fn a_date_is_one_too() {
        assert_eq!(date("Thu, 01 Jan 1970 00:00:05 GMT"), Some(5000));
        assert_eq!(date("soon"), None);
    }
}
