//! Words that people wrote, with figures of the results in them.
//!
//! `report/reading.md` has a section for an operation under a heading that is its name, and some others by names of their own.
//! A placeholder is `{{WHAT OPERATION[/PARAMETER] CONTENDER}}`:
//!
//! | WHAT | becomes |
//! |---|---|
//! | `median`, `minimum`, `spread`, `fairness` | that figure |
//! | `p50`, `p90`, `p99`, `p99.9`, `max` | a latency |
//! | `ratio` | ours to this contender's |
//! | `verdict` | `faster`, `slower`, `even` (`less`, `more`): ours beside this contender |
//! | `outcome`, `left` | what became of a lock, and what was left |
//! | `title` | what the contender is called |
//!
//! What was not measured says so in the sentence. A placeholder that nothing of that name answers is an error, and so is a
//! measured figure that somebody typed: it would be wrong after the next run.

use std::collections::BTreeMap;

use super::{Fault, words};
use crate::results::{Results, Row};

/// The words, by the names of their sections.
#[derive(Debug)]
pub(crate) struct Prose(BTreeMap<String, String>);

impl Prose {
    /// Reads a text whose sections begin with lines like `# lock`.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let mut sections: BTreeMap<String, String> = BTreeMap::new();
        let mut name = None;
        for (index, line) in text.lines().enumerate() {
            if let Some(heading) = line.strip_prefix("# ") {
                let heading = heading.trim().to_owned();
                if sections.insert(heading.clone(), String::new()).is_some() {
                    return Err(Fault::new(format!(
                        "line {}: there are two sections \"{heading}\"",
                        index + 1
                    )));
                }
                name = Some(heading);
                continue;
            }
            if let Some(figure) = typed_figure(line) {
                return Err(Fault::new(format!(
                    "line {}: \"{figure}\" is typed; use a placeholder",
                    index + 1
                )));
            }
            // What stands before the first section tells writers how to write.
            if let Some(section) = name.as_ref().and_then(|name| sections.get_mut(name)) {
                section.push_str(line);
                section.push('\n');
            }
        }
        Ok(Self(sections))
    }

    /// The names of the sections.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A section with its placeholders filled; empty if nobody wrote it.
    pub(crate) fn section(&self, name: &str, results: &Results) -> Result<String, Fault> {
        let Some(mut rest) = self.0.get(name).map(|text| text.trim()) else { return Ok(String::new()) };
        let mut text = String::new();
        while let Some((before, after)) = rest.split_once("{{") {
            let unclosed = || Fault::new(format!("section \"{name}\": a placeholder has no end"));
            let (placeholder, behind) = after.split_once("}}").ok_or_else(unclosed)?;
            let filled = fill(placeholder, results).ok_or_else(|| {
                Fault::new(format!("section \"{name}\": nothing answers {{{{{placeholder}}}}}"))
            })?;
            text += before;
            text += &filled;
            rest = behind;
        }
        Ok(text + rest + "\n\n")
    }
}

/// What stands in a placeholder's place.
fn fill(placeholder: &str, results: &Results) -> Option<String> {
    let mut parts = placeholder.split_whitespace();
    let (what, operation, name) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (operation, parameter) = operation.split_once('/').unwrap_or((operation, ""));
    let family = results.family(operation);
    let measured = match parameter {
        "" => (family.len() == 1).then(|| family[0])?,
        wanted => family.into_iter().find(|measured| measured.parameter.to_string() == wanted)?,
    };
    let row = measured.row(name)?;
    let unit = measured.unit.as_str();
    let number = |value: Option<f64>, shown: &dyn Fn(f64) -> String| value.map(shown);
    let in_unit = |value| words::value(value, unit);
    let filled = match what {
        "title" => return Some(row.title.clone()),
        "median" => number(row.median, &in_unit),
        "minimum" => number(row.minimum, &in_unit),
        "spread" => number(row.spread, &words::percent),
        "fairness" => number(row.fairness, &|part| format!("{part:.2}")),
        "ratio" => match &row.refused {
            Some(why) => return Some(format!("(no ratio: {why})")),
            None => row.ratio.map(|ratio| words::ratio(ratio.median)),
        },
        "verdict" => match measured.verdict(row) {
            None if row.absent.is_none() && row.refused.is_some() => Some("not to be told apart".into()),
            verdict => verdict.map(|verdict| measured.verdict_word(verdict).to_owned()),
        },
        "max" => row.longest().map(|value| words::value(value as f64, "ns")),
        "outcome" => row.outcome.clone(),
        "left" => row.left.as_ref().map(words::left),
        percentile => {
            let part = percentile.strip_prefix('p')?.parse::<f64>().ok()? / 100.0;
            (0.0..1.0).contains(&part).then_some(())?;
            row.percentile(part).map(|value| words::value(value as f64, "ns"))
        }
    };
    Some(filled.unwrap_or_else(|| not_measured(row)))
}

fn not_measured(row: &Row) -> String {
    match &row.absent {
        Some(reason) => format!("(not measured: {reason})"),
        None => "(not measured)".into(),
    }
}

/// A number with a unit of time, or one that says how many times as much.
fn typed_figure(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.windows(2).find_map(|pair| {
        let number = pair[0].trim_start_matches(['(', '*', '~']);
        let counts = number.starts_with(|c: char| c.is_ascii_digit())
            && number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
        let unit = pair[1].trim_end_matches(['.', ',', ';', ':', ')', '*']);
        (counts && matches!(unit, "ns" | "us" | "ms" | "%" | "times")).then(|| format!("{number} {unit}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::made_up;

    fn filled(text: &str) -> Result<String, Fault> {
        Prose::parse(&format!("# lock\n{text}"))?.section("lock", &made_up())
    }

    #[test]
    fn placeholders_become_figures_of_the_results() {
        assert_eq!(filled("It takes {{median lock shmobj}}.").expect("it"), "It takes 23 ns.\n\n");
        assert_eq!(filled("{{ratio lock raw}} {{verdict lock raw}}").expect("it"), "1.72 slower\n\n");
        assert_eq!(filled("{{verdict lock sysv}}").expect("it"), "faster\n\n");
        assert_eq!(filled("{{title create/4096 sysv}}").expect("it"), "System V\n\n");
        assert_eq!(filled("{{left leftovers boost}}").expect("it"), "nothing\n\n");
    }

    #[test]
    fn what_was_not_measured_says_so() {
        assert_eq!(filled("{{median lock iceoryx2}}").expect("it"), "(not measured: it has no locks)\n\n");
        assert_eq!(filled("{{p99.9 ping-pong python}}").expect("it"), "(not measured)\n\n");
    }

    #[test]
    fn a_refused_ratio_stays_refused() {
        let text = filled("{{ratio lock boost}}").expect("it");
        assert!(text.starts_with("(no ratio: the quartiles are"), "{text}");
        assert_eq!(filled("{{verdict lock boost}}").expect("it"), "not to be told apart\n\n");
    }

    #[test]
    fn placeholders_that_nothing_answers_are_errors() {
        for wrong in
            ["{{median lokc shmobj}}", "{{median lock nobody}}", "{{mean lock shmobj}}", "{{median lock}}"]
        {
            let fault = filled(wrong).expect_err(wrong);
            assert!(fault.to_string().contains("nothing answers"), "{fault}");
        }
        assert!(filled("{{median lock shmobj").is_err());
        assert!(filled("{{median wait-any shmobj}}").is_err(), "which of the four?");
    }

    #[test]
    fn figures_are_not_typed() {
        assert_eq!(
            filled("It takes 23 ns.").expect_err("typed").to_string(),
            "line 2: \"23 ns\" is typed; use a placeholder"
        );
        assert!(filled("It is 1.7 times as slow.").is_err());
        assert!(filled("It waits for 64 objects of 4 KiB.").is_ok());
    }

    #[test]
    fn a_section_is_written_once() {
        assert!(Prose::parse("# lock\n# lock\n").is_err());
    }
}
