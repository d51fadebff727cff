//! Who may do what. The rule stands here once more, from the documentation of `Security`, and is asked for each sort of user, each
//! grant, each kind of object and each operation; beside it stands what the kernel says to somebody who does not use the library.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::is_root_for;

use crate::support::{GlobalName, KINDS, User, data_file, market, nobody};

const READ: u32 = 4;
const READ_WRITE: u32 = 6;

/// What an object's creator wishes. Grants are rights by number of a user or a group.
#[derive(Clone, Debug, Default)]
struct Wish {
    mode: u32,
    users: Vec<(u32, &'static str)>,
    groups: Vec<(u32, &'static str)>,
}

impl Wish {
    fn mode(mode: u32) -> Self {
        Self { mode, ..Self::default() }
    }

    fn user(mut self, user: u32, rights: &'static str) -> Self {
        self.users.push((user, rights));
        self
    }

    fn group(mut self, group: u32, rights: &'static str) -> Self {
        self.groups.push((group, rights));
        self
    }

    fn words(&self) -> String {
        let grants = |what: &str, list: &[(u32, &str)]| -> String {
            list.iter().map(|(who, rights)| format!(" {what}={who}:{rights}")).collect()
        };
        format!("mode={:o}{}{}", self.mode, grants("user", &self.users), grants("group", &self.groups))
    }
}

/// The files that an object consists of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum File {
    Data,
    EntryOfMapping,
    Entry,
}

impl File {
    /// The bits that a grant of rights puts on it.
    fn of_rights(self, rights: &str) -> u32 {
        let has = |names: &[&str]| rights.split('+').any(|right| right == "ALL" || names.contains(&right));
        match self {
            Self::Data if has(&["WRITE"]) => READ_WRITE,
            Self::Data if has(&["READ"]) => READ,
            Self::EntryOfMapping if has(&["READ", "WRITE", "QUERY"]) => READ,
            Self::Entry if has(&["SYNCHRONIZE", "MODIFY"]) => READ_WRITE,
            Self::Entry if has(&["QUERY"]) => READ,
            _ => 0,
        }
    }

    /// Those that one digit of the mode puts on it.
    fn of_digit(self, digit: u32) -> u32 {
        match (self, digit & 6) {
            (_, 0) => 0,
            (Self::EntryOfMapping, _) | (_, 4) => READ,
            _ => READ_WRITE,
        }
    }
}

/// Whether a user may open a file so: the owner always; a user with a grant by that grant; the members of groups by any one of these;
/// everybody else by the mode.
fn may(owner: &User, user: &User, wish: &Wish, file: File, wanted: u32) -> bool {
    let enough = |bits: u32| bits & wanted == wanted;
    if user.id == owner.id || user.id == 0 {
        return true;
    }
    if let Some((_, rights)) = wish.users.iter().find(|(named, _)| *named == user.id) {
        return enough(file.of_rights(rights));
    }
    let is_in = |group: u32| user.group == group || user.others.contains(&group);
    let named = wish.groups.iter().filter(|(group, _)| is_in(*group));
    let mut bits: Vec<u32> = named.map(|(_, rights)| file.of_rights(rights)).collect();
    if is_in(owner.group) {
        bits.push(file.of_digit(wish.mode >> 3));
    }
    if bits.is_empty() { enough(file.of_digit(wish.mode)) } else { bits.into_iter().any(enough) }
}

/// What `what-is-allowed` is to answer.
fn expected(kind: &str, may: impl Fn(File, u32) -> bool) -> String {
    let refused = || "AccessDenied".to_owned();
    let when = |granted: bool, what: &str| if granted { what.to_owned() } else { refused() };
    let opens = if kind == "mapping" {
        let (read, write) = (may(File::Data, READ), may(File::Data, READ_WRITE));
        [
            when(read, "map-read,map-copy"),
            when(write, "map-write"),
            when(write, "map-read,map-write,map-copy"),
            when(write, "map-read,map-write,map-copy"),
            when(read, "-"),
            refused(),
            refused(),
        ]
    } else {
        let (look, use_it) = (may(File::Entry, READ), may(File::Entry, READ_WRITE));
        let (all, modify) = if kind == "mutex" { ("wait,look", "-") } else { ("wait,signal,look", "signal") };
        [
            refused(),
            refused(),
            refused(),
            when(use_it, all),
            when(look, "look"),
            when(use_it, "wait"),
            when(use_it, modify),
        ]
    };
    let asked = ["READ", "WRITE", "READ+WRITE", "ALL", "QUERY", "SYNCHRONIZE", "MODIFY"];
    let mut line: Vec<String> =
        asked.iter().zip(opens).map(|(asked, answer)| format!("{asked}={answer}")).collect();
    let entry = if kind == "mapping" { File::EntryOfMapping } else { File::Entry };
    let looks = when(may(entry, READ), "ok");
    let create = if kind == "mapping" { may(File::Data, READ_WRITE) } else { may(File::Entry, READ_WRITE) };
    line.push(format!("inspect={looks} listed={looks} create={}", when(create, "ok")));
    line.join(" ")
}

/// The kernel's own answer, without the library.
#[track_caller]
fn kernel_says(puppet: &mut Puppet, path: &str, access: &str, granted: bool, what: &str) {
    let answer = puppet.does(format!("raw open {path} {access}"));
    assert_eq!(answer, if granted { "done" } else { "EACCES" }, "{what}: {access} of {path}");
}

/// Has each of these users try everything with an object of each kind that was made so.
fn each_kind_grants(place: &Scratch, owner: &User, wish: &Wish, visitors: &mut [(&str, User, Puppet)]) {
    for kind in KINDS {
        let mut creator = owner.at(place, "the creator");
        creator.does(format!("own h {kind} n {}", wish.words()));
        let is_mapping = kind == "mapping";
        let has_data = is_mapping && place.files().len() > 1;
        let data = has_data.then(|| data_file(place).display().to_string());
        let entry = place.file("n").display().to_string();
        for (who, user, puppet) in &mut *visitors {
            let what = format!("{who}, {kind}, {}", wish.words());
            let may = |file, wanted| may(owner, user, wish, file, wanted);
            assert_eq!(puppet.does(format!("what-is-allowed {kind} n")), expected(kind, may), "{what}");
            let of_entry = if is_mapping { File::EntryOfMapping } else { File::Entry };
            kernel_says(puppet, &entry, "r", may(of_entry, READ), &what);
            kernel_says(puppet, &entry, "rw", may(of_entry, READ_WRITE), &what);
            if let Some(data) = &data {
                kernel_says(puppet, data, "r", may(File::Data, READ), &what);
                kernel_says(puppet, data, "rw", may(File::Data, READ_WRITE), &what);
            } else if is_mapping && user.id != owner.id {
                // The data are in memory of the creator's, and there is no other way to them.
                assert_eq!(puppet.does(format!("raw look-into {}", creator.pid())), "EACCES", "{what}");
            }
        }
        creator.does("give-up h");
        place.assert_empty(&format!("of {kind}, {}", wish.words()));
    }
}

/// The sorts of users that a rule can tell apart. `group` is one that is granted something, and not the owner's.
fn visitors(place: &Scratch, owner: &User, group: u32) -> Vec<(&'static str, User, Puppet)> {
    let of_group = User { group: owner.group, ..User::new() };
    [
        ("the owner", owner.clone()),
        ("one whose group is the owner's", of_group),
        ("one in the owner's group besides", User::new().in_group(owner.group)),
        ("one whose group is named", User { group, ..User::new() }),
        ("one in the named group besides", User::new().in_group(nobody()).in_group(group)),
        ("one in both groups", User::new().in_group(group).in_group(owner.group)),
        ("a stranger", User::new()),
    ]
    .map(|(who, user)| {
        let puppet = user.at(place, who);
        (who, user, puppet)
    })
    .into()
}

#[test]
fn permission_bits_are_what_the_kernel_decides_by() {
    if !is_root_for("permission_bits_are_what_the_kernel_decides_by") {
        return;
    }
    let (place, owner) = (market(), User::new());
    let mut visitors = visitors(&place, &owner, nobody());
    for mode in [0o600, 0o640, 0o660, 0o604, 0o644, 0o606, 0o666] {
        each_kind_grants(&place, &owner, &Wish::mode(mode), &mut visitors);
    }
}

#[test]
fn a_grant_to_a_user_is_all_that_this_user_has() {
    if !is_root_for("a_grant_to_a_user_is_all_that_this_user_has") {
        return;
    }
    let (place, owner, named) = (market(), User::new(), User::new());
    // Named, and a member of the owner's group: the grant alone counts.
    let member = User::new().in_group(owner.group);
    let mut visitors = visitors(&place, &owner, nobody());
    visitors.push(("the named user", named.clone(), named.at(&place, "the named user")));
    visitors.push(("a named member", member.clone(), member.at(&place, "a named member")));
    for mode in [0o600, 0o640, 0o666] {
        for rights in ["none", "QUERY", "QUERY+READ+SYNCHRONIZE", "ALL"] {
            let wish = Wish::mode(mode).user(named.id, rights).user(member.id, rights);
            each_kind_grants(&place, &owner, &wish, &mut visitors);
        }
    }
}

#[test]
fn a_grant_to_a_group_adds_to_what_other_groups_give() {
    if !is_root_for("a_grant_to_a_group_adds_to_what_other_groups_give") {
        return;
    }
    let (place, owner, group) = (market(), User::new(), nobody());
    let denied = User::new().in_group(group);
    let mut visitors = visitors(&place, &owner, group);
    visitors.push(("a denied member", denied.clone(), denied.at(&place, "a denied member")));
    for (mode, rights) in [
        (0o600, "READ"),
        (0o600, "ALL"),
        (0o640, "ALL"),
        (0o666, "none"),
        (0o606, "QUERY"),
        (0o660, "MODIFY"),
    ] {
        let wish = Wish::mode(mode).group(group, rights).user(denied.id, "none");
        each_kind_grants(&place, &owner, &wish, &mut visitors);
    }
}

#[test]
fn root_is_above_all_grants() {
    if !is_root_for("root_is_above_all_grants") {
        return;
    }
    let (place, owner) = (market(), User::new());
    let mut root = puppet!("root", &place);
    for kind in KINDS {
        let mut creator = owner.at(&place, "the creator");
        creator.does(format!("own h {kind} n user=0:none group=0:none"));
        let allowed = root.does(format!("what-is-allowed {kind} n"));
        assert_eq!(allowed, expected(kind, |_, _| true), "{kind}");
    }
}

#[test]
fn global_objects_grant_what_private_ones_do() {
    if !is_root_for("global_objects_grant_what_private_ones_do") {
        return;
    }
    let (owner, group) = (User::new(), nobody());
    let (named, denied, stranger) = (User::new(), User::new().in_group(group), User::new());
    let member = User::new().in_group(group);
    let wish = Wish::mode(0o604).user(named.id, "ALL").user(denied.id, "none").group(group, "QUERY");
    for kind in KINDS {
        let global = GlobalName::new();
        let mut creator = owner.puppet("the creator");
        creator.does(format!("own h {kind} {} {}", global.name, wish.words()));
        for user in [&owner, &named, &denied, &member, &stranger] {
            let mut puppet = user.puppet("a visitor");
            let may = |file, wanted| may(&owner, user, &wish, file, wanted);
            let allowed = puppet.does(format!("what-is-allowed {kind} {}", global.name));
            assert_eq!(allowed, expected(kind, may), "{kind}, {user:?}");
            let entry = global.entry.display().to_string();
            let of_entry = if kind == "mapping" { File::EntryOfMapping } else { File::Entry };
            kernel_says(&mut puppet, &entry, "rw", may(of_entry, READ_WRITE), kind);
            if let Some(data) = global.data() {
                let data = data.display().to_string();
                kernel_says(&mut puppet, &data, "rw", may(File::Data, READ_WRITE), kind);
            }
        }
        creator.does("give-up h");
        assert!(!global.entry.exists(), "{kind}");
    }
}

#[test]
fn in_a_directory_that_gives_its_group_to_files_the_group_is_the_directorys() {
    if !is_root_for("in_a_directory_that_gives_its_group_to_files_the_group_is_the_directorys") {
        return;
    }
    let (place, owner, group) = (market(), User::new(), nobody());
    std::os::unix::fs::chown(place.path(), None, Some(group)).expect("chown");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o3777)).expect("chmod");
    let mut creator = owner.at(&place, "the creator");
    creator.does("own h mapping n mode=660");
    assert_eq!(fs::metadata(data_file(&place)).expect("the data").gid(), group);
    let of_directory =
        User::new().in_group(group).at(&place, "in the directory's group").does("what-is-allowed mapping n");
    assert_eq!(of_directory, expected("mapping", |_, _| true));
    let of_owner = User::new()
        .in_group(owner.group)
        .at(&place, "in the owner's group")
        .does("what-is-allowed mapping n");
    assert_eq!(of_owner, expected("mapping", |_, _| false));
}

#[test]
fn a_right_that_was_not_granted_is_refused_at_once_and_not_after_patience() {
    if !is_root_for("a_right_that_was_not_granted_is_refused_at_once_and_not_after_patience") {
        return;
    }
    let (place, owner, named) = (market(), User::new(), User::new());
    let mut creator = owner.at(&place, "the creator");
    creator.does(format!("own h mapping n user={}:QUERY", named.id));
    let mut visitor = named.at(&place, "the named user");
    let since = std::time::Instant::now();
    let refused = visitor.ask("join h mapping n READ").expect_err("it may only be looked at");
    // Patience lasts 5 s, and ends in another error.
    assert_eq!(refused.kind, "AccessDenied", "{} after {:?}", refused.text, since.elapsed());
    assert!(refused.text.contains("; "), "no remedy in: {}", refused.text);
    assert_eq!(value(&visitor.does("what-is-allowed mapping n"), "inspect"), "ok");
}
