//! Text to syntax tree, within the limits; every failure has a position.

use sqlparser::ast::Expr;
use sqlparser::dialect::Dialect;
use sqlparser::keywords::{Keyword, RESERVED_FOR_IDENTIFIER};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::{ExprError, MAX_DEPTH, MAX_TEXT_BYTES, MAX_TOKENS};

/// How deep sqlparser may go: it enters itself up to three times for one level of ours (brackets, NOT, operand).
const PARSER_DEPTH: usize = MAX_DEPTH * 3;

/// Standard SQL, less what no condition needs, and with names in any script.
#[derive(Debug)]
struct Conditions;

impl Dialect for Conditions {
    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_'
    }

    /// So that a broken CASE is reported where it breaks, and not read as a name.
    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        matches!(keyword, Keyword::CASE | Keyword::INTERVAL) || RESERVED_FOR_IDENTIFIER.contains(&keyword)
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }
}

pub(super) fn parse(text: &str) -> Result<Expr, ExprError> {
    if text.len() > MAX_TEXT_BYTES {
        let message =
            format!("the expression is {} bytes long; at most {MAX_TEXT_BYTES} are read", text.len());
        return Err(error(START, message, Some("split it into several rules".into())));
    }
    let tokens = tokens(text)?;
    within_limits(&tokens)?;
    read(text, tokens)
}

/// Reads again what an expression within the limits was printed as: names that stand for something longer may have
/// made it longer than a text may be. `None` when it cannot be read.
pub(super) fn reread(text: &str) -> Option<Expr> {
    tokens(text).and_then(|tokens| read(text, tokens)).ok()
}

fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, ExprError> {
    Tokenizer::new(&Conditions, text)
        .tokenize_with_location()
        .map_err(|fault| error(fault.location, format!("cannot read this: {}", fault.message), None))
}

fn read(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Expr, ExprError> {
    let mut parser =
        Parser::new(&Conditions).with_recursion_limit(PARSER_DEPTH).with_tokens_with_locations(tokens);
    let end = end_of(text);
    let parsed = parser.parse_expr();
    let next = parser.peek_token();
    let here = next.span.start;
    match parsed {
        Ok(_) if next.token != Token::EOF => {
            let message = format!("the expression ends before `{}`", next.token);
            Err(error(here, message, Some("join conditions with AND or OR".into())))
        }
        Ok(expr) => Ok(expr),
        Err(ParserError::RecursionLimitExceeded) => Err(too_deep(here)),
        Err(ParserError::ParserError(message) | ParserError::TokenizerError(message)) => {
            let (message, at) = located(&message);
            Err(error(at.unwrap_or(end), format!("cannot read this: {message}"), None))
        }
    }
}

/// Counts before parsing, so that neither the parser nor what walks its tree meets an immoderate one.
fn within_limits(tokens: &[TokenWithSpan]) -> Result<(), ExprError> {
    let (mut count, mut depth) = (0, 0_usize);
    for token in tokens {
        count += usize::from(!matches!(token.token, Token::Whitespace(_)));
        if count > MAX_TOKENS {
            let message = format!("the expression has more than {MAX_TOKENS} words and signs");
            return Err(error(token.span.start, message, Some("split it into several rules".into())));
        }
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) if word.keyword == Keyword::CASE => depth += 1,
            Token::Word(word) if word.keyword == Keyword::END => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(too_deep(token.span.start));
        }
    }
    Ok(())
}

const START: Location = Location { line: 1, column: 1 };

pub(super) fn too_deep(at: Location) -> ExprError {
    let message = format!("the expression is nested more than {MAX_DEPTH} deep");
    error(at, message, Some("join conditions with AND or OR on one level, or split the rule".into()))
}

/// An error at `at`, or at the start where sqlparser knows no position.
pub(super) fn error(at: Location, message: String, hint: Option<String>) -> ExprError {
    let at = if at.line == 0 || at.column == 0 { START } else { at };
    ExprError { line: at.line, column: at.column, message, hint }
}

/// Takes sqlparser's ` at Line: 1, Column: 5` off the end of its message.
fn located(message: &str) -> (&str, Option<Location>) {
    let split = || {
        let (text, at) = message.rsplit_once(" at Line: ")?;
        let (line, column) = at.split_once(", Column: ")?;
        Some((text, Location { line: line.parse().ok()?, column: column.parse().ok()? }))
    };
    split().map_or((message, None), |(text, at)| (text, Some(at)))
}

/// Just after the last character.
fn end_of(text: &str) -> Location {
    let last = text.rsplit('\n').next().unwrap_or_default();
    let line = text.matches('\n').count() as u64 + 1;
    Location { line, column: last.chars().count() as u64 + 1 }
}
