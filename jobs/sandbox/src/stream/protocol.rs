//! The stream's control messages: authenticate, then listen.

use serde_json::{Value, json};

use super::Opens;

/// The one stream there is.
const TRADE_UPDATES: &str = "trade_updates";

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    /// Whether its keys were right.
    pub authorized: bool,
    /// Whether it wants trade updates.
    pub listens: bool,
}

impl Standing {
    /// Takes a client's message and returns the answer, if it has one.
    pub(super) fn take(&mut self, message: &Value, opens: &Opens) -> Option<Value> {
        let action = message.get("action").and_then(Value::as_str)?;
        match action {
            "authenticate" | "auth" => {
                let (key, secret) = keys(message);
                self.authorized = opens(key, secret);
                self.listens &= self.authorized;
                Some(authorization(self.authorized, "authenticate"))
            }
            "listen" if !self.authorized => Some(authorization(false, "listen")),
            "listen" => {
                let streams = message.pointer("/data/streams").and_then(Value::as_array);
                self.listens = streams.is_some_and(|all| all.iter().any(|name| name == TRADE_UPDATES));
                let streams: &[&str] = if self.listens { &[TRADE_UPDATES] } else { &[] };
                Some(json!({ "stream": "listening", "data": { "streams": streams } }))
            }
            _ => None,
        }
    }
}

/// Returns key id and secret of either shape of the message; empty when missing.
fn keys(message: &Value) -> (&str, &str) {
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let key = text("/data/key_id").or_else(|| text("/key")).unwrap_or_default();
    let secret = text("/data/secret_key").or_else(|| text("/secret")).unwrap_or_default();
    (key, secret)
}

fn authorization(authorized: bool, action: &str) -> Value {
    let status = if authorized { "authorized" } else { "unauthorized" };
    json!({ "stream": "authorization", "data": { "status": status, "action": action } })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn opens() -> Opens {
        Arc::new(|key, secret| key == "K" && secret == "S")
    }

    #[test]
    fn both_shapes_of_authentication_are_taken() {
        for message in [
            json!({ "action": "authenticate", "data": { "key_id": "K", "secret_key": "S" } }),
            json!({ "action": "auth", "key": "K", "secret": "S" }),
        ] {
            let mut standing = Standing::default();
            let answer = standing.take(&message, &opens()).expect("an answer");
            assert_eq!(answer["data"], json!({ "status": "authorized", "action": "authenticate" }));
            assert!(standing.authorized);
        }
    }

    #[test]
    fn listening_before_authentication_is_refused() {
        let mut standing = Standing::default();
        let listen = json!({ "action": "listen", "data": { "streams": ["trade_updates"] } });
        let answer = standing.take(&listen, &opens()).expect("an answer");
        assert_eq!(answer["data"], json!({ "status": "unauthorized", "action": "listen" }));
        assert!(!standing.listens);
    }

    #[test]
    fn unknown_streams_are_left_out_and_an_empty_list_stops() {
        let mut standing = Standing { authorized: true, listens: false };
        let listen = |streams: Value| json!({ "action": "listen", "data": { "streams": streams } });
        let answer = standing.take(&listen(json!(["trade_updates", "account_updates"])), &opens());
        assert_eq!(answer.expect("an answer")["data"]["streams"], json!(["trade_updates"]));
        assert!(standing.listens);
        let answer = standing.take(&listen(json!([])), &opens());
        assert_eq!(answer.expect("an answer")["data"]["streams"], json!([]));
        assert!(!standing.listens);
    }
}
