//! The symbols that a request names.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use crate::error::{ApiError, ApiResult, codes};

/// Most symbols of one request.
pub(in crate::routes) const MOST: usize = 50;
const LONGEST: usize = 16;

/// Which symbols.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::routes) struct SymbolsQuery {
    /// Tickers with commas between them, such as `AAPL,MSFT`; at most 50.
    symbols: Option<String>,
}

impl SymbolsQuery {
    /// Returns the symbols, of which there must be one.
    pub(in crate::routes) fn required(&self) -> ApiResult<Vec<String>> {
        let symbols = self.optional()?;
        if symbols.is_empty() {
            let message = "symbols is required, such as symbols=AAPL,MSFT";
            return Err(ApiError::bad_request(codes::INVALID_QUERY, message)
                .with_details(json!({"field": "symbols"})));
        }
        Ok(symbols)
    }

    /// Returns the symbols, in the order they were first named.
    pub(in crate::routes) fn optional(&self) -> ApiResult<Vec<String>> {
        let mut symbols: Vec<String> = Vec::new();
        let named = self.symbols.as_deref().unwrap_or_default().split(',').map(str::trim);
        for text in named.filter(|text| !text.is_empty()) {
            let symbol = parse(text)?;
            if symbols.contains(&symbol) {
                continue;
            }
            if symbols.len() == MOST {
                let message = format!("more than {MOST} symbols are named: ask for fewer at a time");
                return Err(ApiError::bad_request(codes::TOO_MANY_SYMBOLS, message));
            }
            symbols.push(symbol);
        }
        Ok(symbols)
    }
}

/// Returns `text` as a symbol in upper case: a letter, then letters, digits, and single `.`, `-` or
/// `/` inside, 16 characters at most.
pub(in crate::routes) fn parse(text: &str) -> ApiResult<String> {
    let symbol = text.trim().to_ascii_uppercase();
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/');
    let well_formed = symbol.len() <= LONGEST
        && symbol.starts_with(|c: char| c.is_ascii_alphabetic())
        && symbol.ends_with(|c: char| c.is_ascii_alphanumeric())
        && symbol.chars().all(inner)
        && symbol.split(['.', '-', '/']).all(|part| !part.is_empty());
    if well_formed {
        return Ok(symbol);
    }
    let shown: String = text.chars().take(2 * LONGEST).collect();
    let message = format!("{shown:?} is no symbol: use one such as AAPL or BRK.B");
    Err(ApiError::bad_request(codes::INVALID_SYMBOL, message).with_details(json!({"field": "symbol"})))
}

/// The path parameter `{symbol}`.
#[derive(Debug, Clone)]
pub(in crate::routes) struct Symbol(pub(in crate::routes) String);

impl<S: Send + Sync> FromRequestParts<S> for Symbol {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| ApiError::not_found("symbol"))?;
        let text = params.iter().find(|(name, _)| *name == "symbol").map(|(_, text)| text);
        parse(text.unwrap_or_default()).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn symbols_are_checked_and_written_in_one_way() {
        for (sent, read) in [
            ("aapl", Some("AAPL")),
            (" Brk.b ", Some("BRK.B")),
            ("BTC/USD", Some("BTC/USD")),
            ("BF-B", Some("BF-B")),
            ("X1", Some("X1")),
            ("", None),
            ("1X", None),
            ("A..B", None),
            ("A.", None),
            ("A B", None),
            ("A;drop", None),
            ("<b>", None),
            ("\u{c4}", None),
            ("A\0", None),
            ("ABCDEFGHIJKLMNOPQ", None),
        ] {
            assert_eq!(parse(sent).ok().as_deref(), read, "{sent}");
        }
    }

    #[test]
    fn a_list_is_read_once_each_and_not_without_end() {
        let read = |text: &str| SymbolsQuery { symbols: Some(text.to_owned()) }.required();
        assert_eq!(read("msft,AAPL,,aapl, MSFT").expect("symbols"), ["MSFT", "AAPL"]);
        assert_eq!(read(" , ").expect_err("none").code(), codes::INVALID_QUERY);
        let many: Vec<String> = (0..=MOST).map(|number| format!("A{number}")).collect();
        assert_eq!(read(&many[1..].join(",")).expect("as many as may be").len(), MOST);
        assert_eq!(read(&many.join(",")).expect_err("one more").code(), codes::TOO_MANY_SYMBOLS);
        assert_eq!(read("AAPL,a b").expect_err("no symbol").code(), codes::INVALID_SYMBOL);
        let none = SymbolsQuery { symbols: None };
        assert_eq!(none.required().expect_err("none").code(), codes::INVALID_QUERY);
        assert!(none.optional().expect("none is fine").is_empty());
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again_as_it_is(text in "\\PC{0,20}") {
            if let Ok(symbol) = parse(&text) {
                prop_assert!(symbol.is_ascii() && symbol.len() <= LONGEST);
                prop_assert_eq!(parse(&symbol).expect("a symbol"), symbol);
            }
        }
    }
}
