//! Handles that one user hands to another: they are good for what they say, for nothing more, and for as long as somebody has them.

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, number, value};
use shmobj_tests::random::unique;
use shmobj_tests::scratch::{Removed, Scratch};
use shmobj_tests::system::{is_root_for, who_has_memory};

use crate::support::{KINDS, User, market, says_what_to_do};

const MEMORY: &str = "memfd:shmobj:";

/// Hands on a handle, and returns how it arrived: its name and its rights.
#[track_caller]
fn hand_on(from: &mut Puppet, handle: &str, to: &mut Puppet, as_handle: &str) -> String {
    let address = format!("shmobj-mail.{:016x}", unique());
    to.does(format!("mailbox {address}"));
    from.does(format!("mail {address} {handle}"));
    to.does(format!("take-mail {as_handle}"))
}

/// None of the descriptors that a process has to these objects can be made to grant more.
#[track_caller]
fn gains_nothing(puppet: &mut Puppet, part: &str, least: u64, what: &str) {
    let found = puppet.does(format!("gains {part}"));
    assert!(number(&found, "seen") >= least, "{what}: {found}");
    assert_eq!((value(&found, "writable"), value(&found, "gained")), ("0", "0"), "{what}: {found}");
}

#[track_caller]
fn is_refused(puppet: &mut Puppet, command: &str) {
    says_what_to_do(puppet, command, ErrorKind::AccessDenied);
}

#[test]
fn memory_that_is_handed_on_for_reading_is_read_and_never_written() {
    if !is_root_for("memory_that_is_handed_on_for_reading_is_read_and_never_written") {
        return;
    }
    for (name, wishes) in [("n", ""), ("n", "beside"), ("-", "")] {
        let what = format!("{name} {wishes}");
        let place = market();
        let mut sender = User::new().at(&place, "the sender");
        let mut receiver = User::new().at(&place, "the receiver");
        sender.does(format!("own h mapping {name} {wishes}"));
        sender.does("put h read-me");
        sender.does("fewer h r READ");
        let arrived = hand_on(&mut sender, "r", &mut receiver, "x");
        assert!(arrived.ends_with("Access(READ)"), "{what}: {arrived}");
        assert_eq!(receiver.does("see x 7"), "read-me", "{what}");
        receiver.does("act x map-copy");
        receiver.does("keep-view x read");
        for command in ["act x map-write", "fewer x y READ+WRITE", "fewer x y ALL"] {
            is_refused(&mut receiver, command);
        }
        gains_nothing(&mut receiver, MEMORY, u64::from(wishes.is_empty()), &what);
        let path = place.path().display().to_string();
        gains_nothing(&mut receiver, &path, u64::from(name == "n"), &what);
        if name == "n" {
            is_refused(&mut receiver, "join y mapping n READ"); // by its name it is as private as before
            is_refused(&mut receiver, "own y mapping n");
        }
        sender.does("put h changed");
        assert_eq!(receiver.does("see x 7"), "changed", "{what}: it is the same memory");
    }
}

#[test]
fn an_object_that_is_handed_on_for_a_look_cannot_be_used() {
    if !is_root_for("an_object_that_is_handed_on_for_a_look_cannot_be_used") {
        return;
    }
    for kind in &KINDS[1..] {
        for name in ["n", "-"] {
            let (place, what) = (market(), format!("{kind} {name}"));
            let mut sender = User::new().at(&place, "the sender");
            let mut receiver = User::new().at(&place, "the receiver");
            sender.does(format!("own h {kind} {name}"));
            sender.does("fewer h q QUERY");
            let arrived = hand_on(&mut sender, "q", &mut receiver, "x");
            assert!(arrived.ends_with("Access(QUERY)"), "{what}: {arrived}");
            assert_eq!(receiver.does("act x look"), sender.does("act h look"), "{what}");
            is_refused(&mut receiver, "act x wait");
            if *kind != "mutex" {
                is_refused(&mut receiver, "act x signal");
            }
            is_refused(&mut receiver, "fewer x y ALL");
            is_refused(&mut receiver, "fewer x y SYNCHRONIZE");
            let part = if name == "n" { place.path().display().to_string() } else { MEMORY.to_owned() };
            gains_nothing(&mut receiver, &part, 1, &what);
        }
    }
}

#[test]
fn every_kind_is_handed_on_with_all_its_rights() {
    if !is_root_for("every_kind_is_handed_on_with_all_its_rights") {
        return;
    }
    for kind in KINDS {
        for name in ["n", "-"] {
            let (place, what) = (market(), format!("{kind} {name}"));
            let mut sender = User::new().at(&place, "the sender");
            let mut receiver = User::new().at(&place, "the receiver");
            sender.does(format!("own h {kind} {name}"));
            hand_on(&mut sender, "h", &mut receiver, "x");
            match kind {
                "mapping" => {
                    receiver.does("put x both-ways");
                    assert_eq!(sender.does("see h 9"), "both-ways", "{what}");
                }
                "mutex" => {
                    assert_eq!(receiver.does("act x wait"), "signaled", "{what}");
                    assert_eq!(sender.does("act h wait"), "timeout", "{what}");
                    receiver.does("act x release");
                    assert_eq!(sender.does("act h wait"), "signaled", "{what}");
                }
                _ => {
                    assert_eq!(sender.does("act h wait"), "timeout", "{what}");
                    receiver.does("act x signal");
                    assert_eq!(sender.does("act h wait"), "signaled", "{what}");
                }
            }
        }
    }
}

#[test]
fn a_mutex_whose_owner_of_another_user_is_killed_is_abandoned() {
    if !is_root_for("a_mutex_whose_owner_of_another_user_is_killed_is_abandoned") {
        return;
    }
    for name in ["n", "-"] {
        let place = market();
        let mut sender = User::new().at(&place, "the sender");
        let mut receiver = User::new().at(&place, "the receiver");
        sender.does(format!("own h mutex {name}"));
        hand_on(&mut sender, "h", &mut receiver, "x");
        receiver.does("act x wait");
        assert_eq!(sender.does("act h wait"), "timeout");
        receiver.kill();
        assert_eq!(sender.does("act h wait"), "abandoned", "{name}");
        sender.does("act h release");
        assert_eq!(sender.does("act h wait"), "signaled", "told once");
    }
}

#[test]
fn an_object_lives_with_the_other_users_handle_and_its_name_is_its_owners_again_afterwards() {
    if !is_root_for("an_object_lives_with_the_other_users_handle_and_its_name_is_its_owners_again_afterwards")
    {
        return;
    }
    for kind in &KINDS[1..] {
        for by_kill in [false, true] {
            let (place, owner) = (market(), User::new());
            let mut sender = owner.at(&place, "the sender");
            let mut receiver = User::new().at(&place, "the receiver");
            sender.does(format!("own h {kind} n"));
            hand_on(&mut sender, "h", &mut receiver, "x");
            if by_kill {
                sender.kill();
            } else {
                sender.does("give-up h");
            }
            assert!(place.file("n").exists(), "{kind}");
            let mut back = owner.at(&place, "the owner again");
            assert_eq!(value(&back.does(format!("own h {kind} n")), "existed"), "true", "{kind}");
            receiver.does("act x look");
            if *kind != "mutex" {
                receiver.does("act x signal");
                assert_eq!(back.does("act h wait"), "signaled", "{kind}: it is the same one");
            }
            back.does("give-up h");
            receiver.does("give-up x");
            // Whoever is last cleans up, and this one may not. So the owner's next create does.
            assert!(place.file("n").exists(), "{kind}");
            assert_eq!(value(&back.does(format!("own h {kind} n")), "existed"), "false", "{kind}");
            back.does("give-up h");
            place.assert_empty(kind);
        }
    }
}

#[test]
fn memory_that_only_another_user_has_is_out_of_its_owners_reach_but_not_of_roots() {
    if !is_root_for("memory_that_only_another_user_has_is_out_of_its_owners_reach_but_not_of_roots") {
        return;
    }
    let (place, owner) = (market(), User::new());
    let name = format!("n{:016x}", unique());
    let mut sender = owner.at(&place, "the sender");
    let mut receiver = User::new().at(&place, "the receiver");
    sender.does(format!("own h mapping {name}"));
    sender.does("put h kept");
    hand_on(&mut sender, "h", &mut receiver, "x");
    sender.kill();
    assert_eq!(receiver.does("see x 4"), "kept");
    // The owner may not look into the other user's process, where the memory is.
    let mut back = owner.at(&place, "the owner again");
    back.tell(format!("own h mapping {name}"));
    let mut root = puppet!("root", &place);
    root.does(format!("join h mapping {name} READ"));
    assert_eq!(root.does("see h 4"), "kept");
    root.does("give-up h");
    let refusal = back.answer().expect_err("nobody of its own has the memory");
    assert_eq!(refusal.kind, "Unreachable", "{}", refusal.text);
    assert!(refusal.text.contains("; "), "no remedy in: {}", refusal.text);
    receiver.does("keep-view x write");
    receiver.does("give-up x");
    assert_eq!(value(&back.does(format!("own h mapping {name}")), "existed"), "false");
    back.does("give-up h");
    place.assert_empty("after the owner");
    receiver.kill();
    assert_eq!(who_has_memory(&name), [0; 0], "the memory goes with its last view");
}

#[test]
fn what_comes_from_a_users_own_directory_works_for_who_cannot_enter_it() {
    if !is_root_for("what_comes_from_a_users_own_directory_works_for_who_cannot_enter_it") {
        return;
    }
    for kind in KINDS {
        let owner = User::new();
        let directory = Removed(format!("/dev/shm/shmobj.{}", owner.id).into());
        let mut sender = owner.puppet("the sender");
        let mut receiver = User::new().puppet("the receiver");
        let mut third = User::new().puppet("the third");
        sender.does(format!("own h {kind} n"));
        hand_on(&mut sender, "h", &mut receiver, "x");
        hand_on(&mut receiver, "x", &mut third, "x");
        sender.does("give-up h");
        receiver.does("give-up x");
        assert!(directory.0.join("n").exists(), "{kind}");
        third.does(if kind == "mapping" { "put x chain" } else { "act x look" });
        third.does("give-up x");
        assert_eq!(value(&sender.does(format!("own h {kind} n")), "existed"), "false", "{kind}");
        sender.does("give-up h");
        assert!(!directory.0.join("n").exists(), "{kind}");
    }
}

#[test]
fn a_chain_of_users_hands_on_no_more_than_the_first_gave() {
    if !is_root_for("a_chain_of_users_hands_on_no_more_than_the_first_gave") {
        return;
    }
    for kind in KINDS {
        for name in ["n", "-"] {
            let (place, what) = (market(), format!("{kind} {name}"));
            let rights = if kind == "mapping" { "READ" } else { "QUERY" };
            let mut first = User::new().at(&place, "the first");
            let mut second = User::new().at(&place, "the second");
            let mut third = User::new().at(&place, "the third");
            first.does(format!("own h {kind} {name}"));
            first.does(format!("fewer h r {rights}"));
            hand_on(&mut first, "r", &mut second, "x");
            let arrived = hand_on(&mut second, "x", &mut third, "y");
            assert!(arrived.ends_with(&format!("Access({rights})")), "{what}: {arrived}");
            let part = if name == "n" { place.path().display().to_string() } else { MEMORY.to_owned() };
            gains_nothing(&mut third, &part, 1, &what);
            first.kill();
            second.kill();
            third.does(if kind == "mapping" { "see y 1" } else { "act y look" });
            is_refused(&mut third, "fewer y z ALL");
        }
    }
}

#[test]
fn who_was_given_all_rights_cannot_narrow_them_and_is_told_so() {
    if !is_root_for("who_was_given_all_rights_cannot_narrow_them_and_is_told_so") {
        return;
    }
    // A narrower descriptor would have to be opened, and only the owner may. Handing on the wide one instead would give too much.
    for kind in KINDS {
        let place = market();
        let rights = if kind == "mapping" { "READ" } else { "QUERY" };
        let mut first = User::new().at(&place, "the first");
        let mut second = User::new().at(&place, "the second");
        let mut third = User::new().at(&place, "the third");
        first.does(format!("own h {kind} n"));
        hand_on(&mut first, "h", &mut second, "x");
        let address = format!("shmobj-mail.{:016x}", unique());
        third.does(format!("mailbox {address}"));
        let narrowed = second.ask(format!("fewer x r {rights}"));
        let refusal = match narrowed {
            Ok(_) => second.ask(format!("mail {address} r")).expect_err("it would give too much"),
            Err(refusal) => refusal,
        };
        assert_eq!(refusal.kind, "AccessDenied", "{kind}: {}", refusal.text);
        assert!(refusal.text.contains("; "), "{kind}: no remedy in: {}", refusal.text);
        hand_on(&mut second, "x", &mut third, "y");
        third.does(if kind == "mapping" { "put y wide" } else { "act y look" });
    }
}

#[test]
fn a_deposit_is_for_its_own_user_whoever_knows_the_token() {
    if !is_root_for("a_deposit_is_for_its_own_user_whoever_knows_the_token") {
        return;
    }
    let (place, owner) = (market(), User::new());
    let mut stranger = User::new().at(&place, "the stranger");
    for (kind, wishes) in [("mapping", ""), ("mapping", "mode=666"), ("event", "mode=666"), ("mutex", "")] {
        let mut maker = owner.at(&place, "the maker");
        maker.does(format!("own h {kind} n {wishes}"));
        let token = maker.does("put-down h");
        is_refused(&mut stranger, &format!("pick-up x {token}"));
        let refusal =
            puppet!("root", &place).ask(format!("pick-up x {token}")).expect_err("root is another user");
        assert!(refusal.text.contains("; "), "{kind}: no remedy in: {}", refusal.text);
        stranger.does("gc");
        owner.at(&place, "another process of the owner").does(format!("pick-up x {token}"));
        let again = owner.at(&place, "a late one").fails(format!("pick-up x {token}"), ErrorKind::NotFound);
        assert!(again.text.contains("; "), "{}", again.text);
        maker.kill(); // the deposit keeps the object
    }
    owner.at(&place, "the owner").does("gc");
    place.assert_empty("after the maker");
}

#[test]
fn another_users_forged_deposit_is_not_claimed() {
    if !is_root_for("another_users_forged_deposit_is_not_claimed") {
        return;
    }
    let (place, owner, forger) = (market(), User::new(), User::new());
    let mut maker = forger.at(&place, "the forger");
    maker.does("own h event n");
    let token = maker.does("put-down h");
    let file = place.files().into_iter().find(|file| file.contains(&token)).expect("the deposit");
    assert_eq!(maker.does(format!("raw chmod {} 666", place.file(&file).display())), "done");
    for mut victim in [owner.at(&place, "the victim"), puppet!("root", &place)] {
        says_what_to_do(&mut victim, &format!("pick-up x {token}"), ErrorKind::Corrupt);
    }
    assert!(place.file(&file).exists());
    forger.at(&place, "the forger again").does(format!("pick-up x {token}"));
}

#[test]
fn another_users_process_cannot_be_looked_into_and_the_error_says_what_would_help() {
    if !is_root_for("another_users_process_cannot_be_looked_into_and_the_error_says_what_would_help") {
        return;
    }
    let (place, owner) = (market(), User::new());
    let mut holder = owner.at(&place, "the holder");
    let mut stranger = User::new().at(&place, "the stranger");
    for kind in KINDS {
        // Also of what everybody may open by its name.
        for (name, wishes) in [("n", ""), ("n", "mode=666"), ("-", "")] {
            holder.does(format!("own h {kind} {name} {wishes}"));
            let number = holder.does("number-of h");
            let fetch = format!("fetch x {kind} {} {number}", holder.pid());
            let text = says_what_to_do(&mut stranger, &fetch, ErrorKind::AccessDenied);
            assert!(text.contains("same user") && text.contains("yama"), "{kind}: {text}");
            let mut own = owner.at(&place, "another process of the owner");
            if own.ask(&fetch).is_ok() {
                own.does(if kind == "mapping" { "act x map-write" } else { "act x look" });
                puppet!("root", &place).does(&fetch);
            }
            drop(own);
            holder.does("give-up h");
        }
    }
}

#[test]
fn a_child_that_becomes_another_user_uses_what_it_inherited_and_no_more() {
    if !is_root_for("a_child_that_becomes_another_user_uses_what_it_inherited_and_no_more") {
        return;
    }
    for kind in KINDS {
        for name in ["n", "-"] {
            // Only root can start another user's process. The object is root's, and private.
            let (place, what) = (market(), format!("{kind} {name}"));
            let heir = User::new();
            let mut parent = puppet!("the parent", &place);
            parent.does(format!("own h {kind} {name}"));
            parent.does(format!("fewer h r {}", if kind == "mapping" { "READ" } else { "QUERY" }));
            let start = |who: &str| format!("heir {who} {} {} all=h some=r", heir.id, heir.group);
            parent.does(start("one"));
            parent.does(start("two"));
            let mut heir_does = |who: &str, command: &str| parent.does(format!("heir-does {who} {command}"));
            for who in ["one", "two"] {
                for command in [
                    "inherit all all".to_owned(),
                    "inherit some some".to_owned(),
                    format!("act all {}", if kind == "mapping" { "map-write" } else { "look" }),
                    format!("act some {}", if kind == "mapping" { "map-read" } else { "look" }),
                ] {
                    let answer = heir_does(who, &command);
                    assert!(answer.starts_with("ok"), "{what}, {who}: {answer}");
                }
                let refused = if kind == "mapping" { "act some map-write" } else { "act some wait" };
                assert!(heir_does(who, refused).starts_with("error AccessDenied"), "{what}, {who}");
                assert!(heir_does(who, "inherit all again").starts_with("error NotFound"), "{what}, {who}");
            }
            if kind == "event" {
                heir_does("one", "act all signal");
                assert_eq!(heir_does("two", "act all wait"), "ok signaled", "{what}");
            }
            assert!(heir_does("one", "give-up all").starts_with("ok"), "{what}");
            assert!(heir_does("two", "act all look").starts_with(if kind == "mapping" {
                "misled"
            } else {
                "ok"
            }));
            if name == "n" {
                parent.does("give-up h");
                parent.does("give-up r");
                let made = parent.ask(format!("own h {kind} n")).expect("root finds what its children have");
                assert_eq!(value(&made, "existed"), "true", "{what}: an heir has it");
            }
        }
    }
}

#[test]
fn an_heir_with_a_narrow_handle_has_no_descriptor_that_grants_more() {
    if !is_root_for("an_heir_with_a_narrow_handle_has_no_descriptor_that_grants_more") {
        return;
    }
    for kind in KINDS {
        let (place, heir): (Scratch, User) = (market(), User::new());
        let mut parent = puppet!("the parent", &place);
        parent.does(format!("own h {kind} n"));
        parent.does(format!("fewer h r {}", if kind == "mapping" { "READ" } else { "QUERY" }));
        parent.does(format!("heir one {} {} some=r", heir.id, heir.group));
        assert!(parent.does("heir-does one inherit some some").starts_with("ok"));
        let found = parent.does(format!("heir-does one gains {}", place.path().display()));
        assert_eq!((value(&found, "writable"), value(&found, "gained")), ("0", "0"), "{kind}: {found}");
        let found = parent.does(format!("heir-does one gains {MEMORY}"));
        assert_eq!((value(&found, "writable"), value(&found, "gained")), ("0", "0"), "{kind}: {found}");
    }
}

#[test]
fn a_handle_that_may_only_look_at_memory_stays_in_its_process() {
    if !is_root_for("a_handle_that_may_only_look_at_memory_stays_in_its_process") {
        return;
    }
    // Whoever has the memory's descriptor can read it, so it cannot be handed on for less.
    for name in ["n", "-"] {
        let place = market();
        let mut sender = User::new().at(&place, "the sender");
        sender.does(format!("own h mapping {name}"));
        sender.does("fewer h q QUERY");
        let address = format!("shmobj-mail.{:016x}", unique());
        let mut receiver = User::new().at(&place, "the receiver");
        receiver.does(format!("mailbox {address}"));
        is_refused(&mut sender, &format!("mail {address} q"));
    }
}
