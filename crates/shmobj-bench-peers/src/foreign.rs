//! Contenders that are other programs: in C++, in Python, and this one for Windows.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of this package's folder `foreign`.
fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(name)
}

/// What a program that is started says on its standard output, or why it has not worked.
fn said(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = complaint.lines().find(|line| line.contains("error")).unwrap_or("no reason given");
    Err(format!("{program} failed: {complaint}"))
}

/// Where the C++ program is: beside this one.
fn boost_program() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(here.with_file_name("shmobj-bench-peers-boost"))
}

fn compiler() -> OsString {
    std::env::var_os("CXX").unwrap_or_else(|| "g++".into())
}

/// Compiles it, unless it is newer than its sources.
pub(crate) fn boost() -> Result<Vec<OsString>, String> {
    let (folder, program) = (source("boost"), boost_program()?);
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let newest = files.iter().filter_map(|path| changed(path)).max();
    if changed(&program) <= newest {
        let mut look = Command::new(compiler());
        look.args([
            "-fsyntax-only",
            "-x",
            "c++",
            "-include",
            "boost/interprocess/interprocess_fwd.hpp",
            "/dev/null",
        ]);
        said(&mut look).map_err(|reason| format!("no C++ compiler with Boost's headers: {reason}"))?;
        let beside = program.with_extension(std::process::id().to_string());
        let mut compile = Command::new(compiler());
        compile.args(["-std=c++17", "-O2", "-DNDEBUG", "-Wall", "-Wextra", "-o"]).arg(&beside);
        compile
            .args(files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "cpp")));
        said(compile.args(["-pthread", "-lrt"])).map_err(|reason| format!("failed: {reason}"))?;
        // Whole at once: another run may do the same.
        std::fs::rename(&beside, &program).map_err(|error| error.to_string())?;
    }
    Ok(vec![program.into()])
}

/// Boost's version, as its headers have it.
pub(crate) fn boost_version() -> Option<String> {
    said(Command::new(boost_program().ok()?).arg("version")).ok()
}

fn interpreter() -> OsString {
    std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into())
}

/// With the `python3` of the user's path. `-B`: it leaves no compiled modules among the sources.
pub(crate) fn python() -> Result<Vec<OsString>, String> {
    said(Command::new(interpreter()).args(["-c", "import ctypes, multiprocessing.shared_memory"]))?;
    Ok(vec![interpreter(), "-B".into(), source("python/peers.py").into()])
}

/// As Python itself says it.
pub(crate) fn python_version() -> Option<String> {
    said(Command::new(interpreter()).arg("--version")).ok()
}

/// The variable that says where this program for Windows is. `.ci/peers` builds it.
const WINDOWS: &str = "SHMOBJ_PEERS_WINDOWS";

/// This program for Windows, under Wine.
pub(crate) fn wine() -> Result<Vec<OsString>, String> {
    let program = std::env::var_os(WINDOWS).ok_or_else(|| {
        format!("this program is not built for Windows: `.ci/peers` builds it and sets {WINDOWS}")
    })?;
    said(Command::new("wine").arg("--version"))?;
    Ok(vec!["wine".into(), program])
}

/// As Wine itself says it.
pub(crate) fn wine_version() -> Option<String> {
    said(Command::new("wine").arg("--version")).ok()
}
