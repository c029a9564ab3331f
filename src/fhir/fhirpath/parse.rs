//! The grammar of FHIRPath (<http://hl7.org/fhirpath/N1/grammar.html>).

use rust_decimal::Decimal;

use super::functions::known;
use super::lex::{Token, words};
use super::temporal::Temporal;

/// Most nested parts of an expression: they are read and evaluated by recursion.
const DEEPEST: usize = 64;

/// A value that an expression states.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Empty,
    Bool(bool),
    Text(String),
    Int(i64),
    Decimal(Decimal),
    Time(Temporal),
    Quantity(Decimal, String),
}

/// An operator between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Multiply,
    Divide,
    Whole,
    Rest,
    Plus,
    Minus,
    Join,
    Union,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    Equivalent,
    Unequal,
    Inequivalent,
    In,
    Contains,
    And,
    Or,
    Xor,
    Implies,
}

pub use super::functions::Function;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Literal(Literal),
    /// `%name`
    External(String),
    /// `$this`, and where nothing is said before a name.
    This,
    /// `$index`
    Index,
    /// An element; of the focus where there is no expression before it.
    Member(Option<Box<Expr>>, String),
    Call(Option<Box<Expr>>, Function, Vec<Expr>),
    At(Box<Expr>, Box<Expr>),
    Negative(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    Is(Box<Expr>, String),
    As(Box<Expr>, String),
}

/// Reads `text`.
pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let mut parser = Parser {
        words: words(text)?,
        at: 0,
        depth: 0,
    };
    let all = parser.binary(0)?;
    match parser.peek() {
        None => Ok(all),
        Some(token) => Err(format!("{token:?} cannot stand here.")),
    }
}

struct Parser {
    words: Vec<Token>,
    at: usize,
    depth: usize,
}

/// How tightly `is` and `as` bind, between `|` and `+`.
const TYPES: u8 = 7;

/// The operator that a word is, and how tightly it binds.
fn operator(token: &Token) -> Option<(Op, u8)> {
    let word = match token {
        Token::Symbol(symbol) => symbol,
        Token::Name(name) => name.as_str(),
        _ => return None,
    };
    Some(match word {
        "implies" => (Op::Implies, 0),
        "or" => (Op::Or, 1),
        "xor" => (Op::Xor, 1),
        "and" => (Op::And, 2),
        "in" => (Op::In, 3),
        "contains" => (Op::Contains, 3),
        "=" => (Op::Equal, 4),
        "~" => (Op::Equivalent, 4),
        "!=" => (Op::Unequal, 4),
        "!~" => (Op::Inequivalent, 4),
        "<" => (Op::Less, 5),
        "<=" => (Op::LessOrEqual, 5),
        ">" => (Op::Greater, 5),
        ">=" => (Op::GreaterOrEqual, 5),
        "|" => (Op::Union, 6),
        "+" => (Op::Plus, 8),
        "-" => (Op::Minus, 8),
        "&" => (Op::Join, 8),
        "*" => (Op::Multiply, 9),
        "/" => (Op::Divide, 9),
        "div" => (Op::Whole, 9),
        "mod" => (Op::Rest, 9),
        _ => return None,
    })
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.words.get(self.at)
    }

    fn take(&mut self) -> Option<Token> {
        self.at += 1;
        self.words.get(self.at - 1).cloned()
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.eat(symbol) {
            return Ok(());
        }
        Err(format!("'{symbol}' is missing."))
    }

    /// Operators that bind at least as tightly as `least`; all of them group to the left.
    fn binary(&mut self, least: u8) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("An expression has at most {DEEPEST} levels."));
        }
        let mut left = self.unary()?;
        loop {
            let word = self.peek();
            let kind = matches!(word, Some(Token::Name(name)) if name == "is" || name == "as");
            if kind && TYPES >= least {
                let is = matches!(self.take(), Some(Token::Name(name)) if name == "is");
                let name = self.type_name()?;
                left = if is {
                    Expr::Is(Box::new(left), name)
                } else {
                    Expr::As(Box::new(left), name)
                };
                continue;
            }
            let Some((op, tight)) = word.and_then(operator).filter(|(_, tight)| *tight >= least)
            else {
                break;
            };
            self.at += 1;
            let right = self.binary(tight + 1)?;
            left = Expr::Binary(op, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn type_name(&mut self) -> Result<String, String> {
        let mut name = self.name()?;
        while self.eat(".") {
            name = format!("{name}.{}", self.name()?);
        }
        Ok(name)
    }

    fn name(&mut self) -> Result<String, String> {
        match self.take() {
            Some(Token::Name(name) | Token::Quoted(name)) => Ok(name),
            _ => Err("A name is missing.".into()),
        }
    }

    fn unary(&mut self) -> Result<Expr, String> {
        if self.eat("-") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(format!("An expression has at most {DEEPEST} levels."));
            }
            let inner = self.unary()?;
            self.depth -= 1;
            return Ok(Expr::Negative(Box::new(inner)));
        }
        if self.eat("+") {
            return self.unary();
        }
        let mut left = self.term()?;
        loop {
            if self.eat(".") {
                left = self.step(Some(Box::new(left)))?;
            } else if self.eat("[") {
                let index = self.binary(0)?;
                self.expect("]")?;
                left = Expr::At(Box::new(left), Box::new(index));
            } else {
                return Ok(left);
            }
        }
    }

    /// A member or a call.
    fn step(&mut self, on: Option<Box<Expr>>) -> Result<Expr, String> {
        if let Some(Token::Special(_)) = self.peek() {
            return self.term();
        }
        let name = self.name()?;
        if !self.eat("(") {
            return Ok(Expr::Member(on, name));
        }
        let typed = ["is", "as", "ofType"].contains(&name.as_str());
        let mut arguments = Vec::new();
        if typed {
            arguments.push(Expr::Literal(Literal::Text(self.type_name()?)));
            self.expect(")")?;
        } else if !self.eat(")") {
            loop {
                arguments.push(self.binary(0)?);
                if self.eat(")") {
                    break;
                }
                self.expect(",")?;
            }
        }
        let function = known(&name, arguments.len())?;
        Ok(Expr::Call(on, function, arguments))
    }

    fn term(&mut self) -> Result<Expr, String> {
        let literal = |value| Ok(Expr::Literal(value));
        match self.peek() {
            Some(Token::Name(name)) if name == "true" || name == "false" => {
                let yes = name == "true";
                self.at += 1;
                literal(Literal::Bool(yes))
            }
            Some(Token::Name(_) | Token::Quoted(_)) => self.step(None),
            _ => match self.take() {
                Some(Token::Text(text)) => literal(Literal::Text(text)),
                Some(Token::Number(text)) => self.number(&text).map(Expr::Literal),
                Some(Token::Time(text)) => Temporal::literal(&text)
                    .map(|time| Expr::Literal(Literal::Time(time)))
                    .ok_or_else(|| format!("@{text} is no date or time.")),
                Some(Token::External(name)) => Ok(Expr::External(name)),
                Some(Token::Special(name)) => match name.as_str() {
                    "this" => Ok(Expr::This),
                    "index" => Ok(Expr::Index),
                    _ => Err(format!("${name} is not known.")),
                },
                Some(Token::Symbol("(")) => {
                    let inner = self.binary(0)?;
                    self.expect(")")?;
                    Ok(inner)
                }
                Some(Token::Symbol("{")) => {
                    self.expect("}")?;
                    literal(Literal::Empty)
                }
                Some(token) => Err(format!("{token:?} cannot stand here.")),
                None => Err("The expression ends too early.".into()),
            },
        }
    }

    /// A number, or a quantity where a unit follows.
    fn number(&mut self, text: &str) -> Result<Literal, String> {
        let bad = || format!("{text} is too long a number.");
        let unit = match self.peek() {
            Some(Token::Text(unit)) => Some(unit.clone()),
            Some(Token::Name(name)) => calendar(name).map(str::to_owned),
            _ => None,
        };
        if let Some(unit) = unit {
            self.at += 1;
            let number: Decimal = text.parse().map_err(|_| bad())?;
            return Ok(Literal::Quantity(number, unit));
        }
        if text.contains('.') {
            return text.parse().map(Literal::Decimal).map_err(|_| bad());
        }
        text.parse().map(Literal::Int).map_err(|_| bad())
    }
}

/// A unit of the calendar as a word, in the singular.
fn calendar(name: &str) -> Option<&str> {
    let one = name.strip_suffix('s').unwrap_or(name);
    let all = [
        "year",
        "month",
        "week",
        "day",
        "hour",
        "minute",
        "second",
        "millisecond",
    ];
    all.contains(&one).then_some(one)
}
