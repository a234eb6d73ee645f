-- What looks at doubtful jobs, forks and repetitions have to remember.

-- How often the kind has looked whether an indeterminate job's effect happened, null before the
-- first look: together with `attempt` it is the fence of a look. The next look is due at `run_at`.
alter table queue.jobs add column probes integer;
-- Few rows at any time.
create index jobs_doubtful on queue.jobs (run_at) where state = 'indeterminate';

-- A repetition has the same limit of failures as the job that it repeats.
alter table queue.finished add column max_failures integer;

-- A job made from another one, with the results of its steps before `from_step`.
create table queue.forks (
    fork_id uuid primary key,
    job_id uuid not null,
    from_step text,
    created_at timestamptz not null default clock_timestamp()
);
create index forks_of on queue.forks (job_id, fork_id);
