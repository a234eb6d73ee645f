//! How many event streams each user may hold open in this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::metrics::gauge::Gauge;
use uuid::Uuid;

use crate::error::{ApiError, ApiResult, codes};

/// The open streams, by user; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    open: Arc<Mutex<HashMap<Uuid, usize>>>,
    most: usize,
    gauge: Gauge,
}

/// One open stream, until dropped.
#[derive(Debug)]
pub(crate) struct Place {
    streams: Streams,
    user_id: Uuid,
}

impl Streams {
    /// Allows each user `most` streams; `gauge` shows how many are open altogether.
    pub(crate) fn new(most: usize, gauge: Gauge) -> Self {
        Self { open: Arc::default(), most, gauge }
    }

    /// Takes a place for a stream of a user, or answers 429 `TOO_MANY_STREAMS`.
    pub(crate) fn take(&self, user_id: Uuid) -> ApiResult<Place> {
        let mut open = self.lock();
        let count = open.entry(user_id).or_default();
        if *count >= self.most {
            if *count == 0 {
                open.remove(&user_id);
            }
            let message = format!("{} event streams are open already: close one first", self.most);
            return Err(ApiError::busy(codes::TOO_MANY_STREAMS, message));
        }
        *count += 1;
        self.gauge.inc();
        Ok(Place { streams: self.clone(), user_id })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        // Consistent between any two statements here.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.gauge.dec();
        let mut open = self.streams.lock();
        if let Some(count) = open.get_mut(&self.user_id) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_stream_ends() {
        let streams = Streams::new(2, Gauge::default());
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = streams.take(one).expect("a place");
        let _second = streams.take(one).expect("a place");
        let refused = streams.take(one).expect_err("both places are taken");
        assert_eq!(refused.status(), 429);
        let _other = streams.take(two).expect("another user's places are their own");
        drop(first);
        let _third = streams.take(one).expect("the first is free again");
        assert_eq!(streams.gauge.get(), 3);
    }

    #[test]
    fn nothing_is_kept_of_users_without_streams() {
        let streams = Streams::new(1, Gauge::default());
        drop(streams.take(Uuid::from_u128(1)));
        assert!(streams.lock().is_empty());
        assert!(Streams::new(0, Gauge::default()).take(Uuid::from_u128(1)).is_err());
    }
}
