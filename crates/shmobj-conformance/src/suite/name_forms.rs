//! Section 2.2: the form of names.

use shmobj::{Access, Event, Namespace, transfer};

use crate::case::{Remark, Role, Test, role, test};
use crate::kinds::{self, KINDS};
use crate::objects::{Objects, PAGE, code};
use crate::process::Cue;
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["NM-1"], what_has_no_name_is_an_object_of_its_own),
    test!(["NM-2"], the_empty_name_is_no_name),
    test!(["NM-6"], a_prefix_in_the_wrong_case_is_3),
    test!(["NM-7"], nothing_behind_the_prefix_is_123),
    test!(["NM-8"], a_prefix_alone_is_6),
    test!(["NM-9"], the_systems_own_prefix_is_3),
    test!(["NM-10"], a_backslash_elsewhere_is_3),
    test!(["NM-11"], a_backslash_first_is_161),
    test!(["NM-12"], every_other_character_stands_for_itself),
    test!(["NM-13"], two_prefixes_are_3),
    test!(["NM-14"], names_are_compared_whole_and_unchanged),
    test!(["NM-17"], a_name_can_have_32766_units),
    test!(["NM-18"], a_longer_name_is_123),
    test!(["NM-19"], a_name_with_a_nul_is_never_the_name_before_it),
    test!(["NM-20"], another_parameter_that_is_never_right_is_told_before_the_name),
];

pub(super) const ROLES: &[Role] = &[role!(has_a_name_of_32766_units), role!(wants_a_name_of_32767_units)];

pub(super) const REASONS: &[Remark] =
    &[Remark::new(&["NM-15", "NM-16"], "names are Unicode; there are no variants for other encodings")];
pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["NM-1"], "`create_unnamed`; a missing name cannot be opened"),
    Remark::new(
        &["NM-17", "NM-18"],
        "in the default namespace; in `Namespace::at` a name on Windows has 46 units fewer",
    ),
    Remark::new(&["NM-19"], "on Windows a name with a NUL is refused with 123: names end there"),
];

fn what_has_no_name_is_an_object_of_its_own(stage: &Stage) {
    let events = [0; 2].map(|_| stage.events().create_unnamed().unwrap());
    let mappings = [0; 2].map(|_| stage.mappings().size(PAGE as u64).create_unnamed().unwrap());
    assert!(events.iter().all(|event| !event.existed() && event.name().is_empty()));
    assert!(mappings.iter().all(|mapping| !mapping.existed() && mapping.name().is_empty()));
    assert!(!events[0].is_same_object(&events[1]));
    assert!(!mappings[0].is_same_object(&mappings[1]));
    mappings[0].map_mut().unwrap().write_at(0, b"x").unwrap();
    assert_eq!(mappings[1].map().unwrap().read_vec(0, 1).unwrap(), [0]);
}

fn the_empty_name_is_no_name(stage: &Stage) {
    for kind in KINDS {
        let objects = [0; 2].map(|_| kinds::create(stage, kind, "").unwrap());
        assert!(objects.iter().all(|object| !kinds::existed(object)), "{kind}");
        assert!(!transfer::same_object(&objects[0], &objects[1]), "{kind}");
        assert_eq!(code(kinds::open(stage, kind, "", Access::ALL)), 6, "{kind}");
    }
}

/// These names cannot be created and not be opened, as whatever kind.
#[track_caller]
fn are_all(stage: &Stage, error: u32, names: &[&str]) {
    for kind in KINDS {
        for name in names {
            assert_eq!(code(kinds::create(stage, kind, name)), error, "{kind} {name:?} is created");
            assert_eq!(code(kinds::open(stage, kind, name, Access::ALL)), error, "{kind} {name:?} is opened");
        }
    }
}

fn a_prefix_in_the_wrong_case_is_3(stage: &Stage) {
    let _held = stage.events().create("x").unwrap();
    are_all(stage, 3, &["local\\x", "LOCAL\\x", "global\\x", "GLOBAL\\x", "lOCAL\\x"]);
}

fn nothing_behind_the_prefix_is_123(stage: &Stage) {
    are_all(stage, 123, &["Local\\", "Global\\"]);
}

fn a_prefix_alone_is_6(stage: &Stage) {
    are_all(stage, 6, &["Local", "Global", "Session"]);
    for name in ["local", "Locals", "GLOBAL", "Session1"] {
        assert!(!stage.events().create(name).unwrap().existed(), "{name} is a name like any other");
    }
}

fn the_systems_own_prefix_is_3(stage: &Stage) {
    are_all(stage, 3, &["Session\\x", "Session\\1\\x", "Session\\"]);
}

fn a_backslash_elsewhere_is_3(stage: &Stage) {
    let names = ["a\\b", "x\\", "Local\\a\\b", "Global\\a\\b", "Local\\x\\", "alias\\x", "a\\\\b", "C:\\x"];
    are_all(stage, 3, &names);
}

fn a_backslash_first_is_161(stage: &Stage) {
    are_all(stage, 161, &["\\x", "\\BaseNamedObjects\\x", "\\Local\\x"]);
}

const NAMES: &[&str] = &[
    "/",
    "a/b",
    "../x",
    ".",
    "..",
    ":",
    "C:",
    "*",
    "?",
    "<",
    ">",
    "|",
    "\"",
    " ",
    " x",
    "x ",
    "a b",
    "x.",
    ".x",
    "%",
    "%s",
    "~",
    "a\nb",
    "\t",
    "\u{1}",
    "\u{e4}",
    "a\u{308}",
    "\u{df}",
    "\u{20ac}",
    "\u{1f980}",
    "\u{fffd}",
    "\u{202e}x",
    "nul",
    "CON",
    "Local/x",
    "Global:x",
];

fn every_other_character_stands_for_itself(stage: &Stage) {
    let held: Vec<_> = NAMES.iter().map(|name| stage.events().create_new(name).unwrap()).collect();
    for (event, name) in held.iter().zip(NAMES) {
        assert!(stage.events().open(name, Access::ALL).unwrap().is_same_object(event), "{name:?}");
        let prefixed = format!("Local\\{name}");
        assert!(stage.events().open(&prefixed, Access::ALL).unwrap().is_same_object(event), "{name:?}");
    }
    for (kind, name) in KINDS.into_iter().zip(["a:*", "b<>|", "c\"?", "d/..", "e \u{1f980}", "%f"]) {
        let object = kinds::create(stage, kind, name).unwrap();
        assert!(!kinds::existed(&object), "{kind}");
        stage.child("opens", &[kind.as_str(), name]).expect("opened");
    }
}

fn two_prefixes_are_3(stage: &Stage) {
    are_all(stage, 3, &["Local\\Global\\x", "Global\\Local\\x", "Local\\Local\\x"]);
}

fn names_are_compared_whole_and_unchanged(stage: &Stage) {
    let names = [
        "Name",
        "NAME",
        "name",
        "Name ",
        "Nam",
        "Names",
        "Na*",
        "N?me",
        "na\u{308}me",
        "n\u{e4}me",
        "N\u{c4}ME",
        "x/Name",
    ];
    for kind in KINDS {
        let held: Vec<_> = names.iter().map(|name| kinds::create(stage, kind, name).unwrap()).collect();
        assert!(held.iter().all(|object| !kinds::existed(object)), "{kind}");
        for (object, name) in held.iter().zip(names) {
            let opened = kinds::open(stage, kind, name, Access::QUERY).unwrap();
            assert!(transfer::same_object(object, &opened), "{kind} {name:?}");
        }
        assert_eq!(code(kinds::open(stage, kind, "nAME", Access::QUERY)), 2, "{kind}");
    }
}

/// A name of so many UTF-16 units.
fn long_name(beginning: &str, units: usize) -> String {
    format!("{beginning}{}", "x".repeat(units - beginning.encode_utf16().count()))
}

/// In a namespace of its own a name may have something before it; in the default one it has not.
fn in_the_default_namespace(stage: &Stage, role: &str) {
    let directory = stage.path("default");
    let mut child = stage.child_with(role, &[&stage.unique("")], |command| {
        // On Windows the name of a directory would take room in the names.
        if cfg!(target_os = "linux") {
            command.env("SHMOBJ_DIR", directory);
        } else {
            command.env_remove("SHMOBJ_DIR");
        }
    });
    child.expect("done");
    child.wait();
}

fn a_name_can_have_32766_units(stage: &Stage) {
    for units in [200, 255, 256, 259, 260, 261, 1000, 4096, 20_000, 32_000] {
        let name = long_name("n", units);
        let held = stage.events().create_new(&name).unwrap();
        let opened = stage.events().open(&name, Access::ALL).unwrap();
        assert!(opened.is_same_object(&held), "{units}");
        let other = long_name("m", units);
        assert_eq!(code(stage.events().open(&other, Access::ALL)), 2, "{units}");
        let cut = &name[..units - 1];
        assert_eq!(code(stage.events().open(cut, Access::ALL)), 2, "{units}");
    }
    in_the_default_namespace(stage, "has_a_name_of_32766_units");
}

fn has_a_name_of_32766_units(cue: &Cue) {
    let namespace = Namespace::default_namespace();
    let events = || Event::options().namespace(namespace);
    let beginning = cue.argument(0);
    // A character of two units counts two.
    for name in [long_name(beginning, 32_766), long_name(&format!("{beginning}\u{1f980}"), 32_766)] {
        let held = events().create_new(&name).unwrap();
        assert!(events().open(&name, Access::ALL).unwrap().is_same_object(&held));
    }
    cue.say("done");
}

fn a_longer_name_is_123(stage: &Stage) {
    are_all(stage, 123, &[&long_name("n", 32_767), &long_name("n", 40_000)]);
    in_the_default_namespace(stage, "wants_a_name_of_32767_units");
}

fn wants_a_name_of_32767_units(cue: &Cue) {
    let name = long_name(cue.argument(0), 32_767);
    assert_eq!(code(Event::options().create(&name)), 123);
    assert_eq!(code(Event::open(&name, Access::ALL)), 123);
    cue.say("done");
}

fn a_name_with_a_nul_is_never_the_name_before_it(stage: &Stage) {
    for kind in KINDS {
        let cut = kinds::create(stage, kind, "a").unwrap();
        let (held, other) = match kinds::create(stage, kind, "a\0b") {
            Ok(held) => (held, kinds::create(stage, kind, "a\0c").unwrap()),
            // Where the system's names end at a NUL there is no such name.
            Err(error) => {
                assert_eq!(error.win32_code(), 123, "{kind}");
                assert_eq!(code(kinds::open(stage, kind, "a\0b", Access::QUERY)), 123, "{kind}");
                continue;
            }
        };
        assert!(!kinds::existed(&held) && !kinds::existed(&other), "{kind}");
        let opened = kinds::open(stage, kind, "a\0b", Access::QUERY).unwrap();
        assert!(transfer::same_object(&opened, &held), "{kind}");
        assert!(!transfer::same_object(&opened, &cut), "{kind}");
    }
}

fn another_parameter_that_is_never_right_is_told_before_the_name(stage: &Stage) {
    for name in ["\\x", "local\\x", "Local\\", "Local"] {
        assert_eq!(code(stage.mappings().create(name)), 87, "{name}: neither a size nor a file");
        assert_eq!(code(stage.semaphores().initial(0).max(0).create(name)), 87, "{name}: no maximum");
        assert_ne!(code(stage.events().create(name)), 87, "{name}");
    }
}
