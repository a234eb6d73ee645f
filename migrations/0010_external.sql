-- Services of others: what the whole fleet may ask of them, and how each process finds them.

-- One row a provider. Unlogged: it is written once a call, and a crash may forget it - the
-- provider then says again that it has had enough.
create unlogged table external_limits (
    provider text primary key check (provider <> ''),
    -- When the allowance will be whole again: each permit moves it on by the time one permit takes
    -- to grow back (the generic cell rate algorithm's "theoretical arrival time").
    whole_at timestamptz not null,
    -- The provider said to wait so long.
    blocked_until timestamptz not null default '-infinity',
    -- What the last request for permits was told, so that one statement decides and answers.
    granted boolean not null default true,
    wait_ms bigint not null default 0
) with (fillfactor = 50);

-- How each process finds each provider: written at a change and every few seconds.
create table external_status (
    provider text not null check (provider <> ''),
    process text not null check (process <> ''),
    breaker text not null check (breaker in ('closed', 'open', 'half_open')),
    since timestamptz not null,
    last_error text,
    seen_at timestamptz not null default clock_timestamp(),
    primary key (provider, process)
);
