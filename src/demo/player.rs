//! Plays a whole episode against a running service: every record in the order of its time, each by the party whose
//! it is, with that party's own token.

use std::collections::HashMap;
use std::iter::Peekable;
use std::vec;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::script::{Party, Step, script};
use super::token::away;
use crate::error::{Error, Kind, Result};
use crate::kap::{Episode, Instant};

/// Calls the API as one party.
#[derive(Clone, Debug)]
pub struct Caller {
    pub http: reqwest::Client,
    pub base: String,
    pub token: String,
}

/// An answer of the service.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Caller {
    /// Sends a request; a body goes with the idempotency key `key`.
    ///
    /// # Errors
    /// `Unavailable` where the service cannot be reached.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&Value, &str)>,
    ) -> Result<Reply> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        if let Some((body, key)) = body {
            request = request.header("Idempotency-Key", key).json(body);
        }
        let response = request.send().await.map_err(away)?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(away)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply { status, body })
    }
}

/// What became of a play.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// The service's id of the episode.
    pub episode: String,
    /// From the script's ids to the service's.
    pub names: HashMap<String, String>,
    /// The phase that the last answer told.
    pub phase: String,
    /// Commands sent.
    pub steps: usize,
}

/// Plays `episode`. `tell` hears of each step: who, what, the answer's phase and flags.
///
/// # Errors
/// The first step that the service refuses, with its answer.
#[expect(
    clippy::implicit_hasher,
    reason = "the callers of a demonstration are few"
)]
pub async fn play(
    episode: &Episode,
    callers: &HashMap<Party, Caller>,
    run: &str,
    tell: impl FnMut(&Step, &Reply),
) -> Result<Played> {
    let mut play = Play::new(episode, callers, run);
    play.rest(tell).await?;
    Ok(play.played)
}

/// A play under way: it can be halted at an instant of the story and taken up again.
#[derive(Debug)]
pub struct Play {
    /// Each with the part of its idempotency key that is its own.
    steps: Peekable<vec::IntoIter<(String, Step)>>,
    /// Who plays: tokens may be exchanged for new ones as it goes on.
    pub callers: HashMap<Party, Caller>,
    run: String,
    /// What became of it so far.
    pub played: Played,
}

impl Play {
    /// Of `episode`, with nothing sent yet; `run` makes its idempotency keys its own.
    #[must_use]
    pub fn new(episode: &Episode, callers: &HashMap<Party, Caller>, run: &str) -> Self {
        Self::of(script(episode), callers, run)
    }

    /// Of these steps.
    #[must_use]
    pub fn of(steps: Vec<Step>, callers: &HashMap<Party, Caller>, run: &str) -> Self {
        // The id of a record comes from its key: it has the same one with notes beside it and without.
        let (mut records, mut notes) = (0, 0);
        let key = |step: &Step| {
            if step.path.ends_with("/private-notes") {
                notes += 1;
                format!("note-{notes}")
            } else {
                records += 1;
                format!("{}", records - 1)
            }
        };
        let keys: Vec<String> = steps.iter().map(key).collect();
        let steps: Vec<_> = keys.into_iter().zip(steps).collect();
        Self {
            steps: steps.into_iter().peekable(),
            callers: callers.clone(),
            run: run.to_owned(),
            played: Played::default(),
        }
    }

    /// Plays every step that lies before `at`.
    ///
    /// # Errors
    /// The first step that the service refuses, with its answer.
    pub async fn until(&mut self, at: Instant) -> Result<()> {
        while let Some((n, step)) = self.steps.next_if(|(_, step)| step.at < at) {
            self.take(&n, &step, &mut |_, _| {}).await?;
        }
        Ok(())
    }

    /// The next step; `None` where nothing is left.
    pub fn next_step(&mut self) -> Option<&Step> {
        self.steps.peek().map(|(_, step)| step)
    }

    /// The next step was done elsewhere, and this is what became of it here.
    pub fn done_elsewhere(&mut self, reply: &Reply) {
        if let Some((_, step)) = self.steps.next() {
            self.played.learn(&step, reply);
        }
    }

    /// Plays the next step and tells of it. Where it fails it is the next one still.
    ///
    /// # Errors
    /// Where the service refuses it, with its answer.
    pub async fn one(&mut self, mut tell: impl FnMut(&Step, &Reply)) -> Result<()> {
        if let Some((n, step)) = self.steps.peek().cloned() {
            self.take(&n, &step, &mut tell).await?;
            self.steps.next();
        }
        Ok(())
    }

    /// Plays what is left.
    ///
    /// # Errors
    /// The first step that the service refuses, with its answer.
    pub async fn rest(&mut self, mut tell: impl FnMut(&Step, &Reply)) -> Result<()> {
        while let Some((n, step)) = self.steps.next() {
            self.take(&n, &step, &mut tell).await?;
        }
        Ok(())
    }

    async fn take(
        &mut self,
        n: &str,
        step: &Step,
        tell: &mut impl FnMut(&Step, &Reply),
    ) -> Result<()> {
        let played = &mut self.played;
        if step.skip(&played.names, &played.phase) {
            return Ok(());
        }
        let caller = self
            .callers
            .get(&step.party)
            .ok_or_else(|| Error::internal("a party without a token"))?;
        let path = played.path(step);
        let body = played.named(&step.body);
        let key = format!("{}-{n}", self.run);
        let reply = caller
            .send(step.method.clone(), &path, Some((&body, &key)))
            .await?;
        if !(200..300).contains(&reply.status) {
            let text = format!(
                "Step {n} ({} {path}) was refused: {} {}",
                step.method, reply.status, reply.body
            );
            return Err(Error::new(Kind::Conflict, text));
        }
        played.learn(step, &reply);
        played.steps += 1;
        tell(step, &reply);
        Ok(())
    }
}

impl Played {
    fn path(&self, step: &Step) -> String {
        let mut path = step.path.replace("{episode}", &self.episode);
        for id in &step.ids {
            let own = self.names.get(id).map_or(id.as_str(), String::as_str);
            path = path.replacen("{}", own, 1);
        }
        path
    }

    /// The body with every id of the script replaced by the service's.
    #[must_use]
    pub fn named(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.names.get(text).unwrap_or(text)),
            Value::Array(items) => items.iter().map(|item| self.named(item)).collect(),
            Value::Object(members) => {
                let named: Map<_, _> = members
                    .iter()
                    .map(|(k, v)| (k.clone(), self.named(v)))
                    .collect();
                Value::Object(named)
            }
            other => other.clone(),
        }
    }

    /// Takes the ids that the service gave out of its answer.
    fn learn(&mut self, step: &Step, reply: &Reply) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if step.opens {
            self.episode = text(&reply.body["episodeId"]).unwrap_or_default();
            for (name, own) in reply.body["names"].as_object().into_iter().flatten() {
                self.names
                    .insert(name.clone(), text(own).unwrap_or_default());
            }
        }
        if let Some(phase) = reply.body["phase"].as_str() {
            phase.clone_into(&mut self.phase);
        }
        if let (Some(name), Some(own)) = (&step.names, text(&reply.body["id"])) {
            self.names.insert(name.clone(), own);
        }
        // Issues that the rules raised go by rule: the script's issue of the same rule that has no name yet is it.
        for flag in reply.body["flags"].as_array().into_iter().flatten() {
            let rule = flag["ruleId"].as_str().unwrap_or_default();
            let name = step
                .issues
                .iter()
                .find(|(r, name)| r == rule && !self.names.contains_key(name));
            if let (Some((_, name)), Some(own)) = (name, text(&flag["id"])) {
                self.names.insert(name.clone(), own);
            }
        }
    }
}
