-- The queue. Unfinished jobs live in queue.jobs (the hot table); finishing one moves its
-- row to queue.finished, partitioned by day, so that retention is `drop table`.
create schema queue;

create type queue.job_state as enum (
    'scheduled', 'available', 'running', 'retryable', 'indeterminate', 'quarantined',
    'completed', 'cancelled', 'discarded'
);

create table queue.jobs (
    job_id uuid primary key,
    queue text not null,
    kind text not null,
    payload jsonb not null,
    state queue.job_state not null,
    priority smallint not null default 0,
    -- The ordinal of the latest claim: with lease_token it is the fence of every write.
    attempt integer not null default 0,
    -- Attempts that ended in an error; snoozes and given-back attempts spend none.
    failures integer not null default 0,
    -- Attempts whose process vanished.
    crashes integer not null default 0,
    max_failures integer,
    run_at timestamptz not null default clock_timestamp(),
    created_at timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    worker_id uuid,
    lease_token uuid,
    lease_expires_at timestamptz,
    cancel_requested_at timestamptz,
    cancel_reason text,
    progress smallint,
    progress_note text,
    unique_key text,
    trace_id text,
    last_error text,
    constraint jobs_hold_unfinished_work check (state not in ('completed', 'cancelled', 'discarded')),
    constraint jobs_running_are_leased check ((state = 'running') = (lease_token is not null))
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Claim order; the predicate is a literal so that the planner can use it.
create index jobs_claim on queue.jobs (queue, priority, run_at, job_id) where state = 'available';
create index jobs_due on queue.jobs (run_at) where state in ('scheduled', 'retryable');
-- Few rows at any time: rescue and cancellation scan it whole. lease_expires_at is in no
-- index, so renewing a lease is a HOT update.
create index jobs_running on queue.jobs (worker_id) where state = 'running';
create unique index jobs_unique on queue.jobs (kind, unique_key) where unique_key is not null;

create table queue.finished (
    job_id uuid not null,
    queue text not null,
    kind text not null,
    payload jsonb not null,
    state queue.job_state not null,
    priority smallint not null,
    attempt integer not null,
    failures integer not null,
    crashes integer not null,
    run_at timestamptz not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz not null,
    worker_id uuid,
    progress smallint,
    progress_note text,
    unique_key text,
    trace_id text,
    last_error text,
    output jsonb,
    constraint finished_are_terminal check (state in ('completed', 'cancelled', 'discarded'))
) partition by range (finished_at);
create index finished_by_id on queue.finished (job_id);

-- One row for each attempt that did not finish its job; the finishing attempt is the
-- finished row itself. queue.attempt_history shows both.
create table queue.attempts (
    job_id uuid not null,
    attempt integer not null,
    worker_id uuid,
    started_at timestamptz,
    ended_at timestamptz not null,
    outcome text not null check (outcome in ('retryable', 'snoozed', 'given_back', 'crashed')),
    error_class text,
    message text,
    fingerprint text,
    trace_id text
) partition by range (ended_at);
create index attempts_by_job on queue.attempts (job_id, attempt);

create view queue.attempt_history as
    select job_id, attempt, worker_id, started_at, ended_at, outcome, error_class, message, fingerprint, trace_id
      from queue.attempts
    union all
    select job_id, attempt, worker_id, started_at, finished_at, state::text,
           case when state = 'completed' then null else state::text end, last_error, null, trace_id
      from queue.finished
     where worker_id is not null;

-- Catches rows of a day that has no partition yet, so that no write waits for maintenance.
create table queue.finished_default partition of queue.finished default;
create table queue.attempts_default partition of queue.attempts default;

-- Makes the daily partitions of `day`; returns whether any was made. Days are UTC.
create function queue.ensure_partitions(day date) returns boolean language plpgsql as $$
declare
    parent text;
    child text;
    made boolean := false;
begin
    foreach parent in array array['finished', 'attempts'] loop
        child := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
        if to_regclass('queue.' || child) is null then
            execute format(
                'create table queue.%I partition of queue.%I for values from (%L) to (%L)',
                child, parent, day::timestamp at time zone 'utc', (day + 1)::timestamp at time zone 'utc');
            made := true;
        end if;
    end loop;
    return made;
end $$;

select queue.ensure_partitions((clock_timestamp() at time zone 'utc')::date + n) from generate_series(0, 2) as n;

create table queue.workers (
    worker_id uuid primary key,
    host text not null,
    pid integer not null,
    build text not null,
    queues jsonb not null,
    kinds text[] not null,
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    stopping boolean not null default false
);
