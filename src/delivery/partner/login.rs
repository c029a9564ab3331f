//! Logging in at a partner's server: SMART Backend Services
//! (<https://hl7.org/fhir/smart-app-launch/backend-services.html>).

use reqwest::Method;

use super::remote::{Ask, PATIENCE, Remote, heard};
use super::trouble::{Failure, Trouble, plain};
use crate::auth::jose;
use crate::interaction::partner::keys;

/// How long an assertion is good for, seconds.
const ALIVE: u32 = 60;

impl Remote<'_> {
    /// A token; `None` where nobody logs in there.
    pub(super) async fn token(&self, fresh: bool) -> Result<Option<String>, Trouble> {
        if self.partner.client_there.is_empty() {
            return Ok(None);
        }
        let now = self.app.clock.millis();
        let kept = self.app.sends.partners.token(self.partner, now);
        if let Some(kept) = kept.filter(|_| !fresh) {
            return Ok(Some(kept));
        }
        let url = self.token_endpoint().await?;
        let request = self.token_request(&url).await?;
        let answer = heard(request, now).await?;
        let Some(token) = answer.body["access_token"].as_str() else {
            // The codes of RFC 6749 §5.2 alone; never the description.
            let code = plain(answer.body["error"].as_str().unwrap_or("no token"));
            return Err(match answer.status {
                500..=599 => Failure::Busy.trouble("the token endpoint breaks down"),
                _ => Failure::Unauthorized.trouble(&format!("the token endpoint says {code}")),
            });
        };
        let lives = answer.body["expires_in"].as_i64().unwrap_or(60);
        // A new one is asked for after four fifths of its life.
        let until = now + (lives.clamp(0, 3600) * 800).max(1000);
        self.app
            .sends
            .partners
            .keep_token(self.partner, token, until);
        Ok(Some(token.to_owned()))
    }

    /// Where tokens are asked for: what is signed for a server goes nowhere else.
    async fn token_endpoint(&self) -> Result<String, Trouble> {
        if !self.partner.token_url.is_empty() {
            return Ok(self.partner.token_url.to_string());
        }
        let place = format!("{}/.well-known/smart-configuration", self.partner.base);
        let said = self
            .once(&Method::GET, &place, &Ask::default(), None)
            .await?;
        let url = said.body["token_endpoint"].as_str();
        let Some(url) = url.filter(|_| said.status == 200) else {
            let text = "/.well-known/smart-configuration names no token_endpoint";
            return Err(Failure::Unauthorized.trouble(text));
        };
        if host(url).is_some() && host(url) == host(&self.partner.base) {
            return Ok(url.to_owned());
        }
        let text = "the token endpoint is on another host: partner add --token-url names it";
        Err(Failure::Unauthorized.trouble(text))
    }

    async fn token_request(&self, url: &str) -> Result<reqwest::RequestBuilder, Trouble> {
        let sends = &self.app.sends;
        let judged = sends
            .judge(url)
            .map_err(|why| Failure::Blocked.trouble(why))?;
        let here = |_| Failure::Here.trouble("the key for this partner cannot be used");
        let key = keys::signing(self.app, &self.partner.id)
            .await
            .map_err(here)?;
        let client = &*self.partner.client_there;
        let assertion = jose::client_assertion(&key, client, url, &self.app.clock, ALIVE);
        let assertion = assertion.map_err(here)?;
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", &*self.partner.scopes),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &*assertion),
        ];
        let http = sends
            .http()
            .map_err(|_| Failure::Here.trouble("no client for HTTP"))?;
        let request = http.post(judged).timeout(PATIENCE).form(&form);
        Ok(request.header("accept", "application/json"))
    }
}

fn host(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(url.host_str()?.to_owned())
}
