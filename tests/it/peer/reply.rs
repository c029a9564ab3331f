//! What is answered.

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl Reply {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: vec![],
            body: Some(body),
        }
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(n, _)| *n == name);
        header.map(|(_, value)| value.as_str())
    }

    pub(super) fn response(self) -> Response {
        let mut response = Response::builder().status(self.status);
        if self.body.is_some() && self.header("content-type").is_none() {
            response = response.header("content-type", "application/fhir+json;charset=UTF-8");
        }
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let body = self.body.map(|body| body.to_string());
        let body = body.map_or(Body::empty(), Body::from);
        response.body(body).expect("a response")
    }
}

/// Why a request is not done.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    code: &'static str,
    text: String,
    /// The entry of the bundle that is refused.
    entry: Option<usize>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            code,
            text: text.into(),
            entry: None,
        }
    }

    /// What is asked for is wrong in itself.
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::new(400, "invalid", text)
    }

    pub(super) fn not_supported(text: impl Into<String>) -> Self {
        Self::new(400, "not-supported", text)
    }

    #[must_use]
    pub(super) fn of_entry(self, entry: usize) -> Self {
        Self {
            entry: Some(entry),
            ..self
        }
    }

    pub(super) fn outcome(&self) -> Value {
        let mut issue = json!({ "severity": "error", "code": self.code, "diagnostics": self.text });
        if let Some(entry) = self.entry {
            issue["expression"] = json!([format!("Bundle.entry[{entry}]")]);
        }
        json!({ "resourceType": "OperationOutcome", "issue": [issue] })
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.status, refusal.outcome())
    }
}
