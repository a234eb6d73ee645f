//! How many rows of a list, and after how many.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    error::{ApiError, ApiResult, codes},
    pagination::MAX_LIMIT,
};

/// How many rows of a list, and after how many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::routes) struct WindowQuery {
    /// Most rows of the reply, 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Skips this many.
    #[param(minimum = 0)]
    offset: Option<i64>,
}

impl WindowQuery {
    /// Returns limit and offset, `limit` unless one was sent; 400 when one is out of range.
    pub(in crate::routes) fn read(&self, limit: i64) -> ApiResult<(i64, i64)> {
        let limit = bounded("limit", self.limit.unwrap_or(limit), 1, MAX_LIMIT)?;
        Ok((limit, bounded("offset", self.offset.unwrap_or(0), 0, i64::from(i32::MAX))?))
    }
}

/// Returns `sent` if it is from `least` to `most`.
pub(super) fn bounded(name: &str, sent: i64, least: i64, most: i64) -> ApiResult<i64> {
    if (least..=most).contains(&sent) {
        return Ok(sent);
    }
    let message = format!("{name} must be between {least} and {most}, not {sent}");
    Err(ApiError::bad_request(codes::INVALID_QUERY, message))
}

/// Returns a parameter without spaces around it; empty counts as not sent.
pub(in crate::routes) fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Returns the word of a closed list that the parameter `name` holds, whatever its case.
pub(in crate::routes) fn word<'a>(
    name: &str,
    sent: Option<&str>,
    words: &[&'a str],
) -> ApiResult<Option<&'a str>> {
    let Some(sent) = given(sent) else { return Ok(None) };
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(sent));
    let refused = || {
        let message = format!("{name} {sent:?} is unknown, use one of {}", words.join(", "));
        ApiError::bad_request(codes::INVALID_QUERY, message)
    };
    found.copied().map(Some).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_have_ends() {
        let read = |limit, offset| WindowQuery { limit, offset }.read(20);
        assert_eq!(read(None, None).expect("the default"), (20, 0));
        assert_eq!(read(Some(1), Some(7)).expect("in range"), (1, 7));
        for (limit, offset) in
            [(Some(0), None), (Some(501), None), (Some(-1), None), (None, Some(-1)), (None, Some(i64::MAX))]
        {
            let error = read(limit, offset).expect_err("out of range");
            assert_eq!(error.code(), codes::INVALID_QUERY, "{limit:?} {offset:?}");
        }
    }

    #[test]
    fn words_are_of_their_list_whatever_their_case() {
        let words = ["buy", "sell"];
        assert_eq!(word("action", Some(" BUY "), &words).expect("a word"), Some("buy"));
        assert_eq!(word("action", Some(""), &words).expect("nothing"), None);
        assert_eq!(word("action", None, &words).expect("nothing"), None);
        let error = word("action", Some("short"), &words).expect_err("no such word");
        assert!(error.to_string().contains("buy, sell"), "{error}");
    }
}
