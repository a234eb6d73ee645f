//! The events that clients are told about, kept so that a stream can be resumed.
//!
//! Ids alone do not order commits: a transaction that drew a low id may commit last.
//! Readers therefore go by [`Cursor`], the writing transaction first, and stop below the
//! oldest transaction still running; what is below that line can no longer change. The
//! price: an event waits for every older writing transaction of the cluster to end.
//!
//! Columns are qualified in `order by`: a bare `xact` could mean the text that is selected.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use thiserror::Error;
use uuid::Uuid;

/// A place in the order of events; printed and parsed as `xact.event_id`, both decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cursor {
    /// The full id of the transaction that wrote the event.
    pub xact: u64,
    /// The event's id.
    pub event_id: i64,
}

impl Cursor {
    /// The place before every event.
    pub const START: Self = Self { xact: 0, event_id: 0 };
    /// A place that no event ever has: nothing can be resumed from it.
    pub const NOWHERE: Self = Self { xact: u64::MAX, event_id: i64::MAX };
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.xact, self.event_id)
    }
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an event cursor, expected two decimal numbers joined by a dot")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    /// Parses exactly what `Display` prints.
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (xact, event_id) = text.split_once('.').ok_or(CursorError)?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(xact) || !digits(event_id) {
            return Err(CursorError);
        }
        Ok(Self {
            xact: xact.parse().map_err(|_| CursorError)?,
            event_id: event_id.parse().map_err(|_| CursorError)?,
        })
    }
}

/// One event as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the order; also its id on the wire.
    pub cursor: Cursor,
    /// The only user who may see it.
    pub user_id: Uuid,
    /// The contract's name, such as `backtest:progress`.
    pub name: String,
    /// The row it is about.
    pub subject_id: Option<Uuid>,
    /// The JSON object that is sent.
    pub body: Value,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// Whose events a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody's: for the process that distributes them.
    Everyone,
    /// One user's.
    User(Uuid),
    /// One user's, about one row.
    Subject {
        /// The user.
        user_id: Uuid,
        /// The row.
        subject_id: Uuid,
    },
}

impl Audience {
    /// Returns whether `event` is for this audience.
    pub fn includes(&self, event: &Event) -> bool {
        match *self {
            Self::Everyone => true,
            Self::User(user_id) => event.user_id == user_id,
            Self::Subject { user_id, subject_id } => {
                event.user_id == user_id && event.subject_id == Some(subject_id)
            }
        }
    }
}

/// Appends an event for `user_id` and returns its id.
///
/// Readers see it once the transaction commits and none older is still writing. Send the
/// `capstan_events` hint after the commit.
pub async fn append(
    conn: &mut PgConnection,
    user_id: Uuid,
    name: &str,
    subject_id: Option<Uuid>,
    body: &Value,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "insert into events (user_id, name, subject_id, body)
         values ($1, $2, $3, $4)
         returning event_id",
        user_id,
        name,
        subject_id,
        body
    )
    .fetch_one(conn)
    .await
}

/// Returns up to `limit` settled events of `audience` after `after`, in order.
///
/// "Settled" means that no event can still appear before them.
pub async fn page_after(
    conn: &mut PgConnection,
    audience: Audience,
    after: Cursor,
    limit: i64,
) -> sqlx::Result<Vec<Event>> {
    let rows = match audience {
        Audience::Everyone => {
            sqlx::query_as!(
                Row,
                r#"select xact::text as "xact!", event_id, user_id, name, subject_id, body, created_at
                     from events
                    where (xact, event_id) > ($1::text::xid8, $2)
                      and xact < pg_snapshot_xmin(pg_current_snapshot())
                    order by events.xact, events.event_id
                    limit $3"#,
                after.xact.to_string(),
                after.event_id,
                limit
            )
            .fetch_all(conn)
            .await?
        }
        Audience::User(user_id) => of_user(conn, user_id, None, after, limit).await?,
        Audience::Subject { user_id, subject_id } => {
            of_user(conn, user_id, Some(subject_id), after, limit).await?
        }
    };
    rows.into_iter().map(Event::try_from).collect()
}

async fn of_user(
    conn: &mut PgConnection,
    user_id: Uuid,
    subject_id: Option<Uuid>,
    after: Cursor,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"select xact::text as "xact!", event_id, user_id, name, subject_id, body, created_at
             from events
            where user_id = $1
              and ($2::uuid is null or subject_id = $2)
              and (xact, event_id) > ($3::text::xid8, $4)
              and xact < pg_snapshot_xmin(pg_current_snapshot())
            order by events.xact, events.event_id
            limit $5"#,
        user_id,
        subject_id,
        after.xact.to_string(),
        after.event_id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns whether a committed event after `after` waits for an older transaction to end.
pub async fn unsettled_after(conn: &mut PgConnection, after: Cursor) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select from events
                where (xact, event_id) > ($1::text::xid8, $2)
                  and xact >= pg_snapshot_xmin(pg_current_snapshot())) as "exists!""#,
        after.xact.to_string(),
        after.event_id
    )
    .fetch_one(conn)
    .await
}

/// Returns the place of the newest settled event, [`Cursor::START`] when there is none.
///
/// Everything committed from now on comes after it.
pub async fn end(conn: &mut PgConnection) -> sqlx::Result<Cursor> {
    let newest = sqlx::query!(
        r#"select xact::text as "xact!", event_id
             from events
            where xact < pg_snapshot_xmin(pg_current_snapshot())
            order by events.xact desc, events.event_id desc
            limit 1"#
    )
    .fetch_optional(conn)
    .await?;
    newest.map_or(Ok(Cursor::START), |row| cursor(&row.xact, row.event_id))
}

/// Returns whether everything after `after` is still kept, so that a resumed stream has no gap.
///
/// True while the event at `after` is there, since [`prune`] removes the oldest first. For
/// [`Cursor::START`]: true until the first event of all was removed.
pub async fn can_resume(conn: &mut PgConnection, after: Cursor) -> sqlx::Result<bool> {
    if after == Cursor::START {
        let first = sqlx::query_scalar!("select event_id from events order by event_id limit 1")
            .fetch_optional(conn)
            .await?;
        return Ok(first.is_none_or(|event_id| event_id == 1));
    }
    sqlx::query_scalar!(
        r#"select exists (
               select from events
                where (xact, event_id) = ($1::text::xid8, $2)) as "exists!""#,
        after.xact.to_string(),
        after.event_id
    )
    .fetch_one(conn)
    .await
}

/// Removes up to `limit` settled events written before `before`, oldest first; returns how many.
///
/// The newest event always stays: it marks the place where a new stream begins.
pub async fn prune(conn: &mut PgConnection, before: DateTime<Utc>, limit: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "with newest as (
             select xact, event_id
               from events
              where xact < pg_snapshot_xmin(pg_current_snapshot())
              order by events.xact desc, events.event_id desc
              limit 1),
         old as (
             select xact, event_id
               from events
              where (xact, event_id) < (select xact, event_id from newest)
              order by events.xact, events.event_id
              limit $2)
         delete from events as e
          using old
          where (e.xact, e.event_id) = (old.xact, old.event_id)
            and e.created_at < $1",
        before,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

struct Row {
    xact: String,
    event_id: i64,
    user_id: Uuid,
    name: String,
    subject_id: Option<Uuid>,
    body: Value,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Event {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        Ok(Self {
            cursor: cursor(&row.xact, row.event_id)?,
            user_id: row.user_id,
            name: row.name,
            subject_id: row.subject_id,
            body: row.body,
            created_at: row.created_at,
        })
    }
}

fn cursor(xact: &str, event_id: i64) -> sqlx::Result<Cursor> {
    let xact = xact.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
    Ok(Cursor { xact, event_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_parsed_from_what_it_prints_and_nothing_else() {
        for cursor in [Cursor::START, Cursor { xact: u64::MAX, event_id: i64::MAX }] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in [
            "",
            ".",
            "1",
            "1.",
            ".1",
            "-1.1",
            "1.-1",
            "+1.1",
            "1.1.1",
            " 1.1",
            "1.9223372036854775808",
            "a.b",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text:?}");
        }
    }

    #[test]
    fn cursors_are_ordered_by_the_transaction_first() {
        assert!(Cursor { xact: 7, event_id: 90 } < Cursor { xact: 8, event_id: 3 });
        assert!(Cursor { xact: 8, event_id: 3 } < Cursor { xact: 8, event_id: 4 });
    }
}
