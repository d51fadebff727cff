//! The life of a named object: every state keeps the invariants, and every broken rule is noticed.
#![expect(clippy::print_stdout, reason = "the number of states is part of the result")]

use shmobj_models::lifecycle::{
    D1, D2, DataKind, Fault, L1, L2, L3, L4, L5, Lifecycle, RESTART_NO_DATA, TWO_HOLDERS,
};
use shmobj_models::{explore, find_path, shortest_path};
use stateright::Checker;

/// Visits every state; all invariants hold, and what must be possible is.
fn assert_correct(data: DataKind) {
    let checker = explore(Lifecycle { data, fault: None });
    println!("{data:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// Looks for a way to break `property`, and returns it in words.
fn assert_breaks(fault: Fault, data: DataKind, property: &'static str) -> Vec<String> {
    let model = Lifecycle { data, fault: Some(fault) };
    let path = find_path(&model, property);
    let path = path.unwrap_or_else(|| panic!("{fault:?} with {data:?} is harmless to {property:?}"));
    let story = model.tell(path);
    println!("{fault:?}, {data:?}: breaks {property:?} in {} actions", story.len());
    story
}

/// Visits every state of the model with a broken rule; these invariants hold nevertheless.
fn assert_keeps(fault: Fault, data: DataKind, properties: &[&'static str]) {
    let checker = explore(Lifecycle { data, fault: Some(fault) });
    println!("{fault:?}, {data:?}: {} states", checker.unique_state_count());
    for property in properties {
        checker.assert_no_discovery(property);
    }
}

#[test]
fn an_object_that_is_all_in_its_entry_keeps_every_invariant() {
    assert_correct(DataKind::Entry);
}

#[test]
fn an_object_with_data_in_a_memfd_keeps_every_invariant() {
    assert_correct(DataKind::Memfd);
}

#[test]
fn an_object_with_a_data_file_keeps_every_invariant() {
    assert_correct(DataKind::File);
}

#[test]
fn a_close_that_upgrades_its_own_lock_destroys_what_a_forked_child_holds() {
    let story = assert_breaks(Fault::UpgradeOwnLock, DataKind::Memfd, L2);
    assert!(story.iter().any(|line| line.contains("forks")), "{story:#?}");
}

#[test]
fn an_opener_that_ignores_the_link_count_holds_a_destroyed_object() {
    assert_breaks(Fault::NoLinkCountCheck, DataKind::Entry, L2);
    assert_breaks(Fault::NoLinkCountCheck, DataKind::Memfd, L2);
}

/// A data file is unlinked before its entry, so an opener who finds it has found a linked entry.
#[test]
fn with_a_data_file_the_link_count_says_nothing_that_the_file_does_not() {
    assert_keeps(Fault::NoLinkCountCheck, DataKind::File, &[L1, L2, L3, L4, L5, D1, D2]);
}

#[test]
fn a_probe_that_unlinks_without_the_exclusive_lock_destroys_live_objects() {
    assert_breaks(Fault::BlindUnlink, DataKind::Memfd, L1);
    assert_breaks(Fault::BlindUnlink, DataKind::Memfd, L2);
    assert_breaks(Fault::BlindUnlink, DataKind::Memfd, L3);
}

#[test]
fn a_destroyer_that_unlinks_by_name_only_hits_the_successor_of_its_object() {
    assert_breaks(Fault::UnlinkByNameOnly, DataKind::Entry, L1);
    assert_breaks(Fault::UnlinkByNameOnly, DataKind::Entry, L2);
}

#[test]
fn a_crash_leaves_a_data_file_that_was_linked_before_its_entry() {
    assert_breaks(Fault::DataFirst, DataKind::File, D1);
}

#[test]
fn a_crash_leaves_a_data_file_that_was_to_be_unlinked_after_its_entry() {
    assert_breaks(Fault::EntryFirstUnlink, DataKind::File, D1);
}

#[test]
fn an_opener_that_takes_missing_data_for_death_destroys_live_objects() {
    for data in [DataKind::Memfd, DataKind::File] {
        assert_breaks(Fault::ScanDecides, data, L1);
        assert_breaks(Fault::ScanDecides, data, L2);
    }
}

/// The name stays usable and live objects stay safe. But memory is left behind although nobody died.
#[test]
fn an_observer_that_takes_the_exclusive_lock_and_lets_go_leaves_dead_objects_behind() {
    assert_breaks(Fault::ObserverPeeks, DataKind::Memfd, L5);
    assert_breaks(Fault::ObserverPeeks, DataKind::File, L5);
    assert_keeps(Fault::ObserverPeeks, DataKind::Entry, &[L1, L2, L3, L4, D1, D2]);
}

#[test]
fn an_opener_that_fails_without_a_probe_leaves_dead_objects_behind() {
    assert_breaks(Fault::FailWithoutProbe, DataKind::Memfd, L5);
    assert_breaks(Fault::FailWithoutProbe, DataKind::File, L5);
}

#[test]
fn an_opener_that_ignores_missing_data_gets_half_an_object() {
    assert_breaks(Fault::MissingDataIgnored, DataKind::Memfd, D2);
    assert_breaks(Fault::MissingDataIgnored, DataKind::File, D2);
}

#[test]
fn an_opener_that_trusts_a_hint_gets_the_data_of_another_object() {
    assert_breaks(Fault::HintTrusted, DataKind::Memfd, D2);
}

#[test]
fn a_dead_object_that_its_finder_spares_blocks_the_name() {
    assert_breaks(Fault::DeadIsLeft, DataKind::Memfd, L4);
}

#[test]
fn a_child_forked_in_the_middle_of_an_operation_blocks_the_name_after_a_crash() {
    assert_breaks(Fault::ForkMidway, DataKind::Memfd, L4);
    assert_breaks(Fault::ForkMidway, DataKind::File, L4);
}

#[test]
fn the_shortest_path_is_the_shortest() {
    let model = Lifecycle { data: DataKind::File, fault: None };
    let actions = |property| shortest_path(&model, property).map(|path| path.into_actions().len());
    // One creates: begin, open, make, link, link the data. The other gets there by: begin, open, EX, SH,
    // fstat, data. Without the data there is nothing to find after the other's fstat.
    assert_eq!(actions(TWO_HOLDERS), Some(11));
    assert_eq!(actions(RESTART_NO_DATA), Some(9));
}
