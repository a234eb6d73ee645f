-- Which build each worker ran, kept for as long as its attempts are: an attempt names its worker, so
-- that its build costs nothing per job. gone_at is when the worker was first missed.
create table queue.builds (
    worker_id uuid primary key,
    build text not null,
    host text not null,
    pid integer not null,
    started_at timestamptz not null default clock_timestamp(),
    gone_at timestamptz
);

create or replace view queue.attempt_history as
    select a.job_id, a.attempt, a.worker_id, a.started_at, a.ended_at, a.outcome, a.error_class, a.message,
           a.fingerprint, a.trace_id, b.build
      from queue.attempts a
      left join queue.builds b using (worker_id)
    union all
    select f.job_id, f.attempt, f.worker_id, f.started_at, f.finished_at, f.state::text,
           case when f.state = 'completed' then null else f.state::text end, f.last_error, null, f.trace_id, b.build
      from queue.finished f
      left join queue.builds b using (worker_id)
     where f.worker_id is not null;
