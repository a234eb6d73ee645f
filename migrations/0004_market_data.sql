-- Daily bars, adjusted for splits and dividends. Every row says whether it is a fact.
create table bars (
    symbol text not null,
    session_date date not null,
    open numeric(18, 6) not null,
    high numeric(18, 6) not null,
    low numeric(18, 6) not null,
    close numeric(18, 6) not null,
    volume bigint not null,
    provenance text not null check (provenance in ('real', 'simulated')),
    primary key (symbol, session_date),
    check (low <= least(open, close) and high >= greatest(open, close) and low > 0)
);

-- One row a symbol: what its bars are made from. `revision` changes when they do.
create table bar_sets (
    symbol text primary key,
    revision text not null,
    source text not null,
    licence text not null,
    first_date date not null,
    last_real_date date not null,
    last_date date not null,
    loaded_at timestamptz not null default clock_timestamp()
);
