//! Processes of a test: this program, started again with a role. The test itself is one as well: no other test's processes are
//! started while it counts its handles (on Linux each has all handles of its parent for a moment, between `fork` and `exec`), and a
//! test that faults fails alone.
//!
//! Parent and child speak in lines, over the child's standard input and output:
//!
//! | line from the child | means |
//! |---|---|
//! | `say TEXT` | something for [`Process::expect`] and [`Process::hear`] |
//! | `panicked TEXT` | the role has failed, and so has the test |
//!
//! Lines to the child are what [`Cue::hear`] returns. Newlines and backslashes in texts are escaped. Nothing stays behind: a child is
//! killed and reaped when it is dropped, and one whose standard input ends (its parent has died) ends at once, whatever it does. What
//! a child starts ends with the child's lifeline, and is waited for as well.

mod child;
mod lifeline;
mod role;
mod started;

pub(crate) use child::Process;
pub(crate) use role::Cue;
pub use role::act_if_told;

/// The first argument of a process that has a role. Section, role, directory and the role's own arguments follow.
const MARK: &str = "--shmobj-conformance-role";

/// The role of a process that runs a test, which is its first argument.
pub(crate) const TEST: &str = "test";

/// The code of a process whose parent is gone.
const ORPHANED: i32 = 3;

const SAY: &str = "say ";
const PANICKED: &str = "panicked ";

/// A text as one line.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

/// The text of a line.
fn unescaped(line: &str) -> String {
    let mut text = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_on_its_way() {
        for text in ["", "ready", "Global\\n", "\\", "two\nlines\r\n", "\\\\n\n"] {
            assert_eq!(unescaped(&escaped(text)), text);
            assert_eq!(escaped(text).lines().count().max(1), 1);
        }
    }
}
