-- The queue. Unfinished jobs live in queue.jobs (the hot table); finishing one moves its
-- row to queue.finished, partitioned by day, so that retention is `drop table`.
create schema queue;

create type queue.job_state as enum (
    'scheduled', 'blocked', 'available', 'running', 'retryable', 'indeterminate', 'quarantined',
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
    -- Past this the job expires instead of running late.
    not_after timestamptz,
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
    -- The key is free again once the job is claimed, not only once it is finished.
    unique_while_waiting boolean not null default false,
    -- Jobs of one key run one after the other, in the order they were enqueued.
    fifo_key text,
    fifo_seq bigint,
    -- Jobs of one key share the concurrency and rate of its row in queue.limits.
    limit_key text,
    -- It waits for the jobs named in queue.dependencies.
    waits boolean not null default false,
    -- Somebody waits for it: its end is worth a look at who is ready.
    has_dependents boolean not null default false,
    tags text[],
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
create index jobs_fifo on queue.jobs (fifo_key, fifo_seq) where fifo_key is not null;
create index jobs_blocked on queue.jobs (fifo_key, limit_key, job_id) where state = 'blocked';
create index jobs_limit on queue.jobs (limit_key, priority, run_at, job_id) where limit_key is not null;
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
    tags text[],
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
    outcome text not null check (outcome in ('retryable', 'snoozed', 'given_back', 'crashed', 'indeterminate')),
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

-- Makes the daily partitions of `day`; returns whether any was made. Days are UTC. Rows of
-- that day which the default partition took meanwhile move over.
create function queue.ensure_partitions(day date) returns boolean language plpgsql as $$
declare
    parent text;
    child text;
    key text;
    first timestamptz := day::timestamp at time zone 'utc';
    past timestamptz := (day + 1)::timestamp at time zone 'utc';
    made boolean := false;
begin
    foreach parent in array array['finished', 'attempts'] loop
        child := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
        key := case parent when 'finished' then 'finished_at' else 'ended_at' end;
        if to_regclass('queue.' || child) is null then
            execute format('create table queue.%I (like queue.%I including defaults including constraints)',
                           child, parent);
            execute format('with moved as (delete from queue.%I where %I >= %L and %I < %L returning *)
                            insert into queue.%I select * from moved',
                           parent || '_default', key, first, key, past, child);
            execute format('alter table queue.%I attach partition queue.%I for values from (%L) to (%L)',
                           parent, child, first, past);
            made := true;
        end if;
    end loop;
    return made;
end $$;

select queue.ensure_partitions((clock_timestamp() at time zone 'utc')::date + n) from generate_series(0, 2) as n;

-- Drops the daily partitions older than `before`; returns how many. Days are UTC.
create function queue.drop_partitions(before date) returns integer language plpgsql as $$
declare
    child text;
    dropped integer := 0;
begin
    for child in
        select c.relname
          from pg_inherits i
          join pg_class c on c.oid = i.inhrelid
         where i.inhparent in ('queue.finished'::regclass, 'queue.attempts'::regclass)
           and c.relname ~ '_[0-9]{8}$'
           and to_date(right(c.relname, 8), 'YYYYMMDD') < before
    loop
        execute format('drop table queue.%I', child);
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;

-- What operators set for a queue at run time; a queue without a row has the defaults.
create table queue.queues (
    queue text primary key,
    paused boolean not null default false,
    -- Slots of each worker process, instead of the worker's own setting.
    concurrency integer check (concurrency between 1 and 10000),
    reason text,
    updated_at timestamptz not null default clock_timestamp()
);

-- Fleet-wide limits by key. What is in use is counted from the live rows; only the rate has
-- a bucket, refilled by the clock.
create table queue.limits (
    limit_key text primary key,
    max_running integer check (max_running >= 0),
    rate_per_minute integer check (rate_per_minute > 0),
    tokens double precision not null default 0,
    refilled_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp()
);
create sequence queue.fifo_seq;

-- `job_id` waits while `depends_on` is unfinished.
create table queue.dependencies (
    depends_on uuid not null,
    job_id uuid not null,
    primary key (depends_on, job_id)
);
create index dependencies_of on queue.dependencies (job_id);

-- Results of a job's durable steps: a later attempt reads instead of doing again.
create table queue.steps (
    job_id uuid not null,
    name text not null,
    output jsonb not null,
    attempt integer not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (job_id, name)
);

-- What handlers noted for people; capped per job.
create table queue.logs (
    job_id uuid not null,
    seq integer not null,
    attempt integer not null,
    at timestamptz not null default clock_timestamp(),
    level text not null check (level in ('debug', 'info', 'warn', 'error')),
    message text not null,
    primary key (job_id, seq)
);

-- One row a role: who leads, and since which term. Every write of a leader names its term.
create table queue.leadership (
    role text primary key,
    term bigint not null,
    holder uuid not null,
    since timestamptz not null default clock_timestamp()
);

create table queue.schedules (
    schedule_id uuid primary key,
    name text not null unique,
    cron text not null,
    time_zone text not null default 'UTC',
    queue text not null,
    kind text not null,
    payload jsonb not null default '{}',
    -- Ticks missed while nobody led: none, the latest, or all of them.
    misfire text not null default 'latest' check (misfire in ('skip', 'latest', 'all')),
    -- What a tick does while an earlier one's job is unfinished.
    overlap text not null default 'skip' check (overlap in ('skip', 'allow')),
    paused boolean not null default false,
    last_tick timestamptz,
    next_tick timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp()
);

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
