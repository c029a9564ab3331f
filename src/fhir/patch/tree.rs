//! JSON text that is opened only where it is changed.

use std::fmt::Write as _;

use serde_json::value::RawValue;

use crate::fhir::json::Members;

/// A value: as text until somebody looks inside.
#[derive(Clone, Debug)]
pub enum Tree {
    Text(String),
    Object(Vec<(String, Tree)>),
    List(Vec<Tree>),
}

impl Tree {
    /// The value that this text is.
    pub fn of(text: &str) -> Self {
        Self::Text(text.trim().to_owned())
    }

    /// Opens an object or a list; anything else stays as it is.
    fn open(&mut self) {
        let Self::Text(text) = self else { return };
        let opened = match text.as_bytes().first() {
            Some(b'{') => Members::of(text).ok().map(|members| {
                let all = members.0.into_iter();
                Self::Object(
                    all.map(|(name, raw)| (name.into_owned(), Self::of(raw.get())))
                        .collect(),
                )
            }),
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(text)
                .ok()
                .map(|list| Self::List(list.into_iter().map(|raw| Self::of(raw.get())).collect())),
            _ => None,
        };
        if let Some(opened) = opened {
            *self = opened;
        }
    }

    /// The value below these steps, each a name or a position.
    pub fn below(&mut self, steps: &[String]) -> Option<&mut Self> {
        let mut here = self;
        for step in steps {
            here.open();
            here = match here {
                Self::Object(members) => {
                    let found = members.iter_mut().find(|(name, _)| name == step);
                    &mut found?.1
                }
                Self::List(list) => list.get_mut(position(step)?)?,
                Self::Text(_) => return None,
            };
        }
        here.open();
        Some(here)
    }

    /// Puts a value where the steps lead: into an object under a name, whatever stood there, or into a list before a
    /// position (`-` is its end). `None` where there is no such place.
    pub fn add(&mut self, steps: &[String], value: Self) -> Option<()> {
        let Some((last, above)) = steps.split_last() else {
            *self = value;
            return Some(());
        };
        match self.below(above)? {
            Self::Object(members) => match members.iter_mut().find(|(name, _)| name == last) {
                Some((_, old)) => *old = value,
                None => members.push((last.clone(), value)),
            },
            Self::List(list) if last == "-" => list.push(value),
            Self::List(list) => {
                let at = position(last).filter(|at| *at <= list.len())?;
                list.insert(at, value);
            }
            Self::Text(_) => return None,
        }
        Some(())
    }

    /// Takes out what stands where the steps lead; `None` where nothing does.
    pub fn take(&mut self, steps: &[String]) -> Option<Self> {
        let (last, above) = steps.split_last()?;
        match self.below(above)? {
            Self::Object(members) => {
                let at = members.iter().position(|(name, _)| name == last)?;
                Some(members.remove(at).1)
            }
            Self::List(list) => {
                let at = position(last).filter(|at| *at < list.len())?;
                Some(list.remove(at))
            }
            Self::Text(_) => None,
        }
    }

    /// Gives the member that the steps lead to another name and value, in its place.
    pub fn rename(&mut self, steps: &[String], name: &str, value: Self) -> Option<()> {
        let (last, above) = steps.split_last()?;
        let Self::Object(members) = self.below(above)? else {
            return None;
        };
        let found = members.iter_mut().find(|(own, _)| own == last)?;
        *found = (name.to_owned(), value);
        Some(())
    }

    /// The text. A list or an object that lost all it had is left out: FHIR has no empty ones.
    pub fn text(&self) -> String {
        let mut out = String::new();
        if !self.write(&mut out) {
            out.push_str("{}");
        }
        out
    }

    /// Whether anything was written.
    fn write(&self, out: &mut String) -> bool {
        let before = out.len();
        match self {
            Self::Text(text) => {
                out.push_str(text);
                return true;
            }
            Self::Object(members) => {
                let mut lead = '{';
                for (name, value) in members {
                    let start = out.len();
                    let _ = write!(out, "{lead}{}:", serde_json::Value::from(name.as_str()));
                    if value.write(out) {
                        lead = ',';
                    } else {
                        out.truncate(start);
                    }
                }
                if out.len() > before {
                    out.push('}');
                }
            }
            Self::List(list) => {
                for value in list {
                    let start = out.len();
                    out.push(if start == before { '[' } else { ',' });
                    if !value.write(out) {
                        out.truncate(start);
                    }
                }
                if out.len() > before {
                    out.push(']');
                }
            }
        }
        out.len() > before
    }
}

/// A position in a list as JSON Pointer writes it: no sign, no leading zero.
fn position(step: &str) -> Option<usize> {
    let plain = step == "0" || (!step.starts_with('0') && step.bytes().all(|b| b.is_ascii_digit()));
    step.parse().ok().filter(|_| plain)
}
