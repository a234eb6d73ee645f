//! A rule: where a fault strikes, how often, and what it is.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a fault strikes, how often, and what it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The path, in which `*` stands for any text; every path when absent.
    #[serde(default = "everywhere")]
    pub route: String,
    /// The method; every one when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// The chance of a request to be met, 0 to 1; 1 when absent.
    #[serde(default = "always")]
    pub rate: f64,
    /// The most requests met; no bound when absent.
    #[serde(default)]
    pub first_n: Option<u64>,
    /// What happens.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// It waits first.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// It is answered with a status.
    Status {
        /// The status, 400 to 599.
        code: u16,
        /// Whether it is processed before that.
        #[serde(default)]
        after: bool,
    },
    /// It is answered as one too many.
    TooManyRequests {
        /// Seconds for the header `Retry-After`, which is left out when absent.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// The connection is reset, and nothing was processed.
    ResetBefore,
    /// It is processed, and the connection is reset instead of an answer.
    ResetAfter,
    /// It is processed, and no answer comes however long the client waits.
    LostAnswer,
    /// Half of the answer's JSON comes, as if it were all.
    TruncatedJson,
    /// Half of the announced answer comes, then the connection ends.
    CutBody,
    /// The answer is no JSON.
    MalformedJson,
    /// Texts, numbers and truths of the answer are of another type.
    WrongTypes,
    /// Times of the answer lie in the past.
    StaleTimestamps {
        /// How far, in seconds; a day when absent.
        #[serde(default = "a_day")]
        by_s: u32,
    },
    /// Nothing works: 503 to everything.
    Outage,
}

fn everywhere() -> String {
    "*".to_owned()
}

fn always() -> f64 {
    1.0
}

fn a_day() -> u32 {
    86_400
}

impl Rule {
    /// Reads a rule, and refuses unknown keys and senseless values.
    pub fn read(value: Value) -> Result<Self, String> {
        let given: Vec<String> =
            value.as_object().map(|keys| keys.keys().cloned().collect()).unwrap_or_default();
        let rule: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let known = serde_json::to_value(&rule).map_err(|error| error.to_string())?;
        if let Some(unknown) = given.iter().find(|key| known.get(key.as_str()).is_none()) {
            return Err(format!("unknown key {unknown:?} in a fault of kind {}", known["kind"]));
        }
        if !(0.0..=1.0).contains(&rule.rate) {
            return Err(format!("rate {} is not from 0 to 1", rule.rate));
        }
        if let Some(method) = &rule.method
            && !method
                .parse::<Method>()
                .is_ok_and(|read| read.as_str().chars().all(|c| c.is_ascii_uppercase()))
        {
            return Err(format!("method {method:?} is not such as GET or POST"));
        }
        if let Kind::Status { code, .. } = rule.kind
            && !StatusCode::from_u16(code).is_ok_and(|code| code.is_client_error() || code.is_server_error())
        {
            return Err(format!("code {code} is not a status from 400 to 599"));
        }
        Ok(rule)
    }

    /// Returns whether the rule is about requests of `method` to `path`.
    pub fn covers(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method) && matches(&self.route, path)
    }
}

/// Returns whether `path` is of the form of `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let cases = [
            ("*", "/v2/clock", true),
            ("/v2/orders", "/v2/orders", true),
            ("/v2/orders", "/v2/orders/1", false),
            ("/v2/orders*", "/v2/orders:by_client_order_id", true),
            ("/v2/*/latest", "/v2/stocks/bars/latest", true),
            ("/v2/*/latest", "/v2/stocks/bars", false),
            ("/v2/*a*b", "/v2/xaxbxb", true),
            ("*/orders", "/v2/orders", true),
            ("", "/v2/orders", false),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn senseless_rules_are_refused() {
        let cases = [
            (json!({"kind": "meteor"}), "unknown variant `meteor`"),
            (json!({"rate": 1}), "missing field `kind`"),
            (json!({"kind": "outage", "ms": 5}), "unknown key \"ms\""),
            (json!({"kind": "outage", "rate": 2}), "rate 2 is not from 0 to 1"),
            (json!({"kind": "outage", "method": "get"}), "method \"get\""),
            (json!({"kind": "status", "code": 200}), "code 200"),
            (json!([]), "invalid"),
        ];
        for (value, problem) in cases {
            let error = Rule::read(value.clone()).expect_err("senseless");
            assert!(error.contains(problem), "{value}: {error}");
        }
    }
}
