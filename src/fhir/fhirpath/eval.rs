//! Evaluation: each expression finds a list of items (<http://hl7.org/fhirpath/N1/#operations>).

use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Ordering;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::functions::call;
use super::parse::{Expr, Literal, Op};
use super::value::{Item, Node, truth};

/// Why an expression cannot be evaluated on what is there, as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub &'static str);

/// Most steps of one evaluation: some rules compare all with all, and a resource may be large.
const STEPS: usize = 2_000_000;

thread_local! {
    static LEFT: Cell<usize> = const { Cell::new(STEPS) };
}

/// Begins an evaluation.
pub(super) fn begin() {
    LEFT.set(STEPS);
}

/// Counts steps of the evaluation.
pub(super) fn spend(steps: usize) -> Result<(), Fault> {
    let left = LEFT.get().checked_sub(steps + 1);
    LEFT.set(left.unwrap_or(0));
    left.map(|_| ())
        .ok_or(Fault("There is too much to judge this by."))
}

pub(super) type Found<'a> = Result<Vec<Item<'a>>, Fault>;

/// What an expression may ask for beside the element that it is evaluated on.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// `%resource`: the resource that the element is part of.
    pub resource: Option<Node<'a>>,
    /// `%rootResource`: the resource that contains it, or the same.
    pub root: Option<Node<'a>>,
    /// `$index`
    pub index: usize,
}

impl<'a> Context<'a> {
    /// Of an element of `resource`, which `root` contains or is.
    #[must_use]
    pub const fn new(resource: Node<'a>, root: Node<'a>) -> Self {
        Self {
            resource: Some(resource),
            root: Some(root),
            index: 0,
        }
    }
}

/// All that `expr` finds where `$this` is `focus`.
pub(super) fn eval<'a>(expr: &'a Expr, focus: &[Item<'a>], context: &Context<'a>) -> Found<'a> {
    spend(focus.len())?;
    match expr {
        Expr::Literal(literal) => Ok(stated(literal)),
        Expr::This => Ok(focus.to_vec()),
        Expr::Index => Ok(vec![Item::Int(i64::try_from(context.index).unwrap_or(0))]),
        Expr::External(name) => external(name, focus, context),
        Expr::Member(None, name) => {
            // A path may begin with the type that it is of: Appointment.status.
            let first = name.starts_with(|c: char| c.is_ascii_uppercase());
            if first && matches!(focus, [item] if item.is(name)) {
                return Ok(focus.to_vec());
            }
            Ok(member(focus, name))
        }
        Expr::Member(Some(on), name) => Ok(member(&eval(on, focus, context)?, name)),
        Expr::Call(None, function, arguments) => {
            call(*function, focus.to_vec(), arguments, focus, context)
        }
        Expr::Call(Some(on), function, arguments) => call(
            *function,
            eval(on, focus, context)?,
            arguments,
            focus,
            context,
        ),
        Expr::At(on, index) => {
            let mut all = eval(on, focus, context)?;
            let index = one(&eval(index, focus, context)?)?.and_then(|item| match item.system() {
                Some(Item::Int(n)) => usize::try_from(n).ok(),
                _ => None,
            });
            Ok(match index {
                Some(n) if n < all.len() => vec![all.swap_remove(n)],
                _ => Vec::new(),
            })
        }
        Expr::Negative(inner) => {
            let found = eval(inner, focus, context)?;
            Ok(match one(&found)?.and_then(Item::system) {
                Some(Item::Int(n)) => vec![Item::Int(-n)],
                Some(Item::Decimal(n)) => vec![Item::Decimal(-n)],
                Some(Item::Quantity(n, unit)) => vec![Item::Quantity(-n, unit)],
                Some(_) => return Err(Fault("A '-' stands before what is no number.")),
                None => Vec::new(),
            })
        }
        Expr::Is(on, name) => {
            let found = eval(on, focus, context)?;
            Ok(one(&found)?
                .map(|item| Item::Bool(item.is(name)))
                .into_iter()
                .collect())
        }
        Expr::As(on, name) => {
            let mut found = eval(on, focus, context)?;
            found.retain(|item| item.is(name));
            Ok(found)
        }
        Expr::Binary(op, left, right) => binary(*op, left, right, focus, context),
    }
}

fn stated(literal: &Literal) -> Vec<Item<'_>> {
    vec![match literal {
        Literal::Empty => return Vec::new(),
        Literal::Bool(yes) => Item::Bool(*yes),
        Literal::Text(text) => Item::Text(Cow::Borrowed(text)),
        Literal::Int(n) => Item::Int(*n),
        Literal::Decimal(n) => Item::Decimal(*n),
        Literal::Time(time) => Item::Time(*time),
        Literal::Quantity(n, unit) => Item::Quantity(*n, Cow::Borrowed(unit)),
    }]
}

fn external<'a>(name: &'a str, focus: &[Item<'a>], context: &Context<'a>) -> Found<'a> {
    let text = |text: &'static str| Ok(vec![Item::Text(Cow::Borrowed(text))]);
    let node = |node: Option<Node<'a>>| Ok(node.map(Item::Node).into_iter().collect());
    match name {
        "resource" => node(context.resource),
        "rootResource" => node(context.root),
        "context" => Ok(focus.to_vec()),
        "ucum" => text("http://unitsofmeasure.org"),
        "sct" => text("http://snomed.info/sct"),
        "loinc" => text("http://loinc.org"),
        _ => Err(Fault("The expression names a variable that is not known.")),
    }
}

fn member<'a>(on: &[Item<'a>], name: &str) -> Vec<Item<'a>> {
    let mut out = Vec::new();
    for item in on {
        if let Item::Node(node) = item {
            node.named(name, &mut out);
        }
    }
    out
}

/// The one item of a list.
pub(super) fn one<'i, 'a>(items: &'i [Item<'a>]) -> Result<Option<&'i Item<'a>>, Fault> {
    match items {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(Fault("Several values stand where one is expected.")),
    }
}

fn said<'a>(answer: Option<bool>) -> Vec<Item<'a>> {
    answer.map(Item::Bool).into_iter().collect()
}

fn binary<'a>(
    op: Op,
    left: &'a Expr,
    right: &'a Expr,
    focus: &[Item<'a>],
    context: &Context<'a>,
) -> Found<'a> {
    let found = eval(left, focus, context)?;
    if matches!(op, Op::And | Op::Or | Op::Xor | Op::Implies) {
        return logic(op, truth(&found)?, right, focus, context);
    }
    let other = eval(right, focus, context)?;
    Ok(match op {
        Op::Union => distinct(found.into_iter().chain(other))?,
        Op::Equal => said(equal(&found, &other)),
        Op::Unequal => said(equal(&found, &other).map(|yes| !yes)),
        Op::Equivalent => said(Some(equivalent(&found, &other)?)),
        Op::Inequivalent => said(Some(!equivalent(&found, &other)?)),
        Op::In => match one(&found)? {
            None => Vec::new(),
            Some(item) => said(Some(holds(&other, item)?)),
        },
        Op::Contains => match one(&other)? {
            None => Vec::new(),
            Some(item) => said(Some(holds(&found, item)?)),
        },
        Op::Join => {
            let text =
                |items: &[Item<'a>]| Ok(one(items)?.and_then(Item::text).unwrap_or_default());
            let joined: Result<String, Fault> = Ok(text(&found)? + &text(&other)?);
            vec![Item::Text(joined?.into())]
        }
        Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => {
            let (Some(a), Some(b)) = (one(&found)?, one(&other)?) else {
                return Ok(Vec::new());
            };
            said(a.compare(b)?.map(|order| match op {
                Op::Less => order == Ordering::Less,
                Op::LessOrEqual => order != Ordering::Greater,
                Op::Greater => order == Ordering::Greater,
                _ => order != Ordering::Less,
            }))
        }
        _ => {
            let (Some(a), Some(b)) = (one(&found)?, one(&other)?) else {
                return Ok(Vec::new());
            };
            let (Some(a), Some(b)) = (a.system(), b.system()) else {
                return Err(Fault("What is computed with is no value."));
            };
            computed(op, a, b)?.into_iter().collect()
        }
    })
}

/// Three-valued logic: what is not known decides nothing.
fn logic<'a>(
    op: Op,
    left: Option<bool>,
    right: &'a Expr,
    focus: &[Item<'a>],
    context: &Context<'a>,
) -> Found<'a> {
    match (op, left) {
        (Op::And, Some(false)) => return Ok(said(Some(false))),
        (Op::Or, Some(true)) | (Op::Implies, Some(false)) => return Ok(said(Some(true))),
        _ => {}
    }
    let right = truth(&eval(right, focus, context)?)?;
    Ok(said(match (op, left, right) {
        (Op::And, _, Some(false)) => Some(false),
        (Op::Or | Op::Implies, _, Some(true)) | (Op::And, Some(_), Some(_)) => Some(true),
        (Op::Or | Op::Implies, Some(_), Some(_)) => Some(false),
        (Op::Xor, Some(a), Some(b)) => Some(a != b),
        _ => None,
    }))
}

fn equal(a: &[Item<'_>], b: &[Item<'_>]) -> Option<bool> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if a.len() != b.len() {
        return Some(false);
    }
    let mut known = true;
    for (a, b) in a.iter().zip(b) {
        match a.equals(b) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = false,
        }
    }
    known.then_some(true)
}

fn equivalent(a: &[Item<'_>], b: &[Item<'_>]) -> Result<bool, Fault> {
    spend(a.len().saturating_mul(b.len()))?;
    let plain = |item: &Item<'_>| item.text().map(|text| text.to_lowercase());
    let alike = |a: &Item<'_>, b: &Item<'_>| {
        a.equals(b) == Some(true)
            || (plain(a).is_some()
                && matches!(a.system(), Some(Item::Text(_)))
                && plain(a) == plain(b))
    };
    Ok(a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| alike(x, y))))
}

/// Whether the list has the item.
pub(super) fn holds(all: &[Item<'_>], item: &Item<'_>) -> Result<bool, Fault> {
    spend(all.len())?;
    Ok(all.iter().any(|other| other.equals(item) == Some(true)))
}

/// The items, each once.
pub(super) fn distinct<'a>(items: impl IntoIterator<Item = Item<'a>>) -> Found<'a> {
    let mut out: Vec<Item<'a>> = Vec::new();
    for item in items {
        if !holds(&out, &item)? {
            out.push(item);
        }
    }
    Ok(out)
}

fn computed<'a>(op: Op, a: Item<'a>, b: Item<'a>) -> Result<Option<Item<'a>>, Fault> {
    let mismatch = Fault("Values of different kinds are computed with.");
    match (op, a, b) {
        (Op::Plus, Item::Text(a), Item::Text(b)) => {
            Ok(Some(Item::Text((a.into_owned() + &b).into())))
        }
        (Op::Plus, Item::Time(at), Item::Quantity(n, unit)) => {
            Ok(at.plus(n, &unit).map(Item::Time))
        }
        (Op::Minus, Item::Time(at), Item::Quantity(n, unit)) => {
            Ok(at.plus(-n, &unit).map(Item::Time))
        }
        (Op::Plus | Op::Minus, Item::Quantity(a, unit), Item::Quantity(b, other)) => {
            let b = if op == Op::Plus { b } else { -b };
            let sum = a.checked_add(b).filter(|_| unit == other);
            Ok(sum.map(|sum| Item::Quantity(sum, unit)))
        }
        (Op::Multiply | Op::Divide, Item::Quantity(a, unit), b) => {
            let b = b.number().ok_or(mismatch)?;
            Ok(figure(op, a, b).map(|n| Item::Quantity(n, unit)))
        }
        (op, a, b) => {
            let whole = matches!((&a, &b), (Item::Int(_), Item::Int(_))) && op != Op::Divide;
            let (a, b) = (a.number().ok_or(mismatch)?, b.number().ok_or(mismatch)?);
            let found = figure(op, a, b);
            Ok(match found {
                Some(n) if whole || op == Op::Whole => n.to_i64().map(Item::Int),
                Some(n) => Some(Item::Decimal(n)),
                None => None,
            })
        }
    }
}

fn figure(op: Op, a: Decimal, b: Decimal) -> Option<Decimal> {
    match op {
        Op::Plus => a.checked_add(b),
        Op::Minus => a.checked_sub(b),
        Op::Multiply => a.checked_mul(b),
        Op::Divide => a.checked_div(b).map(|n| n.normalize()),
        Op::Whole => a.checked_div(b).map(|n| n.trunc()),
        _ => a.checked_rem(b),
    }
}
