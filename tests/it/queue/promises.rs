//! Every promise of the queue with the tests that hold it to it.
//!
//! A promise without a test is not one: whoever adds a promise adds a row here, and a row whose
//! test is gone or renamed fails [`every_promise_names_tests_that_exist`].

use std::collections::BTreeSet;

use super::tables::sources;

/// `#` begins a part of the queue; below a promise, indented, are the tests that judge it.
const PROMISES: &str = "
# the promise
a committed job is never lost and runs at least once
    the_queue_does_what_its_model_does
    what_was_promised_survives_a_full_disk_and_the_rest_is_refused
    every_entry_is_made_once_wherever_the_process_crashes
no write of a stale attempt succeeds
    no_outcome_of_a_stale_attempt_is_written
    what_a_frozen_worker_writes_late_is_refused
    without_the_fence_a_late_write_would_finish_anothers_attempt
a job is finished at most once
    many_jobs_over_several_workers_finish_once_each
an effect outside happens once where the other side honours the idempotency key
    every_entry_is_made_once_though_everything_fails
    an_id_of_its_own_for_every_attempt_would_enter_twice

# states
scheduled, available, running, completed
    a_scheduled_job_runs_when_due_and_not_before
cancelled, waiting or running
    a_waiting_job_ends_at_once
    a_running_job_is_asked_to_stop_and_does
discarded
    a_fatal_failure_discards_the_job_at_once
    a_job_is_discarded_after_its_last_failure
retryable
    a_failure_waits_out_its_backoff_and_every_attempt_is_kept
indeterminate waits for a decision
    an_unsure_effect_waits_for_a_decision_and_is_not_retried
    a_job_in_doubt_is_resolved_three_ways_and_no_other_job_is
a probe or an operator decides, and the first of them counts
    a_look_that_finds_the_effect_completes_the_job
    a_look_that_finds_no_effect_has_the_job_tried_again
    an_operator_who_decides_during_a_look_is_not_overruled
    the_answer_of_a_look_at_an_earlier_attempt_is_dropped
quarantined after too many crashes
    a_job_that_lost_its_process_too_often_is_quarantined
    a_job_that_kills_its_process_is_quarantined_and_another_queue_goes_on
finished_at is set iff the state is terminal
    what_has_ended_is_cold_and_has_its_time_and_what_has_not_is_hot
every change names the state before it
    every_change_of_state_names_the_state_before_it
    the_queue_does_what_its_model_does

# claim, lease, fence
priority, then run_at, then id
    jobs_start_by_priority_then_by_time_then_by_id
    jobs_start_by_priority_then_by_age
a claim takes no more than asked for
    no_more_than_the_free_slots_is_claimed_of_work_that_takes_its_time
a partial index serves exactly the claim
    a_claim_reads_its_index_however_long_the_backlog_is
    the_index_of_the_claim_is_in_claim_order_and_partial
heartbeat, progress, complete, fail, snooze carry the fence
    no_outcome_of_a_stale_attempt_is_written
a stale attempt is told, dropped and counted
    an_attempt_that_lost_its_lease_is_told_to_stop
time is the database's
    the_queue_asks_no_clock_of_its_own_node_for_the_time
    leases_hold_and_expire_though_the_workers_clocks_are_ten_minutes_off
a worker's id is random for each start
    every_start_of_a_worker_has_an_id_of_its_own
a lost lease is rescued soon
    a_job_whose_worker_vanished_is_taken_over
    a_run_whose_worker_is_killed_is_finished_once_by_another
    the_jobs_of_workers_that_are_cut_off_are_done_once_by_another
the deadline is a knob of its own
    an_attempt_past_its_deadline_fails_and_is_tried_again
the lease is a knob of its own
    a_healthy_attempt_keeps_its_job_for_longer_than_a_lease
the crash budget is a knob of its own
    a_job_that_lost_its_process_too_often_is_quarantined
heartbeats go on while draining
    leases_are_renewed_while_a_worker_drains
rescue is a compare-and-set on the expired lease
    a_live_lease_is_left_alone
    even_a_job_whose_row_the_cut_off_worker_has_locked_is_taken_over
rescue goes on past a full page
    more_lost_jobs_than_a_page_are_all_taken_back
unknown kinds stay available and visible
    a_kind_that_no_worker_knows_stays_available
    a_job_waits_for_its_time_for_a_worker_or_for_its_queue
the idempotency key is stable over attempts
    an_id_of_its_own_for_every_attempt_would_enter_twice
a handler can finish inside its own transaction
    a_handler_can_finish_inside_its_own_transaction

# outcomes of a handler
Ok is recorded with its output
    a_success_is_recorded_with_its_output
Retryable waits out an exponential backoff with full jitter and a cap
    a_failure_waits_out_its_backoff_and_every_attempt_is_kept
    the_ceiling_doubles_up_to_the_cap
    delays_spread_over_the_whole_range
Fatal discards
    a_fatal_failure_discards_the_job_at_once
Snooze spends no failure
    a_snooze_spends_no_failure
Indeterminate is not retried
    an_unsure_effect_waits_for_a_decision_and_is_not_retried
a panic is retryable
    a_panic_is_a_failure_like_any_other
a stop of the process gives the attempt back and is no error
    a_hard_stop_gives_the_attempt_back_without_a_failure
    a_stop_among_a_hundred_jobs_fails_none_and_loses_none
every attempt is kept: worker, times, class, message, fingerprint, trace
    every_attempt_says_who_when_and_why

# enqueue
in the caller's transaction
    a_job_appears_when_its_transaction_commits_and_not_when_it_rolls_back
in bulk
    a_bulk_insert_keeps_all_but_the_jobs_whose_key_is_taken
in bulk with FIFO keys
    a_bulk_insert_keeps_the_order_under_each_fifo_key
    of_a_bulk_insert_only_the_head_of_a_free_fifo_key_is_available
single enqueues coalesced, where the caller has no transaction
    concurrent_enqueues_share_statements_and_each_has_its_own_result
    one_refused_job_does_not_take_the_others_with_it
    what_was_handed_in_is_committed_when_the_last_handle_goes
scheduled
    a_scheduled_job_runs_when_due_and_not_before
priority
    jobs_start_by_priority_then_by_age
not_after
    a_job_past_its_time_expires_instead_of_running_late
unique: return_existing
    a_unique_key_is_held_by_one_unfinished_job_and_free_again_afterwards
unique: replace
    replace_gives_the_waiting_job_the_new_payload
    replace_leaves_a_running_job_alone
unique: reject
    reject_names_the_holder
unique while in given states
    a_key_held_while_waiting_is_free_once_the_job_runs
strict FIFO for each key
    jobs_of_a_fifo_key_run_one_at_a_time_in_order
    concurrent_enqueues_of_a_key_keep_one_order
    keys_do_not_wait_for_each_other
a failure blocks its key
    a_failing_head_holds_up_its_key_until_it_is_through
after predecessors
    a_job_runs_after_all_its_predecessors_however_they_end
    a_thousand_predecessors_fan_in_to_one_job
    a_job_whose_predecessors_are_gone_already_does_not_wait
NOTIFY only after commit
    an_enqueue_itself_notifies_nobody
hints are coalesced
    hints_of_a_burst_become_one
hints are only hints: polling suffices
    polling_suffices_when_no_hint_arrives
    a_hint_wakes_a_worker_long_before_its_poll
a worker whose listener is dead polls
    a_worker_whose_listener_dies_goes_on_by_polling

# limits
slots of a queue in a process
    slots_change_at_run_time
fleet-wide concurrency by key
    a_limit_holds_over_the_whole_fleet
    without_a_limit_more_run_at_once
fleet-wide rate by key
    a_rate_spreads_jobs_out
no counter that drifts
    a_limit_has_room_again_when_its_holder_has_vanished
pause, resume and resize at run time, from the API
    a_paused_queue_starts_nothing_until_it_is_resumed
    a_paused_queue_rests_until_it_is_resumed
    a_queue_is_resized_within_bounds
    limits_are_set_read_and_removed

# periodic
cron line and time zone
    ticks_follow_the_zone_and_its_changes_of_clock
    a_time_that_the_zone_skips_ticks_right_after_the_gap_and_one_that_repeats_ticks_once
misfire: skip, latest
    missed_ticks_are_made_up_for_as_the_policy_says
    the_misfire_policy_says_what_is_made_up_for
misfire: all
    all_missed_ticks_are_made_up_for_where_the_policy_says_so
    a_long_outage_is_made_up_for_within_bounds
overlap: skip, allow
    a_tick_is_left_out_while_the_earlier_one_still_runs
    ticks_overlap_where_the_schedule_allows_it
paused
    a_paused_schedule_makes_nothing
a tick is enqueued once, whoever leads
    a_schedule_ticks_every_second_once_with_three_candidates
    a_tick_that_another_leader_has_enqueued_already_is_not_enqueued_again
editable at run time
    a_schedule_is_made_changed_paused_and_resumed

# leadership
a connection of its own, a term for each take-over
    another_takes_over_in_a_new_term_when_the_leaders_connection_dies
every write begins by asserting the term
    a_leader_whose_term_was_raised_stands_down_and_ticks_no_more_under_it
graceful take-over at once
    a_stopping_leader_hands_over_at_once
killed, cut off or frozen: never long without a leader, never two in a term
    one_holder_a_term_and_never_long_without_a_leader

# hot and cold
the hot table holds unfinished jobs only
    what_has_ended_is_cold_and_has_its_time_and_what_has_not_is_hot
finished jobs by day, retention drops a partition
    a_day_whose_rows_came_before_its_partition_gets_one_with_them
counts are exact below a cap and marked above it
    above_the_cap_the_depth_is_an_estimate_and_says_so

# speed
never more in hand than slots and a small margin
    the_margin_follows_the_handlers
    one_slow_handler_ends_the_hoarding
    no_more_than_the_free_slots_is_claimed_of_work_that_takes_its_time
batched acknowledgements, no transaction of its own for a job
    outcomes_of_many_jobs_are_committed_together
no wait for company when idle
    an_idle_worker_commits_an_outcome_without_waiting_for_company
one listener a process
    a_worker_process_listens_on_one_connection
durable as configured
    nothing_of_the_product_relaxes_durability
no NOTIFY in the caller's transaction
    an_enqueue_itself_notifies_nobody
the claim index in claim order, its predicate spelled with literals
    the_index_of_the_claim_is_in_claim_order_and_partial
no row triggers
    no_table_of_the_queue_has_a_trigger

# admin API
session and capability, or a key with a scope
    nobody_comes_in_without_a_session_and_no_user_without_a_capability
    a_key_may_do_what_its_scopes_say_and_leaves_its_name
    a_key_that_is_unknown_expired_or_revoked_opens_nothing
queues
    a_queue_shows_what_waits_what_is_done_and_who_works
pause, resume, drain
    a_paused_queue_rests_until_it_is_resumed
settings of a queue
    a_queue_is_resized_within_bounds
    an_unknown_queue_is_not_made_by_asking_for_it
jobs by keyset and filter
    pages_walk_over_waiting_and_finished_jobs_and_meet_each_once
    each_filter_finds_its_jobs
    no_filter_breaks_out_of_its_place
    what_is_no_filter_is_refused
one job
    a_job_is_shown_with_its_attempts_and_its_end
    a_jobs_log_is_kept_and_capped
why it does not run
    a_job_waits_for_its_time_for_a_worker_or_for_its_queue
    a_job_waits_for_others
    a_job_waits_for_room_under_its_limit
    a_job_without_a_living_worker_or_in_doubt_says_so
retry, cancel, discard, resolve
    a_retry_lets_a_waiting_job_run_now_under_its_own_id
    a_finished_job_is_repeated_once_as_a_new_job
    a_running_job_is_cancelled_not_discarded
    a_discarded_job_tells_its_kind
    a_job_in_doubt_is_resolved_three_ways_and_no_other_job_is
fork from a step
    a_fork_of_a_finished_job_reads_the_steps_before_and_does_the_others_itself
    a_fork_that_can_not_be_is_refused_and_leaves_nothing
reasons and an audit trail
    each_change_leaves_who_why_before_and_after
    a_change_without_a_good_reason_does_not_happen
    a_change_that_can_not_be_recorded_does_not_happen
bulk: preview, confirm, watch, stop
    a_previewed_retry_repeats_each_job_once_and_no_other
    a_token_counts_once_for_its_person_action_and_filter
    a_stopped_operation_touches_nothing_more
schedules
    a_schedule_is_made_changed_paused_and_resumed
    a_triggered_schedule_enqueues_now_and_once_at_a_time
    a_schedule_that_could_not_run_is_refused_and_leaves_nothing
    a_deleted_schedule_is_gone_and_its_jobs_stay
    a_payload_that_its_kind_could_not_read_is_refused_by_the_path_of_the_field
workers, leader, database
    workers_are_shown_while_they_are_seen
    the_leader_of_a_role_is_shown_with_its_term
    the_database_is_shown_with_its_tables
errors grouped by fingerprint
    a_discarded_job_has_the_fingerprint_that_its_worker_would_give_it
    failures_that_differ_in_numbers_share_a_fingerprint
metrics
    the_api_shows_requests_jobs_and_its_pool_but_nobodys_ids
    a_worker_process_shows_its_own
health
    api_and_workers_survive_a_restart_of_the_database
the older paths
    work_items_are_retried_and_given_up
    jobs_appear_under_five_words

# the backend on apalis
a lost database is waited out, never passed on
    workers_survive_the_loss_of_every_connection
    api_and_workers_survive_a_restart_of_the_database
an undecodable payload ends its job and not the worker
    a_payload_that_does_not_decode_ends_its_job_and_not_the_worker
the outcome is derived from the result; a dropped attempt counts as interrupted
    an_interruption_outranks_what_the_handler_says
    a_handler_that_does_not_listen_is_dropped_after_the_grace
an outcome that is refused holds up nobody
    an_outcome_that_the_database_refuses_for_good_holds_up_nobody_else
    an_output_that_postgres_cannot_store_does_not_hold_up_the_others
claims on demand, no hoarding
    nothing_is_claimed_ahead_until_a_handler_has_been_seen
    two_claims_may_be_under_way_and_a_third_waits_until_it_pays
a timer for the next run_at
    a_due_job_starts_without_a_hint_and_long_before_the_next_poll
unfinished attempts are given back at the end of the grace
    a_hard_stop_gives_the_attempt_back_without_a_failure
    a_run_longer_than_the_grace_is_given_back_and_finished_by_another
times carry microseconds; ids are UUIDs of version 7, known before the insert
    times_carry_microseconds_and_ids_are_of_version_7
    the_id_is_the_callers_when_given
only the queue names apalis
    only_the_queue_names_apalis

# through PgBouncer in transaction mode
jobs run, unique keys hold, cancellations arrive
    jobs_run_are_unique_and_are_cancelled_through_a_pooler
listening and leadership go past it
    hints_and_leadership_go_past_the_pooler
a pooler that would mix up sessions is refused
    a_pooler_that_was_not_told_of_or_forgets_statements_is_refused
";

/// Returns the names of all test functions of the workspace.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["tests/it", "tests/chaos", "jobs/src", "api/src", "worker/src"] {
        for (_, text) in sources(folder) {
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    marked = true;
                } else if let Some((_, rest)) = line.split_once("fn ")
                    && let Some((name, _)) = rest.split_once('(')
                {
                    if marked {
                        names.insert(name.to_owned());
                    }
                    marked = false;
                }
            }
        }
    }
    names
}

#[test]
fn every_promise_names_tests_that_exist() {
    let known = tests();
    let mut bare: Option<&str> = None;
    let mut named = 0;
    for line in PROMISES.lines().filter(|line| !line.is_empty()) {
        if let Some(test) = line.strip_prefix("    ") {
            assert!(known.contains(test), "there is no test {test}");
            (bare, named) = (None, named + 1);
        } else {
            assert!(bare.is_none(), "nothing holds the queue to {bare:?}");
            bare = (!line.starts_with('#')).then_some(line);
        }
    }
    assert!(bare.is_none(), "nothing holds the queue to {bare:?}");
    assert!(named > 100, "only {named} tests are named");
}
