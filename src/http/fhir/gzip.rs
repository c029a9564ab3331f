//! The files of an export on their way out: as they are, or packed on the way (gzip, <https://www.rfc-editor.org/rfc/rfc1952>).

use std::io::Write as _;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;

use crate::delivery::files::Reader;
use crate::error::{Error, Result};

/// Packed bytes that are sent at once, at least.
const PIECE: usize = 32 * 1024;

/// Whether the client takes what is packed (<https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3>).
pub fn accepted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','));
    let mut any = None;
    for coding in codings {
        let mut words = coding.split(';').map(str::trim);
        let name = words.next().unwrap_or_default();
        let weight = words.find_map(|word| word.strip_prefix("q="));
        let wanted = weight.is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return wanted;
        }
        if name == "*" {
            any = Some(wanted);
        }
    }
    any.unwrap_or(false)
}

/// The file as it is.
pub fn plain(reader: Reader) -> Body {
    Body::from_stream(stream::unfold(Some(reader), |reader| async {
        let mut reader = reader?;
        match reader.chunk().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(reader))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// The file packed.
pub fn packed(reader: Reader) -> Body {
    let packing = Packing {
        reader,
        encoder: GzEncoder::new(Vec::new(), Compression::fast()),
    };
    Body::from_stream(stream::unfold(Some(packing), |packing| async {
        match packing?.piece().await {
            Ok((bytes, _)) if bytes.is_empty() => None,
            Ok((bytes, rest)) => Some((Ok(bytes), rest)),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

struct Packing {
    reader: Reader,
    encoder: GzEncoder<Vec<u8>>,
}

impl Packing {
    /// The next packed bytes, and what packs the rest, where there is one.
    async fn piece(mut self) -> Result<(Bytes, Option<Self>)> {
        while let Some(bytes) = self.reader.chunk().await? {
            self.encoder.write_all(&bytes).map_err(Error::internal)?;
            if self.encoder.get_ref().len() >= PIECE {
                let piece = std::mem::take(self.encoder.get_mut());
                return Ok((piece.into(), Some(self)));
            }
        }
        let last = self.encoder.finish().map_err(Error::internal)?;
        Ok((last.into(), None))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_packed_is_asked_for() {
        for (text, expected) in [
            ("gzip", true),
            ("GZIP;q=0.5, br", true),
            ("br, x-gzip", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("*;q=0, gzip", true),
            ("gzip;q=0.0", false),
            ("br, identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(
                header::ACCEPT_ENCODING,
                HeaderValue::from_str(text).expect("a header"),
            );
            assert_eq!(accepted(&headers), expected, "{text}");
        }
        assert!(!accepted(&HeaderMap::new()));
    }
}
