//! The table of the front page, between two markers.

use std::fmt::Write as _;

use super::table::beside;
use super::{Fault, words};
use crate::results::{Measured, Results, Row};

const START: &str = "<!-- benchmarks:start -->";
const END: &str = "<!-- benchmarks:end -->";

/// What it has rows of, and how they are called there. Operations that were not measured have none.
const ROWS: [(&str, u64, &str); 15] = [
    ("lock", 0, "lock and unlock, uncontended"),
    ("contended", 4, "4 processes on one lock"),
    ("event", 0, "set and wait"),
    ("semaphore", 0, "release and acquire"),
    ("ping-pong", 0, "there and back asleep, two cores"),
    ("ping-pong-one-core", 0, "the same on one core"),
    ("wait-any", 64, "wait for any of 64"),
    ("wait-all", 64, "wait for all of 64"),
    ("wait-any-asleep", 64, "woken from a wait for any of 64"),
    ("create", 4096, "create and map 4 KiB"),
    ("open", 4096, "open and map 4 KiB"),
    ("open-beside", 100_000, "open beside 100,000 others"),
    ("transfer", 1 << 30, "hand 1 GiB to another process"),
    ("recovery", 0, "the owner of a lock is killed: the next one has it"),
    ("leftovers", 0, "what stays when everybody is killed"),
];

/// What nobody could use instead: the least that any other could cost. The document and the pictures have them.
const LIMITS: [&str; 3] = ["raw", "raw-store", "memcpy"];

/// The text with the table between the markers replaced.
pub(crate) fn replaced(readme: &str, results: &Results) -> Result<String, Fault> {
    let parts = readme.split_once(START).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| Fault::new(format!("the README has no {START} ... {END}")))?;
    Ok(format!("{before}{START}\n{}{END}{after}", table(results)))
}

fn table(results: &Results) -> String {
    let mut text =
        "| operation | shmobj | the best other | shmobj : best other | place |\n|---|---:|---|---|---:|\n"
            .to_owned();
    for (name, parameter, title) in ROWS {
        if let Some(measured) = results.find(name, parameter) {
            text += &row(measured, title);
        }
    }
    let machine = &results.machine;
    let quick = if results.settings.quick { "; a quick run" } else { "" };
    let _ = writeln!(
        text,
        "\n{}, {} cores, Linux {}, {}{quick}; medians of rounds that took turns, and the quartiles of their ratios.",
        machine.processor, machine.cores, machine.kernel, results.taken
    );
    text
}

fn row(measured: &Measured, title: &str) -> String {
    let ranked: Vec<&Row> =
        measured.ranked().into_iter().filter(|row| !LIMITS.contains(&row.name.as_str())).collect();
    let all = ranked.len() + measured.stuck().count();
    let (Some(place), Some(ours)) =
        (ranked.iter().position(|row| row.is_ours()), ranked.iter().find(|row| row.is_ours()))
    else {
        return format!("| {title} | – | | | |\n");
    };
    let shown = |row: &Row| match &row.left {
        Some(left) => words::left(left),
        None => words::value(row.figure().unwrap_or(0.0), &measured.unit),
    };
    // Equal figures share a place.
    let place = ranked[..place].iter().filter(|row| row.figure() != ours.figure()).count() + 1;
    let stuck = measured.stuck().count();
    let hang = if stuck > 0 { format!("; {stuck} never get it") } else { String::new() };
    let (best, ratio) = match ranked.iter().find(|row| !row.is_of_ours()) {
        Some(best) => {
            let ratio = if measured.kind == "leftovers" { String::new() } else { beside(measured, best) };
            (format!("{}: {}", best.title, shown(best)), ratio)
        }
        None => ("nobody else can".into(), String::new()),
    };
    format!("| {title} | {} | {best}{hang} | {ratio} | {place} of {all} |\n", shown(ours))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::made_up;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let readme = format!("before\n{START}\nold\n{END}\nafter\n");
        let new = replaced(&readme, &made_up()).expect("markers");
        assert!(new.starts_with(&format!("before\n{START}\n| operation |")), "{new}");
        assert!(new.ends_with(&format!("{END}\nafter\n")), "{new}");
        assert!(!new.contains("old"), "{new}");
        assert_eq!(replaced(&new, &made_up()).expect("markers"), new, "twice is once");
    }

    #[test]
    fn a_loss_is_told_like_a_win() {
        let text = table(&made_up());
        assert!(
            text.contains(
                "| create and map 4 KiB | 40 us | System V: 13 us | 2.97 (2.76 to 3.07) **slower** | 3 of 4 |"
            ),
            "{text}"
        );
        assert!(text.contains("**faster**"), "{text}");
        assert!(text.contains("2 never get it"), "{text}");
    }

    #[test]
    fn a_readme_without_markers_is_an_error() {
        assert!(replaced("nothing", &made_up()).is_err());
        assert!(replaced(START, &made_up()).is_err());
    }
}
