//! Calls to a partner's FHIR server: logged in by SMART Backend Services
//! (<https://hl7.org/fhir/smart-app-launch/backend-services.html>), each URL judged before it is called.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::ability::Abilities;
use super::trouble::{Failure, Trouble};
use crate::app::App;
use crate::delivery::send::retry_after;
use crate::store::partner::Partner;

/// Largest answer that is read, bytes.
const MOST: usize = 16 * 1024 * 1024;
/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const FHIR: &str = "application/fhir+json";

/// A partner's FHIR server, ready to be asked.
#[derive(Debug)]
pub(super) struct Remote<'a> {
    pub(super) app: &'a App,
    pub(super) partner: &'a Partner,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) etag: String,
    pub(super) location: String,
    /// Null where there is no JSON.
    pub(super) body: Value,
    pub(super) text: String,
}

/// What is asked beside the resource.
#[derive(Debug, Default)]
pub(super) struct Ask<'a> {
    pub(super) body: Option<String>,
    pub(super) headers: Vec<(&'static str, &'a str)>,
}

impl Remote<'_> {
    /// What its CapabilityStatement says; kept for a while.
    pub(super) async fn abilities(&self) -> Result<Abilities, Trouble> {
        let kept = self
            .app
            .sends
            .partners
            .abilities(self.partner, self.app.clock.millis());
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let url = format!("{}/metadata", self.partner.base);
        // Some tell strangers less of themselves.
        let reply = self.call(Method::GET, &url, Ask::default()).await?;
        if reply.status != 200 || reply.body["resourceType"] != "CapabilityStatement" {
            return Err(Failure::NotFhir.trouble("/metadata gave no CapabilityStatement"));
        }
        let abilities = Abilities::of(&reply.body);
        let now = self.app.clock.millis();
        self.app
            .sends
            .partners
            .keep_abilities(self.partner, abilities.clone(), now);
        Ok(abilities)
    }

    /// Asks for a place below the base.
    pub(super) async fn at(
        &self,
        method: Method,
        path: &str,
        ask: Ask<'_>,
    ) -> Result<Reply, Trouble> {
        let url = if path.is_empty() {
            self.partner.base.to_string()
        } else {
            format!("{}/{path}", self.partner.base)
        };
        self.call(method, &url, ask).await
    }

    /// Asks for a URL of that server, with a token that is made anew where it is not taken any more. An answer that is no
    /// success is one too: what it means depends on what was asked.
    pub(super) async fn call(
        &self,
        method: Method,
        url: &str,
        ask: Ask<'_>,
    ) -> Result<Reply, Trouble> {
        for fresh in [false, true] {
            let token = self.token(fresh).await?;
            let reply = self.once(&method, url, &ask, token.as_deref()).await?;
            if reply.status != 401 || token.is_none() {
                return Trouble::unless_heard(reply);
            }
        }
        Err(Failure::Unauthorized.trouble("the token is not taken"))
    }

    pub(super) async fn once(
        &self,
        method: &Method,
        url: &str,
        ask: &Ask<'_>,
        token: Option<&str>,
    ) -> Result<Reply, Trouble> {
        let sends = &self.app.sends;
        let judged = sends
            .judge(url)
            .map_err(|why| Failure::Blocked.trouble(why))?;
        let http = sends
            .http()
            .map_err(|_| Failure::Here.trouble("no client for HTTP"))?;
        let mut request = http.request(method.clone(), judged).timeout(PATIENCE);
        request = request
            .header("accept", FHIR)
            .header("user-agent", crate::delivery::send::AGENT);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = &ask.body {
            request = request.header("content-type", FHIR).body(body.clone());
        }
        heard(request, self.app.clock.millis()).await
    }
}

/// Sends a request and reads the whole answer.
pub(super) async fn heard(request: reqwest::RequestBuilder, now: i64) -> Result<Reply, Trouble> {
    let mut answer = request.send().await.map_err(Trouble::unheard)?;
    let header = |name: &str| {
        let value = answer.headers().get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let status = answer.status().as_u16();
    let (etag, location) = (header("etag"), header("location"));
    if matches!(status, 429 | 503) {
        return Err(Trouble {
            after: retry_after(&answer, now),
            ..Failure::Busy.trouble(&format!("status {status}"))
        });
    }
    let mut bytes = vec![];
    while let Some(chunk) = answer.chunk().await.map_err(Trouble::unheard)? {
        if bytes.len() + chunk.len() > MOST {
            return Err(Failure::NotFhir.trouble("the answer is larger than 16 MiB"));
        }
        bytes.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Ok(Reply {
        status,
        etag,
        location,
        body,
        text,
    })
}
