//! One client's view of the events: first what is stored, then what is broadcast.

use std::{collections::VecDeque, sync::Arc};

use jobs::db::events::{self, Audience, Cursor, Event};
use sqlx::PgPool;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

/// Rows of one read.
const PAGE: i64 = 200;

/// What a feed yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// The next event.
    Event(Arc<Event>),
    /// Events since the place asked for are no longer kept, or it is none: the client has to
    /// read its state anew. The feed goes on from here.
    Reset,
}

/// Yields the events of one audience in order, each once.
#[derive(Debug)]
pub struct Feed {
    pool: PgPool,
    receiver: Receiver<Arc<Event>>,
    shutdown: CancellationToken,
    audience: Audience,
    /// Everything of the audience up to here was yielded or came before the feed.
    cursor: Cursor,
    /// Whether the table may hold events after `cursor` that were not received.
    behind: bool,
    reset: bool,
    stored: VecDeque<Event>,
}

impl Feed {
    pub(super) async fn open(
        pool: PgPool,
        receiver: Receiver<Arc<Event>>,
        shutdown: CancellationToken,
        audience: Audience,
        resume: Option<Cursor>,
    ) -> sqlx::Result<Self> {
        // The receiver exists already, so that an event is either in the table now or received.
        let mut conn = pool.acquire().await?;
        let resumed = match resume {
            Some(cursor) if events::can_resume(&mut conn, cursor).await? => Some(cursor),
            _ => None,
        };
        let cursor = match resumed {
            Some(cursor) => cursor,
            None => events::end(&mut conn).await?,
        };
        drop(conn);
        Ok(Self {
            pool,
            receiver,
            shutdown,
            audience,
            cursor,
            behind: resumed.is_some(),
            reset: resume.is_some() && resumed.is_none(),
            stored: VecDeque::new(),
        })
    }

    /// Returns the place up to which everything was yielded: where to resume.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Returns whether stored events wait to be yielded before the feed is live.
    pub async fn has_stored(&mut self) -> sqlx::Result<bool> {
        if self.behind && self.stored.is_empty() {
            self.read_stored().await?;
        }
        Ok(!self.stored.is_empty())
    }

    /// Returns whether the feed was to begin with [`Item::Reset`], which it then will not.
    pub fn take_reset(&mut self) -> bool {
        std::mem::take(&mut self.reset)
    }

    /// Waits for the next item; `None` at shutdown. After an error, resume with a new feed.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> sqlx::Result<Option<Item>> {
        if self.take_reset() {
            return Ok(Some(Item::Reset));
        }
        loop {
            if let Some(event) = self.stored.pop_front() {
                self.cursor = event.cursor;
                return Ok(Some(Item::Event(Arc::new(event))));
            }
            if self.behind {
                self.read_stored().await?;
                continue;
            }
            let received = tokio::select! {
                () = self.shutdown.cancelled() => return Ok(None),
                received = self.receiver.recv() => received,
            };
            match received {
                // Read from the table already.
                Ok(event) if event.cursor <= self.cursor => {}
                Ok(event) => {
                    self.cursor = event.cursor;
                    if self.audience.includes(&event) {
                        return Ok(Some(Item::Event(event)));
                    }
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }

    async fn read_stored(&mut self) -> sqlx::Result<()> {
        let mut conn = self.pool.acquire().await?;
        let page = events::page_after(&mut conn, self.audience, self.cursor, PAGE).await?;
        self.behind = i64::try_from(page.len()) == Ok(PAGE);
        self.stored = page.into();
        Ok(())
    }
}
