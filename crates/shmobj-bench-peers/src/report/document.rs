//! The document: what was measured on what machine, a section for each operation, and who took part.

use std::fmt::Write as _;

use super::prose::Prose;
use super::{Fault, table, words};
use crate::results::{Measured, Results};

/// Sections of words that are not named after an operation.
const SECTIONS: [&str; 4] = ["introduction", "reproduce", "method", "end"];

/// Chapters, and what is in them; what is in none of them comes last.
const CHAPTERS: [(&str, &[&str]); 6] = [
    ("Locks and signals that nobody has to wait for", &["lock", "contended", "event", "semaphore"]),
    ("From one process to another", &["ping-pong", "ping-pong-one-core", "ping-pong-spinning", "transfer"]),
    ("Waiting for many objects", &["wait-any", "wait-all", "wait-any-asleep"]),
    ("Named memory", &["create", "open", "close", "first-touch"]),
    ("Many objects", &["create-beside", "open-beside", "memory-per-object", "descriptors-per-object"]),
    ("After SIGKILL", &["recovery", "leftovers"]),
];

/// In Markdown; pictures are in the folder `pictures` beside it.
pub(crate) fn document(results: &Results, prose: &Prose, pictures: &[String]) -> Result<String, Fault> {
    known_sections(results, prose)?;
    let mut text = "<!-- Made by `shmobj-bench-peers report`; the words are in crates/shmobj-bench-peers/report/reading.md. -->\n\
                    # Benchmarks beside the alternatives\n\n"
        .to_owned();
    text += &prose.section("introduction", results)?;
    text += "![The most telling operations](pictures/overview.svg)\n\n";
    text += &machine(results);
    text += &reproduce(results, prose)?;
    let method = prose.section("method", results)?;
    if !method.is_empty() {
        text += &format!("## How it is measured\n{method}");
    }
    let mut names = results.names();
    for (title, members) in CHAPTERS {
        let here: Vec<&str> = members.iter().copied().filter(|name| names.contains(name)).collect();
        names.retain(|name| !here.contains(name));
        text += &chapter(results, prose, pictures, title, &here)?;
    }
    text += &chapter(results, prose, pictures, "Others", &names)?;
    text += &contenders(results);
    text += &prose.section("end", results)?;
    Ok(text.trim_end().to_owned() + "\n")
}

/// A section for an operation that does not exist would be lost without a word.
fn known_sections(results: &Results, prose: &Prose) -> Result<(), Fault> {
    let exists = |name: &str| {
        SECTIONS.contains(&name)
            || results.names().contains(&name)
            || CHAPTERS.iter().any(|(_, members)| members.contains(&name))
    };
    match prose.names().find(|name| !exists(name)) {
        Some(name) => Err(Fault::new(format!("there is no operation for the section \"{name}\""))),
        None => Ok(()),
    }
}

fn machine(results: &Results) -> String {
    let machine = &results.machine;
    let settings = &results.settings;
    let quick = if settings.quick { "; **a quick run, good only to see that all works**" } else { "" };
    let versions: Vec<String> =
        machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let versions = if versions.is_empty() { "–".into() } else { versions.join(", ") };
    format!(
        "| | |\n|---|---|\n| processor | {}, {} cores |\n| memory | {} |\n| system | {}, Linux {} |\n| versions | {versions} |\n\
         | taken | {}, {} rounds{quick} |\n\n",
        machine.processor,
        machine.cores,
        words::value(machine.memory_bytes as f64, "bytes"),
        machine.system,
        machine.kernel,
        results.taken,
        settings.rounds,
    )
}

fn reproduce(results: &Results, prose: &Prose) -> Result<String, Fault> {
    let quick = if results.settings.quick { " --quick" } else { "" };
    Ok(format!(
        "## Do it yourself\n```sh\ncd crates/shmobj-bench-peers\ncargo run --release -- run{quick} --out results.json\n\
         cargo run --release -- report results.json --docs ../../docs --readme ../../README.md\n```\n{}",
        prose.section("reproduce", results)?
    ))
}

fn chapter(
    results: &Results,
    prose: &Prose,
    pictures: &[String],
    title: &str,
    names: &[&str],
) -> Result<String, Fault> {
    let mut text = String::new();
    if names.is_empty() {
        return Ok(text);
    }
    let _ = writeln!(text, "## {title}\n");
    for name in names {
        let family = results.family(name);
        let Some(first) = family.first() else { continue };
        let _ = writeln!(
            text,
            "### {}\n",
            if family.len() > 1 { words::family_title(first) } else { first.title.clone() }
        );
        text += &prose.section(name, results)?;
        text += &tables(&family);
        for picture in pictures.iter().filter(|picture| belongs(picture, name)) {
            let what = if picture.ends_with("-percentiles") { "percentiles" } else { "medians" };
            let _ = writeln!(text, "![{}: {what}](pictures/{picture}.svg)\n", family[0].name);
        }
    }
    Ok(text)
}

fn belongs(picture: &str, name: &str) -> bool {
    picture == name || picture.strip_suffix("-percentiles") == Some(name)
}

/// One table as it is; of several, the medians together, and each of them folded.
fn tables(family: &[&Measured]) -> String {
    if let [only] = family {
        return table::whole(only) + "\n";
    }
    let mut text = table::matrix(family) + "\n";
    for measured in family {
        let _ = writeln!(
            text,
            "<details><summary>{}</summary>\n\n{}\n</details>\n",
            measured.title,
            table::whole(measured)
        );
    }
    text
}

fn contenders(results: &Results) -> String {
    let mut text = "## Who takes part\n\n| | how |\n|---|---|\n".to_owned();
    for row in results.contenders() {
        let version =
            results.machine.versions.get(&row.name).map_or(String::new(), |version| format!(" {version}"));
        let _ = writeln!(text, "| {}{version} | {} |", row.title, row.how);
    }
    text + "\n"
}
