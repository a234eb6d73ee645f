-- What the event stream sends, kept so that a client can resume. Readers order by
-- (xact, event_id) and stop below the oldest running transaction, so that an event
-- committed late is never skipped.
create table events (
    event_id bigint generated always as identity primary key,
    xact xid8 not null default pg_current_xact_id(),
    user_id uuid not null references users on delete cascade,
    name text not null,
    -- The row the event is about, for streams of one resource.
    subject_id uuid,
    body jsonb not null,
    created_at timestamptz not null default clock_timestamp()
);
create index events_order on events (xact, event_id);
create index events_of_user on events (user_id, xact, event_id);
