-- Sweeps: many parameter sets of one back-test, ranked. A walk-forward is a sweep repeated on
-- stretches of sessions, whose choice is then tested on the sessions that follow.
create table sweeps (
    sweep_id uuid primary key,
    user_id uuid not null references users on delete cascade,
    strategy_id uuid references strategies on delete set null,
    kind text not null check (kind in ('sweep', 'walk_forward')),
    -- The job that brings the parts together; it waits for theirs.
    job_id uuid not null,
    status text not null default 'QUEUED' check (status in ('QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED')),
    -- The request in the contract's shape.
    request jsonb not null,
    -- What combinations are decoded from: the body, and the stored strategy as it was.
    base jsonb not null,
    -- [{name, values}], both ascending. A combination's number counts with the last axis fastest.
    axes jsonb not null,
    rank_by text not null,
    universe text[] not null,
    start_date date not null,
    end_date date not null,
    initial_cash numeric(20, 2) not null,
    combinations integer not null check (combinations > 0),
    -- Combinations that make no sense, such as a fast mean that is not faster.
    skipped integer not null check (skipped between 0 and combinations),
    -- Combinations to be tried, all parts together, and how many are.
    total integer not null check (total > 0),
    done integer not null default 0 check (done between 0 and total),
    data_version text not null,
    summary jsonb,
    provenance jsonb,
    error_code text,
    error_message text,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    check ((finished_at is not null) = (status in ('DONE', 'FAILED', 'CANCELLED')))
);
create index sweeps_owner on sweeps (user_id, kind, created_at desc, sweep_id desc);

-- One row a job: a range of combinations of a sweep, or a window of a walk-forward.
create table sweep_parts (
    sweep_id uuid not null references sweeps on delete cascade,
    part integer not null,
    job_id uuid not null,
    first_cell integer not null,
    cells integer not null check (cells > 0),
    done_at timestamptz,
    primary key (sweep_id, part)
);

-- Engine figures, kept to the last bit: ranks must not depend on rounding.
create table sweep_results (
    sweep_id uuid not null references sweeps on delete cascade,
    cell integer not null,
    parameters jsonb not null,
    total_return double precision not null,
    sharpe double precision,
    max_drawdown double precision not null,
    calmar double precision,
    trades integer not null,
    winning integer not null,
    open_at_end boolean not null,
    -- What is ranked by, higher is better; null when undefined.
    score double precision,
    -- From 1; null until the sweep is done.
    rank integer,
    primary key (sweep_id, cell)
);
create index sweep_results_rank on sweep_results (sweep_id, rank) where rank is not null;

create table walk_forward_windows (
    sweep_id uuid not null references sweeps on delete cascade,
    part integer not null,
    train_start date not null,
    train_end date not null,
    test_start date not null,
    test_end date not null,
    -- What was chosen on the training part; null when no combination had a defined figure.
    cell integer,
    parameters jsonb,
    in_sample jsonb,
    out_of_sample jsonb,
    primary key (sweep_id, part),
    check (train_start <= train_end and train_end < test_start and test_start <= test_end)
);

create table walk_forward_equity (
    sweep_id uuid not null references sweeps on delete cascade,
    session_date date not null,
    part integer not null,
    -- Equity over the cash that the part began with.
    growth double precision not null,
    -- The parts compounded; null until the walk-forward is done.
    equity double precision,
    primary key (sweep_id, session_date)
);
