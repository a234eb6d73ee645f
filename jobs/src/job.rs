//! What a job is, to whoever enqueues one. How it runs is [`crate::handler`]'s matter.

use serde::{Serialize, de::DeserializeOwned};

/// A kind of work, and the payload that asks for it.
///
/// Payloads carry ids and choices, never rows: one written last month must still decode.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind's one name: of its file, in the queue, in the logs.
    const KIND: &'static str;
    /// Raised when older workers can't run new payloads: they leave them to newer ones.
    const VERSION: u16 = 1;
    /// The queue it waits in.
    const QUEUE: &'static str = "default";
    /// Lower runs first.
    const PRIORITY: i16 = 0;

    /// Returns the key under which at most one unfinished job of this kind exists.
    fn unique_key(&self) -> Option<String> {
        None
    }

    /// Returns the key under which jobs run strictly one after the other.
    fn fifo_key(&self) -> Option<String> {
        None
    }

    /// Returns the key whose fleet-wide limits the job shares.
    fn limit_key(&self) -> Option<String> {
        None
    }
}

/// Returns the name under which a version of a kind waits: workers claim the names they
/// know, so a version is left to workers that know it.
pub fn versioned(kind: &str, version: u16) -> String {
    if version <= 1 { kind.to_owned() } else { format!("{kind}@{version}") }
}
