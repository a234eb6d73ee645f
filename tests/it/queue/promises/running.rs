//! What the queue promises of jobs and of those who run them.

/// In the form of [`super::PROMISES`].
pub(super) const ROWS: &str = "
# the promise
the README states it word for word
    the_readme_states_the_promise_word_for_word
the README's own column beside other queues is true
    what_the_readme_says_of_capstan_beside_others_has_tests
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
    every_end_of_a_job_names_the_state_before_it
    the_queue_does_what_its_model_does

# claim, lease, fence
priority, then run_at, then id
    jobs_start_by_priority_then_by_time_then_by_id
    jobs_start_by_priority_then_by_age
a claim counts the attempt, and gives lease, token and worker
    a_claim_counts_the_attempt_and_leases_it_to_its_worker
a claim skips what is locked
    a_claim_passes_over_rows_that_another_transaction_holds
a claim takes no more than asked for
    no_more_than_the_free_slots_is_claimed_of_work_that_takes_its_time
a partial index serves exactly the claim
    a_claim_reads_its_index_however_long_the_backlog_is
    the_index_of_the_claim_is_in_claim_order_and_partial
progress, complete, fail, snooze, steps and log carry the fence
    no_outcome_of_a_stale_attempt_is_written
heartbeats carry the fence
    a_stale_attempt_does_not_renew_the_lease_of_another
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
it runs again within fifteen seconds, by the defaults
    the_defaults_bring_a_lost_job_back_within_fifteen_seconds_and_the_second_time_within_seventeen
    lost_jobs_come_back_spread_over_two_seconds_and_the_second_time_over_four
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
    the_rows_of_a_handler_and_its_completion_commit_together

# outcomes of a handler
Ok is recorded with its output
    a_success_is_recorded_with_its_output
Retryable is due at now and its backoff, as persisted
    a_retry_is_due_by_its_backoff_and_begins_no_sooner
Retryable waits out an exponential backoff with full jitter and a cap
    a_failure_waits_out_its_backoff_and_every_attempt_is_kept
    the_ceiling_doubles_up_to_the_cap
    delays_spread_over_the_whole_range
Fatal discards
    a_fatal_failure_discards_the_job_at_once
Snooze spends no failure
    a_snooze_spends_no_failure
    a_snoozed_job_is_due_when_it_said_and_begins_no_sooner
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
    a_bulk_insert_is_one_transaction_even_without_one_of_the_caller
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
    a_unique_key_is_held_in_every_unfinished_state
    a_key_held_while_waiting_is_free_once_the_job_runs
strict FIFO for each key
    jobs_of_a_fifo_key_run_one_at_a_time_in_order
    concurrent_enqueues_of_a_key_keep_one_order
    keys_do_not_wait_for_each_other
a failure blocks its key
    a_failing_head_holds_up_its_key_until_it_is_through
    a_quarantined_head_holds_up_its_key_until_it_is_discarded
    the_later_job_of_a_fifo_key_waits_for_the_end_of_the_doubt
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
    slots_set_through_the_api_reach_running_workers
    limits_are_set_read_and_removed
    a_limit_set_through_the_api_reaches_running_workers

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
a connection of its own
    each_role_is_held_on_a_connection_of_its_own
the server ends the connection of a silent leader
    the_server_is_told_to_end_the_connection_of_a_leader_that_falls_silent
a term for each take-over
    another_takes_over_in_a_new_term_when_the_leaders_connection_dies
every write begins by asserting the term
    a_leader_whose_term_was_raised_stands_down_and_ticks_no_more_under_it
    every_transaction_of_a_leader_begins_by_asserting_its_term
graceful take-over at once
    a_stopping_leader_hands_over_at_once
    a_leader_that_drains_hands_over_before_its_last_job_is_done
killed, cut off or frozen: never long without a leader, never two in a term
    one_holder_a_term_and_never_long_without_a_leader
    a_leader_that_is_cut_off_stands_down_and_another_leads
";
