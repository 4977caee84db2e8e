//! Faults of our own making. Each breaks one step of somebody, and a checker must find it: a checker that finds nothing
//! proves nothing.

macro_rules! plants {
    ($($(#[$doc:meta])* $name:ident => $checker:literal;)*) => {
        /// One broken step.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Plant { $($(#[$doc])* $name,)* }

        impl Plant {
            /// Every one, and the checker that it must trip.
            pub const ALL: &[(Self, &str)] = &[$((Self::$name, $checker)),*];
        }
    };
}

plants! {
    /// Recovery does nothing.
    RecoveryLooksAway => "no_host_is_left_on_what_nobody_confirmed";
    /// Who arms a release forgets that the last way back was not proven.
    UnprovenForgotten => "no_host_is_left_on_what_nobody_confirmed";
    /// A slot is believed whose checksum does not fit.
    TornSlotBelieved => "stale_orders_are_never_followed";
    /// A slot is overwritten before the other one is durable.
    BothSlotsUnflushed => "a_record_is_always_whole_on_the_disk";
    /// The fuse waits instead of going back.
    FuseWaits => "a_fuse_that_lives_goes_back_in_time";
    /// The proof believes the exit status of whatever told the server.
    ExitCodeBelieved => "released_means_proven";
    /// A confirmation is taken when it is too late, and while the host goes back.
    ConfirmedLate => "released_means_proven";
    /// A host says that it confirmed what it did not.
    ConfirmedBySaying => "the_journal_tells_what_happened";
    /// Files are exchanged without looking what stands there.
    ForeignOverwritten => "nobody_elses_change_is_lost";
    /// What somebody changed meanwhile is thrown away by a revert.
    ForeignThrownAway => "nobody_elses_change_is_lost";
    /// Files are exchanged before the way back is on the disk.
    SwitchedBeforeArmed => "every_effect_was_written_down_before";
    /// Orders are sent before they are in the journal.
    SentBeforeAppended => "every_effect_was_written_down_before";
    /// The fuse does not care for the guard.
    FuseTakesNoGuard => "one_actor_at_a_time";
    /// A freeze stops a rollback.
    RollbackFrozen => "a_rollback_is_never_refused_by_a_freeze";
    /// A controller does not hear of a freeze.
    FreezeUnheard => "nothing_goes_forward_while_frozen";
    /// A host follows orders that are older than what it has accepted.
    StaleFollowed => "stale_orders_are_never_followed";
    /// A controller that starts again does not read the last event.
    LastEventForgotten => "the_journal_replays_to_the_same_state";
    /// The policy confirms what was not watched to the end.
    BakeCutShort => "a_policy_confirms_only_what_it_watched";
    /// A host never says that it went back.
    RevertUntold => "every_release_ends";
}
