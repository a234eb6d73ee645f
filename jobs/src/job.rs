//! What a job is, to whoever enqueues one. How it runs is [`crate::handler`]'s matter.

use serde::{Serialize, de::DeserializeOwned};

/// A kind of work, and the payload that asks for it.
///
/// Payloads carry ids and choices, never rows: one written last month must still decode.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind's one name: of its file, in the queue, in the logs.
    const KIND: &'static str;
    /// The queue it waits in.
    const QUEUE: &'static str = "default";
    /// Lower runs first.
    const PRIORITY: i16 = 0;

    /// Returns the key under which at most one unfinished job of this kind exists.
    fn unique_key(&self) -> Option<String> {
        None
    }
}
