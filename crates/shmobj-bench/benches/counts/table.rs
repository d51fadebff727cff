//! What is written down, and what comes of a difference.
//!
//! | difference | with what it was written down with | with another compiler or C library |
//! |---|---|---|
//! | more than [`MORE`], or [`MORE_WITH_CLOCK`] | fails | is told |
//! | more than [`MUCH_MORE`] | fails | fails: no compiler does that to code that is still the same |
//! | less than [`LESS`] | is told: the next slow-down could hide in it | is told |
//! | a path is new, or gone | fails | fails |

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::{Command, ExitCode};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.tsv");
const RENEW: &str = "cargo bench -p shmobj-bench --bench counts -- --record";

// Paths that read the clock differ by 3 % from run to run, and more from kernel to kernel; all others by less than 1.
const MORE: f64 = 1.05;
const MORE_WITH_CLOCK: f64 = 1.25;
const MUCH_MORE: f64 = 1.5;
const LESS: f64 = 0.9;

/// A path and its instructions.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) instructions: f64,
    pub(crate) reads_clock: bool,
}

/// What made the instructions: another one makes others.
fn makers() -> [String; 2] {
    let compiler = Command::new("rustc").arg("--version").output().expect("rustc").stdout;
    [String::from_utf8(compiler).expect("text").trim().into(), format!("C library: {}", c_library())]
}

#[cfg(target_env = "gnu")]
#[allow(unsafe_code)] // its version, which no crate tells
fn c_library() -> String {
    // SAFETY: returns a constant.
    let version = unsafe { libc::gnu_get_libc_version() };
    // SAFETY: which is a string that is never freed.
    let version = unsafe { std::ffi::CStr::from_ptr(version) };
    format!("glibc {}", version.to_string_lossy())
}

#[cfg(not(target_env = "gnu"))]
fn c_library() -> String {
    "another".into()
}

pub(crate) fn record(rows: &[Row]) {
    let mut text = format!("# Instructions in user space for one operation. Written by: {RENEW}\n");
    for maker in makers() {
        writeln!(text, "# {maker}").expect("memory");
    }
    for row in rows {
        println!("{:>10.1}  {}", row.instructions, row.name);
        writeln!(text, "{}\t{:.1}", row.name, row.instructions).expect("memory");
    }
    std::fs::write(FILE, text).expect("a file that can be written");
}

pub(crate) fn judge(rows: &[Row]) -> ExitCode {
    let text = std::fs::read_to_string(FILE).unwrap_or_default();
    let same = makers().iter().all(|maker| text.lines().any(|line| line == format!("# {maker}")));
    let mut recorded: BTreeMap<&str, f64> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, number)| (name, number.parse().expect("a number")))
        .collect();
    let mut failed = false;
    println!("{:>10} {:>10}", "counted", "recorded");
    for Row { name, instructions, reads_clock } in rows {
        let before = recorded.remove(name.as_str());
        let more = if *reads_clock { MORE_WITH_CLOCK } else { MORE };
        let (is_bad, remark) = verdict(*instructions, before, more, same);
        failed |= is_bad;
        println!("{instructions:>10.1} {:>10.1}  {name}{remark}", before.unwrap_or(f64::NAN));
    }
    for name in recorded.keys() {
        failed = true;
        println!("{:>21}  {name}: is not counted any more", "");
    }
    if !same {
        println!(
            "recorded with another compiler or C library: small differences are told, and not judged. {:?}",
            makers()
        );
    }
    if failed {
        println!("if this is how it shall be, write it down: {RENEW}");
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Whether this fails, and what there is to say.
fn verdict(now: f64, before: Option<f64>, more: f64, same: bool) -> (bool, &'static str) {
    let Some(before) = before else { return (true, ": NEW") };
    if now > before * MUCH_MORE {
        (true, ": FAR MORE")
    } else if now > before * more {
        (same, if same { ": MORE" } else { ": more" })
    } else if now < before * LESS {
        (false, if same { ": LESS, tighten it" } else { ": less" })
    } else {
        (false, "")
    }
}
