//! What a section of the suite is made of.

use crate::platform::Platform;
use crate::process::Cue;
use crate::results::Outcome;
use crate::spec;
use crate::stage::Stage;

/// A test. It fails by panicking.
#[derive(Clone, Copy)]
pub(crate) struct Test {
    /// The rows that it proves.
    pub(crate) rows: &'static [&'static str],
    /// The function's name, a sentence.
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Stage),
    /// Where the interface that it needs exists; everywhere if nothing is said.
    pub(crate) only_on: Option<System>,
    /// What Linux does instead.
    pub(crate) linux: Option<Difference>,
    /// What Windows does instead, and Wine with it.
    pub(crate) windows: Option<Difference>,
    /// What Wine does instead of that which Windows does.
    pub(crate) wine: Option<Difference>,
}

/// What a system is known to do instead of what a row says: there the row's test has to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// What it does, for the note.
    pub(crate) does: &'static str,
    /// A part of what the test's failure says, so that no other failure is taken for this one.
    pub(crate) seen: &'static str,
}

/// What interfaces differ by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Linux,
    Windows,
}

impl Test {
    pub(crate) const fn new(
        rows: &'static [&'static str],
        name: &'static str,
        run: fn(&Stage),
        only_on: Option<System>,
    ) -> Self {
        Self { rows, name, run, only_on, linux: None, windows: None, wine: None }
    }

    /// Linux does something else, and so the test fails there.
    #[must_use]
    pub(crate) const fn but_linux(mut self, does: &'static str, seen: &'static str) -> Self {
        self.linux = Some(Difference { does, seen });
        self
    }

    /// Windows does something else, and Wine as well, and so the test fails on both.
    #[must_use]
    pub(crate) const fn but_windows(mut self, does: &'static str, seen: &'static str) -> Self {
        self.windows = Some(Difference { does, seen });
        self
    }

    /// Wine does something else, and so the test fails there. Windows passes it.
    #[must_use]
    pub(crate) const fn but_wine(mut self, does: &'static str, seen: &'static str) -> Self {
        self.wine = Some(Difference { does, seen });
        self
    }

    pub(crate) fn is_for(&self, platform: Platform) -> bool {
        match self.only_on {
            None => true,
            Some(System::Linux) => platform == Platform::Linux,
            Some(System::Windows) => platform != Platform::Linux,
        }
    }

    /// What it has to do there instead of passing.
    pub(crate) fn difference(&self, platform: Platform) -> Option<Difference> {
        match platform {
            Platform::Linux => self.linux,
            Platform::Windows => self.windows,
            Platform::Wine => self.wine.or(self.windows),
        }
    }

    /// What comes of it there, as long as nothing has changed.
    pub(crate) fn expected(&self, platform: Platform) -> Outcome {
        match self.difference(platform) {
            _ if !self.is_for(platform) => Outcome::Elsewhere,
            Some(_) => Outcome::Differs,
            None => Outcome::Holds,
        }
    }

    /// Its name in lists: `NS-2 NS-3 names::a_name_of_another_kind_is_6`. A number with the space behind it is a filter.
    pub(crate) fn title(&self, section: &Section) -> String {
        format!("{} {}::{}", self.rows.join(" "), section.name, self.name)
    }
}

/// What another process does in a test.
#[derive(Clone, Copy)]
pub(crate) struct Role {
    pub(crate) name: &'static str,
    pub(crate) play: fn(&Cue),
}

/// Something to say about rows: why they have no test, or what of them a test leaves out.
#[derive(Clone, Copy)]
pub(crate) struct Remark {
    /// Numbers of rows; `JA-*` is all rows with these letters.
    rows: &'static [&'static str],
    pub(crate) text: &'static str,
}

impl Remark {
    pub(crate) const fn new(rows: &'static [&'static str], text: &'static str) -> Self {
        Self { rows, text }
    }

    /// The rows that are meant, whether they exist or not.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().flat_map(|&row| {
            let letters = row.strip_suffix('*');
            let all = letters
                .into_iter()
                .flat_map(|letters| spec::rows().map(|row| row.id).filter(move |id| id.starts_with(letters)));
            all.chain(letters.is_none().then_some(row))
        })
    }
}

/// A file of the suite.
#[derive(Clone, Copy)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) tests: &'static [Test],
    /// What other processes do in these tests.
    pub(crate) roles: &'static [Role],
    /// Why rows have no test.
    pub(crate) reasons: &'static [Remark],
    /// What tests leave out, or what else there is to know about rows that have tests.
    pub(crate) notes: &'static [Remark],
}

/// A test and the rows that it proves: `test!(["NS-2", "NS-3"], a_name_of_another_kind_is_6)`.
macro_rules! test {
    ([$($row:literal),+ $(,)?], $name:ident) => {
        $crate::case::Test::new(&[$($row),+], stringify!($name), $name, None)
    };
}

/// A test that needs what only Linux has. Its function is `#[cfg(target_os = "linux")]`.
macro_rules! linux_test {
    ([$($row:literal),+ $(,)?], $name:ident) => {{
        #[cfg(target_os = "linux")]
        let run = $name;
        #[cfg(not(target_os = "linux"))]
        let run = $crate::case::elsewhere;
        $crate::case::Test::new(&[$($row),+], stringify!($name), run, Some($crate::case::System::Linux))
    }};
}

/// A test that needs what only Windows has. Its function is `#[cfg(windows)]`.
macro_rules! windows_test {
    ([$($row:literal),+ $(,)?], $name:ident) => {{
        #[cfg(windows)]
        let run = $name;
        #[cfg(not(windows))]
        let run = $crate::case::elsewhere;
        $crate::case::Test::new(&[$($row),+], stringify!($name), run, Some($crate::case::System::Windows))
    }};
}

/// A role, by its function's name.
macro_rules! role {
    ($name:ident) => {
        $crate::case::Role { name: stringify!($name), play: $name }
    };
}

/// Stands for a test that cannot be compiled here; it is never run.
pub(crate) fn elsewhere(_: &Stage) {
    unreachable!("this test is for another system");
}

pub(crate) use {linux_test, role, test, windows_test};
