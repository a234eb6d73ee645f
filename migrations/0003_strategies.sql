-- Trading strategies, owned by a user. Deleting keeps the row and its history.
create table strategies (
    strategy_id uuid primary key,
    user_id uuid not null references users on delete cascade,
    name text not null check (name <> ''),
    type text not null,
    description text,
    status text not null default 'draft'
        check (status in ('draft', 'backtesting', 'backtested', 'paper', 'live', 'paused', 'stopped')),
    mode text check (mode in ('paper', 'live')),
    is_active boolean not null default false,
    assets text[] not null default '{}',
    parameters jsonb,
    config jsonb not null default '{}',
    template_id text not null default 'custom',
    performance_summary jsonb,
    last_backtest_id uuid,
    version integer not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    deleted_at timestamptz
);
create index strategies_owner on strategies (user_id, created_at desc, strategy_id) where deleted_at is null;
