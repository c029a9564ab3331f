//! An S3-compatible store: a real server that judges every signature, keeps objects, and can fail or fall silent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use kap_fhir::delivery::files::{Place, Secret};

pub const ID: &str = "TESTACCESSKEYID";
pub const SECRET: &str = "a/secret+that-no-log-shows";
pub const BUCKET: &str = "practice-data";
const REGION: &str = "eu-test-1";

/// The store. Cloned, it is the same one.
#[derive(Clone, Debug)]
pub struct Shop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    base: Mutex<String>,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    uploads: Mutex<BTreeMap<String, Upload>>,
    /// What was wrong with requests.
    wrong: Mutex<Vec<String>>,
    /// Requests that are refused from now on.
    failing: AtomicUsize,
    /// From so many requests on nothing is answered; for ever where it is none.
    silent: AtomicUsize,
    requests: AtomicUsize,
    /// Most parts that an object was made of.
    parts: AtomicUsize,
    count: AtomicUsize,
}

#[derive(Debug)]
struct Upload {
    key: String,
    parts: BTreeMap<usize, Vec<u8>>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().expect("nobody panicked")
}

impl Shop {
    pub async fn open() -> Self {
        let shop = Self(Arc::default());
        shop.hush(false);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("address");
        *lock(&shop.0.base) = format!("http://{address}");
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(shop.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "the server of a test ends with it"
        )]
        tokio::spawn(async move { axum::serve(listener, router).await });
        shop
    }

    pub fn url(&self) -> String {
        lock(&self.0.base).clone()
    }

    /// The place of a service that keeps its exports here, in parts of `part` bytes.
    pub fn place(&self, part: usize) -> Place {
        let word = |word: &str| Secret::from(word.to_owned());
        Place {
            endpoint: Some(self.url()),
            keys: Some((word(ID), word(SECRET))),
            patience: Duration::from_secs(1),
            part,
            ..Place::of(&format!("s3://{BUCKET}/kap"), REGION).expect("a place")
        }
    }

    /// The keys of all objects.
    pub fn keys(&self) -> Vec<String> {
        lock(&self.0.objects).keys().cloned().collect()
    }

    /// How many uploads were begun and neither finished nor given up.
    pub fn unfinished(&self) -> usize {
        lock(&self.0.uploads).len()
    }

    pub fn most_parts(&self) -> usize {
        self.0.parts.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> usize {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// Refuses the next `requests`, as a store that has too much to do.
    pub fn fail(&self, requests: usize) {
        self.0.failing.store(requests, Ordering::SeqCst);
    }

    /// Answers nothing any more, or again.
    pub fn hush(&self, silent: bool) {
        let from = if silent { 0 } else { usize::MAX };
        self.0.silent.store(from, Ordering::SeqCst);
    }

    /// Answers so many requests in all, and then nothing any more.
    pub fn hush_after(&self, requests: usize) {
        self.0.silent.store(requests, Ordering::SeqCst);
    }

    /// What was wrong with requests, since it was last asked.
    pub fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0.wrong))
    }
}

async fn answer(State(shop): State<Shop>, request: Request) -> Response {
    let inner = &shop.0;
    let heard = inner.requests.fetch_add(1, Ordering::SeqCst);
    if heard >= inner.silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let busy = inner
        .failing
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
    if busy.is_ok() {
        let text =
            "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>";
        return said(StatusCode::SERVICE_UNAVAILABLE, text);
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    if let Err(why) = signed(&parts, &body) {
        // As S3 does: the answer repeats the id of the key and what it would have signed.
        let text = format!(
            "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>{ID}</AWSAccessKeyId><StringToSign>{why}</StringToSign></Error>"
        );
        lock(&inner.wrong).push(why);
        return said(StatusCode::FORBIDDEN, &text);
    }
    inner.done(&parts, &body)
}

fn said(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response
}

fn missing(code: &str) -> Response {
    said(
        StatusCode::NOT_FOUND,
        &format!("<Error><Code>{code}</Code></Error>"),
    )
}

impl Inner {
    fn done(&self, parts: &Parts, body: &Bytes) -> Response {
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let path = parts.uri.path().trim_start_matches('/');
        let Some(key) = path.strip_prefix(BUCKET) else {
            return missing("NoSuchBucket");
        };
        let key = key.trim_start_matches('/').to_owned();
        let upload = query.get("uploadId");
        match (parts.method.as_str(), upload) {
            ("GET", _) if key.is_empty() => self.list(&query),
            ("POST", None) if query.contains_key("uploads") => self.begin(key),
            ("POST", Some(id)) => self.complete(id, body),
            ("PUT", Some(id)) => self.part(id, &query["partNumber"], body),
            ("PUT", None) => {
                lock(&self.objects).insert(key, body.to_vec());
                tagged("")
            }
            ("DELETE", Some(id)) => match lock(&self.uploads).remove(id) {
                Some(_) => said(StatusCode::NO_CONTENT, ""),
                None => missing("NoSuchUpload"),
            },
            ("DELETE", None) => {
                lock(&self.objects).remove(&key);
                said(StatusCode::NO_CONTENT, "")
            }
            ("GET" | "HEAD", None) => self.give(&key, parts),
            (other, _) => panic!("{other}: say here what a store does"),
        }
    }

    fn list(&self, query: &BTreeMap<String, String>) -> Response {
        let prefix = query.get("prefix").cloned().unwrap_or_default();
        let objects = lock(&self.objects);
        let below = objects.iter().filter(|(key, _)| key.starts_with(&prefix));
        // Two on a page, so that pages are turned.
        let after = query.get("continuation-token").cloned().unwrap_or_default();
        let rest: Vec<_> = below.filter(|(key, _)| **key > after).collect();
        let mut text = "<ListBucketResult>".to_owned();
        for (key, bytes) in rest.iter().take(2) {
            text += &format!(
                "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>2026-11-22T12:00:00.000Z</LastModified><ETag>\"x\"</ETag></Contents>",
                bytes.len()
            );
        }
        if let (Some((last, _)), true) = (rest.get(1), rest.len() > 2) {
            text += &format!(
                "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
            );
        }
        text += "</ListBucketResult>";
        said(StatusCode::OK, &text)
    }

    fn begin(&self, key: String) -> Response {
        let id = format!("upload-{}", self.count.fetch_add(1, Ordering::SeqCst));
        let text = format!(
            "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        );
        let parts = BTreeMap::new();
        lock(&self.uploads).insert(id, Upload { key, parts });
        said(StatusCode::OK, &text)
    }

    fn part(&self, id: &str, number: &str, body: &Bytes) -> Response {
        let Some(upload) = lock(&self.uploads).get_mut(id).map(|upload| {
            let number = number.parse().expect("a number");
            upload.parts.insert(number, body.to_vec());
        }) else {
            return missing("NoSuchUpload");
        };
        let () = upload;
        tagged("")
    }

    fn complete(&self, id: &str, body: &Bytes) -> Response {
        let Some(upload) = lock(&self.uploads).remove(id) else {
            return missing("NoSuchUpload");
        };
        let named = String::from_utf8_lossy(body)
            .matches("<PartNumber>")
            .count();
        assert_eq!(named, upload.parts.len(), "the parts are named");
        self.parts.fetch_max(named, Ordering::SeqCst);
        let whole = upload.parts.into_values().flatten().collect();
        lock(&self.objects).insert(upload.key, whole);
        tagged("<CompleteMultipartUploadResult><ETag>\"x\"</ETag></CompleteMultipartUploadResult>")
    }

    fn give(&self, key: &str, parts: &Parts) -> Response {
        let objects = lock(&self.objects);
        let Some(bytes) = objects.get(key) else {
            return missing("NoSuchKey");
        };
        let length = bytes.len();
        let range = parts.headers.get("range").map(|range| {
            let range = range.to_str().expect("text").strip_prefix("bytes=");
            let (first, last) = range.and_then(|r| r.split_once('-')).expect("a range");
            let number = |text: &str| text.parse::<usize>().expect("a number");
            (number(first), number(last).min(length - 1))
        });
        let head = parts.method == axum::http::Method::HEAD;
        let (status, given) = match range {
            Some((first, last)) => (StatusCode::PARTIAL_CONTENT, &bytes[first..=last]),
            None => (StatusCode::OK, &bytes[..]),
        };
        let mut builder = Response::builder()
            .status(status)
            .header("etag", "\"x\"")
            .header("last-modified", "Sun, 22 Nov 2026 12:00:00 GMT")
            .header("content-length", given.len());
        if let Some((first, last)) = range {
            let range = format!("bytes {first}-{last}/{length}");
            builder = builder.header("content-range", range);
        }
        let body = if head { Vec::new() } else { given.to_vec() };
        builder.body(Body::from(body)).expect("a response")
    }
}

fn tagged(text: &str) -> Response {
    let mut response = said(StatusCode::OK, text);
    let tag = axum::http::HeaderValue::from_static("\"x\"");
    response.headers_mut().insert("etag", tag);
    response
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |all, byte| format!("{all}{byte:02x}"))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Whether the request bears a good signature
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>).
fn signed(parts: &Parts, body: &[u8]) -> Result<(), String> {
    let given = header(&parts.headers, "authorization");
    let words: Option<Vec<&str>> = given
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .map(|rest| rest.split(',').map(str::trim).collect());
    let words = words.ok_or("no signature")?;
    let word = |name: &str| {
        let found = words.iter().find_map(|word| word.strip_prefix(name));
        found.ok_or_else(|| format!("no {name}"))
    };
    let (credential, names) = (word("Credential=")?, word("SignedHeaders=")?);
    let at = header(&parts.headers, "x-amz-date");
    let date = at.get(..8).ok_or("no date")?;
    let scope = format!("{date}/{REGION}/s3/aws4_request");
    if credential != format!("{ID}/{scope}") {
        return Err(format!("the scope is {credential}"));
    }
    for needed in ["host", "x-amz-date", "x-amz-content-sha256"] {
        if !names.split(';').any(|name| name == needed) {
            return Err(format!("{needed} is not signed"));
        }
    }
    let hash = header(&parts.headers, "x-amz-content-sha256");
    if hash != hex(digest::digest(&digest::SHA256, body).as_ref()) {
        return Err("the body is another".to_owned());
    }
    let line = |name: &str| format!("{name}:{}\n", header(&parts.headers, name).trim());
    let headers: Vec<String> = names.split(';').map(line).collect();
    let headers = headers.concat();
    let mut query: Vec<String> = parts
        .uri
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .map(|pair| {
            let mark = if pair.contains('=') { "" } else { "=" };
            format!("{pair}{mark}")
        })
        .collect();
    query.sort();
    let asked = format!(
        "{}\n{}\n{}\n{headers}\n{names}\n{hash}",
        parts.method,
        parts.uri.path(),
        query.join("&")
    );
    let asked = hex(digest::digest(&digest::SHA256, asked.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{asked}");
    let mac = |key: &[u8], text: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    };
    let key = mac(format!("AWS4{SECRET}").as_bytes(), date);
    let key = ["s3", "aws4_request"]
        .iter()
        .fold(mac(&key, REGION), |key, word| mac(&key, word));
    if word("Signature=")? == hex(&mac(&key, &text)) {
        Ok(())
    } else {
        Err("the signature is another".to_owned())
    }
}
