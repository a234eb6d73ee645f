//! The record of who changed what. Rows are only ever added, in the transaction of the
//! change that they describe.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

/// One change.
#[derive(Debug, Clone, Default)]
pub struct Entry<'a> {
    /// Who did it; `None` for the system.
    pub actor_id: Option<Uuid>,
    /// What was done: verb and noun, such as `update_strategy`.
    pub action: &'a str,
    /// The kind of row, singular.
    pub resource: &'a str,
    /// The row's id.
    pub resource_id: Option<String>,
    /// Why, when someone said so.
    pub reason: Option<String>,
    /// The row before, without secrets.
    pub before: Option<Value>,
    /// The row after, without secrets.
    pub after: Option<Value>,
    /// The client's address.
    pub address: Option<String>,
    /// The id of the request or job that did it.
    pub trace_id: Option<String>,
}

/// The longest field of a recorded state that is kept as it is, in bytes of JSON.
const LONGEST: usize = 2048;

/// Returns `state` with the length and digest of each field that is too long to repeat: the
/// row itself has it, and the record still shows whether it changed.
fn compact(state: Value) -> Value {
    let Value::Object(fields) = state else { return state };
    let fields = fields.into_iter().map(|(name, value)| {
        if !matches!(value, Value::String(_) | Value::Array(_) | Value::Object(_)) {
            return (name, value);
        }
        let text = value.to_string();
        if text.len() <= LONGEST {
            return (name, value);
        }
        let digest = hex::encode(Sha256::digest(&text));
        (name, json!({ "bytes": text.len(), "sha256": digest }))
    });
    Value::Object(fields.collect())
}

/// Adds `entry`, long fields of its states shortened; call it in the transaction of the change.
pub async fn record(conn: &mut PgConnection, entry: Entry<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into audit_log
             (actor_id, action, resource, resource_id, reason, before, after, address, trace_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        entry.actor_id,
        entry.action,
        entry.resource,
        entry.resource_id,
        entry.reason,
        entry.before.map(compact),
        entry.after.map(compact),
        entry.address,
        entry.trace_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_fields_are_recorded_by_length_and_digest() {
        let state = json!({"name": "x", "version": 7, "config": {"a": "y".repeat(5000)}, "assets": ["AAPL"]});
        let kept = compact(state.clone());
        assert_eq!(
            (&kept["name"], &kept["version"], &kept["assets"]),
            (&json!("x"), &json!(7), &json!(["AAPL"]))
        );
        assert_eq!(kept["config"]["bytes"], state["config"].to_string().len());
        assert_eq!(kept["config"]["sha256"].as_str().map(str::len), Some(64));
        assert!(kept.to_string().len() < 300);
        let other = compact(json!({"config": {"a": "z".repeat(5000)}}));
        assert_ne!(kept["config"]["sha256"], other["config"]["sha256"], "a change shows");
        assert_eq!(compact(kept.clone()), kept);
    }
}
