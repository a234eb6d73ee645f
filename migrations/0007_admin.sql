-- What operators need: keys for programs, bulk operations, and cheap reads of the history.

-- Only the SHA-256 of a key is kept.
create table api_keys (
    api_key_id uuid primary key,
    name text not null check (name <> ''),
    key_hash bytea not null unique check (length(key_hash) = 32),
    scopes text[] not null check (cardinality(scopes) > 0),
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz,
    revoked_at timestamptz
);
create unique index api_keys_name on api_keys (name) where revoked_at is null;

-- A preview, and what becomes of it. Only jobs created before `bound` are touched; they are
-- walked in order of their id, `cursor` being the last one seen.
create table queue.operations (
    operation_id uuid primary key,
    action text not null check (action in ('retry', 'cancel', 'discard')),
    filter jsonb not null,
    reason text not null,
    state text not null default 'preview'
        check (state in ('preview', 'pending', 'running', 'completed', 'stopped', 'failed')),
    token_hash bytea not null unique check (length(token_hash) = 32),
    actor_id uuid references users on delete set null,
    api_key_id uuid references api_keys on delete set null,
    bound timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    matched integer not null,
    approximate boolean not null,
    cursor uuid,
    changed integer not null default 0,
    skipped integer not null default 0,
    failed integer not null default 0,
    job_id uuid,
    trace_id text,
    created_at timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    stop_requested_at timestamptz,
    finished_at timestamptz,
    last_error text,
    constraint operations_end_once
        check ((finished_at is not null) = (state in ('completed', 'stopped', 'failed')))
);
create index operations_previews on queue.operations (expires_at) where state = 'preview';

-- A finished job never runs again: trying it once more is a new job, at most one for each.
create table queue.retries (
    job_id uuid primary key,
    retry_id uuid not null unique,
    created_at timestamptz not null default clock_timestamp()
);

-- A retry keeps its place under the keys of the job that it repeats.
alter table queue.finished add column fifo_key text, add column limit_key text;

-- Rows arrive in the order of their time, so a block range index is small and nearly free.
create index finished_by_time on queue.finished using brin (finished_at) with (pages_per_range = 32);
create index attempts_by_time on queue.attempts using brin (ended_at) with (pages_per_range = 32);
-- Few of the finished rows, and the ones that operators look for.
create index finished_unsuccessful on queue.finished (state, job_id) where state <> 'completed';

-- The fingerprint of `CLASS: message`, as the workers compute it: digits do not count.
create function queue.fingerprint(error text) returns text language sql immutable parallel safe as $$
    select left(encode(sha256(convert_to(
               split_part(error, ': ', 1) || E'\n'
               || translate(substr(error, length(split_part(error, ': ', 1)) + 3), '123456789', '000000000'),
               'UTF8')), 'hex'), 16)
$$;
