//! FHIRPath Patch (<https://hl7.org/fhir/R4/fhirpatch.html>) on text.

use std::fmt::Write as _;

use serde_json::value::RawValue;
use serde_json::{Value, from_str};

use super::path::{Place, Step, parse, resolve};
use super::tree::Tree;
use super::{MOST, checked_size, misfit, unreadable};
use crate::error::{Error, Result};
use crate::fhir::json::{self, Members};
use crate::fhir::structure::{self, child};

/// `text`, a resource of type `kind`, after every operation of the `Parameters` that `patch` is, or after none.
///
/// # Errors
/// `Invalid` for a patch that is none; `Unprocessable` where it does not fit the resource, with the place in the patch.
pub fn apply(text: &str, kind: &str, patch: &[u8]) -> Result<String> {
    let value = json::parse(patch)?;
    if value["resourceType"] != "Parameters" {
        let text = "A FHIRPath Patch is a Parameters resource.";
        return Err(unreadable(text, "resourceType"));
    }
    let patch = std::str::from_utf8(patch).unwrap_or_default();
    let operations = list(Members::of(patch).ok().and_then(|m| m.get("parameter")));
    if operations.len() > MOST {
        let text = format!("A patch has at most {MOST} operations.");
        return Err(unreadable(&text, "Parameters.parameter"));
    }
    let mut tree = Tree::of(text);
    for (n, raw) in operations.into_iter().enumerate() {
        let operation = Operation::read(raw, n)?;
        let text = checked_size(tree.text())?;
        let now: Value = from_str(&text).map_err(Error::internal)?;
        operation.run(&mut tree, &now, kind)?;
    }
    checked_size(tree.text())
}

/// The entries of a list, each as text.
fn list(raw: Option<&str>) -> Vec<&str> {
    let all: Vec<&RawValue> = raw.and_then(|raw| from_str(raw).ok()).unwrap_or_default();
    all.into_iter().map(RawValue::get).collect()
}

fn string(raw: Option<&str>) -> Option<String> {
    raw.and_then(|raw| from_str(raw).ok())
}

/// What an operation brings.
enum Given<'t> {
    /// The type, as the name of `value[x]` ends, and the text.
    Value(&'t str, &'t str),
    /// The parts of an element that no `value[x]` can hold.
    Parts(Vec<&'t str>),
}

struct Operation<'t> {
    op: String,
    at: String,
    path: Vec<Step>,
    name: Option<String>,
    given: Option<Given<'t>>,
    index: Option<usize>,
    source: Option<usize>,
    destination: Option<usize>,
}

impl<'t> Operation<'t> {
    fn read(raw: &'t str, n: usize) -> Result<Self> {
        let at = format!("Parameters.parameter[{n}]");
        let bad = |text: &str| unreadable(text, at.clone());
        let members = Members::of(raw).map_err(|_| bad("An operation is an object."))?;
        if string(members.get("name")).as_deref() != Some("operation") {
            return Err(bad("Each parameter of a patch has the name operation."));
        }
        let mut own = Self {
            op: String::new(),
            at: at.clone(),
            path: vec![],
            name: None,
            given: None,
            index: None,
            source: None,
            destination: None,
        };
        let mut path = None;
        for part in list(members.get("part")) {
            let members = Members::of(part).map_err(|_| bad("A part is an object."))?;
            let name = string(members.get("name")).unwrap_or_default();
            let text = || string(given(&members).map(|(_, raw)| raw)).unwrap_or_default();
            let number = || given(&members).and_then(|(_, raw)| from_str(raw).ok());
            match &*name {
                "type" => own.op = text(),
                "path" => path = parse(&text()),
                "name" => own.name = Some(text()),
                "value" => own.given = taken(part),
                "index" => own.index = number(),
                "source" => own.source = number(),
                "destination" => own.destination = number(),
                _ => {
                    return Err(bad(
                        "A part of an operation is one of type, path, name, value, index, source, destination.",
                    ));
                }
            }
        }
        own.path = path.ok_or_else(|| {
            bad("The path is missing, or beyond what a patch may name: elements, [n], where(a = 'b'), extension('url'), ofType(T), first(), last().")
        })?;
        own.complete()?;
        Ok(own)
    }

    /// Whether each part is there that the operation needs.
    fn complete(&self) -> Result<()> {
        let (value, name) = (self.given.is_some(), self.name.is_some());
        let needs = match &*self.op {
            "add" if !(value && name) => "An add has a name and a value.",
            "insert" if !(value && self.index.is_some()) => "An insert has an index and a value.",
            "replace" if !value => "A replace has a value.",
            "move" if self.source.is_none() || self.destination.is_none() => {
                "A move has a source and a destination."
            }
            "add" | "insert" | "replace" | "move" | "delete" => return Ok(()),
            _ => "The type of an operation is one of add, insert, delete, replace, move.",
        };
        Err(unreadable(needs, self.at.clone()))
    }

    fn misfit(&self, text: &str) -> Error {
        misfit(text, self.at.clone())
    }

    fn run(&self, tree: &mut Tree, now: &Value, kind: &str) -> Result<()> {
        let nothing =
            || self.misfit("The path names nothing that this operation can be done with.");
        match &*self.op {
            "add" => {
                let place = self.one(now, &self.path)?;
                let name = self.name.as_deref().unwrap_or_default();
                self.put(tree, now, kind, (place, name), None)
            }
            "insert" => {
                let (place, name) = self.list_of(now)?;
                self.put(tree, now, kind, (place, &name), self.index)
            }
            "delete" => {
                let found = resolve(now, &self.path);
                match &found[..] {
                    [] => Ok(()),
                    [place] => remove(tree, now, place).ok_or_else(nothing),
                    _ => Err(self.misfit("The path names more than one element.")),
                }
            }
            "replace" => {
                let place = self.one(now, &self.path)?;
                self.replace(tree, now, kind, &place).ok_or_else(nothing)?
            }
            _ => self.carry(tree, now).ok_or_else(nothing),
        }
    }

    fn one(&self, now: &Value, path: &[Step]) -> Result<Place> {
        match resolve(now, path).as_mut_slice() {
            [place] => Ok(std::mem::take(place)),
            [] => Err(self.misfit("The path names nothing in this resource.")),
            _ => Err(self.misfit("The path names more than one element.")),
        }
    }

    /// The element that has the list that the path names, and the list's name.
    fn list_of(&self, now: &Value) -> Result<(Place, String)> {
        match self.path.split_last() {
            Some((Step::Element(name), above)) if !above.is_empty() => {
                Ok((self.one(now, above)?, name.clone()))
            }
            _ => Err(self.misfit("The path of this operation ends with the name of a list.")),
        }
    }

    /// Adds the value as the element `name`; to a list at `index`, at its end where that is not given.
    fn put(
        &self,
        tree: &mut Tree,
        now: &Value,
        kind: &str,
        (mut place, name): (Place, &str),
        index: Option<usize>,
    ) -> Result<()> {
        let of = kind_at(now, kind, &place);
        let Some((member, own, many)) = self.member(&of, name) else {
            return Err(
                self.misfit("The type has no element of that name that takes such a value.")
            );
        };
        let text = self.text(own)?;
        let before = now
            .pointer(&pointer(&place))
            .map(|parent| &parent[&*member]);
        place.push(member);
        let length = before.and_then(Value::as_array).map(Vec::len);
        let done = match (many, length) {
            (true, None) if index.unwrap_or(0) == 0 => {
                tree.add(&place, Tree::of(&format!("[{text}]")))
            }
            (true, Some(length)) => {
                let at = index.unwrap_or(length);
                place.push(at.to_string());
                tree.add(&place, Tree::of(&text)).filter(|()| at <= length)
            }
            (false, _) if index.is_none() && before.is_none_or(Value::is_null) => {
                tree.add(&place, Tree::of(&text))
            }
            (false, _) => return Err(self.misfit("The element is there, and it is no list.")),
            (true, None) => None,
        };
        done.ok_or_else(|| self.misfit("The list has no such position."))
    }

    /// The JSON name of the element, its type, and whether it is a list.
    fn member(&self, of: &str, name: &str) -> Option<(String, &'static str, bool)> {
        if let Some((kind, many)) = child(of, name) {
            return Some((name.to_owned(), kind, many));
        }
        let Some(Given::Value(suffix, _)) = self.given else {
            return None;
        };
        let member = format!("{name}{suffix}");
        let (kind, many) = child(of, &member)?;
        Some((member, kind, many))
    }

    /// What is brought, as an element of type `kind`.
    fn text(&self, kind: &str) -> Result<String> {
        match &self.given {
            Some(Given::Value(_, text)) => Ok((*text).to_owned()),
            Some(Given::Parts(parts)) => built(kind, parts)
                .ok_or_else(|| self.misfit("The parts of the value are no elements of its type.")),
            None => Err(self.misfit("The operation brings no value.")),
        }
    }

    /// `None` where the place is none that can be replaced.
    fn replace(
        &self,
        tree: &mut Tree,
        now: &Value,
        kind: &str,
        place: &Place,
    ) -> Option<Result<()>> {
        let (last, above) = place.split_last()?;
        let of = kind_at(now, kind, place);
        let text = match self.text(&of) {
            Ok(text) => text,
            Err(error) => return Some(Err(error)),
        };
        let stem = structure::element(last);
        if let (true, Some(Given::Value(suffix, _))) = (stem != last, &self.given) {
            tree.rename(place, &format!("{stem}{suffix}"), Tree::of(&text))?;
        } else {
            *tree.below(place)? = Tree::of(&text);
        }
        // What stood beside the old value was its own.
        let beside = [above, &[format!("_{last}")]].concat();
        if now.pointer(&pointer(&beside)).is_some() {
            tree.take(&beside)?;
        }
        Some(Ok(()))
    }

    fn carry(&self, tree: &mut Tree, now: &Value) -> Option<()> {
        let (place, name) = self.list_of(now).ok()?;
        let list = [&place[..], &[name]].concat();
        let length = now.pointer(&pointer(&list))?.as_array()?.len();
        let (from, to) = (self.source?, self.destination?);
        if from >= length || to >= length {
            return None;
        }
        let at = |n: usize| [&list[..], &[n.to_string()]].concat();
        let value = tree.take(&at(from))?;
        tree.add(&at(to), value)
    }
}

/// `value[x]` of a parameter: how the name ends, and the text.
fn given<'t>(members: &Members<'t>) -> Option<(&'t str, &'t str)> {
    // The names of a parsed object borrow from it, those that hold escapes apart; no element has such a name.
    members.0.iter().find_map(|(name, raw)| {
        let std::borrow::Cow::Borrowed(name) = name else {
            return None;
        };
        let suffix = name.strip_prefix("value").filter(|s| !s.is_empty())?;
        Some((suffix, raw.get()))
    })
}

fn taken(part: &str) -> Option<Given<'_>> {
    let members = Members::of(part).ok()?;
    if let Some((suffix, raw)) = given(&members) {
        return Some(Given::Value(suffix, raw));
    }
    if let Some(raw) = members.get("resource") {
        return Some(Given::Value("Resource", raw));
    }
    Some(Given::Parts(list(Some(members.get("part")?))))
}

/// An element of type `kind` from the parts of a parameter.
fn built(kind: &str, parts: &[&str]) -> Option<String> {
    let mut all: Vec<(String, bool, Vec<String>)> = Vec::new();
    for part in parts {
        let name = string(Members::of(part).ok()?.get("name"))?;
        let given = taken(part)?;
        let member = match &given {
            Given::Value(suffix, _) if child(kind, &name).is_none() => format!("{name}{suffix}"),
            _ => name,
        };
        let (own, many) = child(kind, &member)?;
        let text = match given {
            Given::Value(_, text) => text.to_owned(),
            Given::Parts(parts) => built(own, &parts)?,
        };
        match all.iter_mut().find(|(known, ..)| *known == member) {
            Some((_, true, texts)) => texts.push(text),
            Some(_) => return None,
            None => all.push((member, many, vec![text])),
        }
    }
    let mut out = String::new();
    for (member, many, texts) in &all {
        let _ = write!(
            out,
            "{}\"{member}\":",
            if out.is_empty() { '{' } else { ',' }
        );
        let text = texts.join(",");
        let (open, close) = if *many { ("[", "]") } else { ("", "") };
        let _ = write!(out, "{open}{text}{close}");
    }
    (!out.is_empty()).then(|| out + "}")
}

/// The type of the element at `place` of a resource of type `kind`.
fn kind_at(resource: &Value, kind: &str, place: &[String]) -> String {
    let (mut of, mut value) = (kind.to_owned(), resource);
    for step in place {
        let below = if let Value::Array(items) = value {
            step.parse().ok().and_then(|n: usize| items.get(n))
        } else {
            of = child(&of, step).map_or(String::new(), |(kind, _)| kind.to_owned());
            value.get(step)
        };
        value = below.unwrap_or(&Value::Null);
        if let Some(own) = value["resourceType"].as_str() {
            own.clone_into(&mut of);
        }
    }
    of
}

fn pointer(place: &[String]) -> String {
    place.iter().fold(String::new(), |out, step| {
        out + "/" + &step.replace('~', "~0").replace('/', "~1")
    })
}

/// Takes an element out, and what stands beside it.
fn remove(tree: &mut Tree, now: &Value, place: &Place) -> Option<()> {
    tree.take(place)?;
    let at = place
        .iter()
        .rposition(|step| step.parse::<usize>().is_err())?;
    let mut beside = place.clone();
    beside[at] = format!("_{}", beside[at]);
    if now.pointer(&pointer(&beside)).is_some() {
        tree.take(&beside)?;
    }
    Some(())
}

#[cfg(test)]
mod tests;
