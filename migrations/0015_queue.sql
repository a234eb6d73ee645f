-- One table at a time: making or dropping a day locks its whole table, and whoever locks both tables in
-- one transaction can deadlock with a reader of both. Those that do both stay for older workers.
create function queue.ensure_partition(parent text, day date) returns boolean language plpgsql as $$
declare
    child text := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
    key text := case parent when 'finished' then 'finished_at' else 'ended_at' end;
    first timestamptz := day::timestamp at time zone 'utc';
    past timestamptz := (day + 1)::timestamp at time zone 'utc';
begin
    if to_regclass('queue.' || child) is not null then
        return false;
    end if;
    execute format('create table queue.%I (like queue.%I including defaults including constraints)',
                   child, parent);
    execute format('with moved as (delete from queue.%I where %I >= %L and %I < %L returning *)
                    insert into queue.%I select * from moved',
                   parent || '_default', key, first, key, past, child);
    execute format('alter table queue.%I attach partition queue.%I for values from (%L) to (%L)',
                   parent, child, first, past);
    return true;
end $$;

create or replace function queue.ensure_partitions(day date) returns boolean language plpgsql as $$
declare
    finished boolean := queue.ensure_partition('finished', day);
begin
    return queue.ensure_partition('attempts', day) or finished;
end $$;

-- Drops the daily partitions of `parent` older than `before`; returns how many. Days are UTC.
create function queue.drop_partitions(parent text, before date) returns integer language plpgsql as $$
declare
    child text;
    dropped integer := 0;
begin
    for child in
        select c.relname
          from pg_inherits i
          join pg_class c on c.oid = i.inhrelid
         where i.inhparent = to_regclass('queue.' || quote_ident(parent))
           and c.relname ~ '_[0-9]{8}$'
           and to_date(right(c.relname, 8), 'YYYYMMDD') < before
    loop
        execute format('drop table queue.%I', child);
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;
