//! The results of a run as JSON: the conductor writes them, the report reads them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The version of this form.
pub(crate) const VERSION: u32 = 1;

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Results {
    pub(crate) version: u32,
    /// Year, month and day.
    pub(crate) taken: String,
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    pub(crate) operations: Vec<Measured>,
}

/// Where it was done, and with what.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) memory_bytes: u64,
    pub(crate) system: String,
    /// Of contenders, by their names.
    pub(crate) versions: BTreeMap<String, String>,
}

/// How it was done.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Settings {
    pub(crate) rounds: u32,
    pub(crate) quick: bool,
}

/// An operation with a parameter: a table.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) parameter: u64,
    pub(crate) title: String,
    pub(crate) unit: String,
    pub(crate) kind: String,
    pub(crate) better: String,
    pub(crate) contenders: Vec<Row>,
}

/// What became of a contender. Where it is absent, or was not measured to the end, there are no figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) how: String,
    /// Why there are no figures; `failed: ...` if there should have been some.
    pub(crate) absent: Option<String>,
    /// In the operation's unit, in the order in which they were done.
    pub(crate) rounds: Vec<f64>,
    pub(crate) median: Option<f64>,
    pub(crate) minimum: Option<f64>,
    /// The distance between the quartiles, relative to the median.
    pub(crate) spread: Option<f64>,
    /// Ours to this, of rounds that were next to each other.
    pub(crate) ratio: Option<Ratio>,
    /// Why there is no ratio.
    pub(crate) refused: Option<String>,
    /// Latencies in nanoseconds, and how often each was seen.
    pub(crate) histogram: Vec<(u64, u64)>,
    /// Throughput: what the process that got least got, relative to the one that got most.
    pub(crate) fairness: Option<f64>,
    /// Recovery: in words.
    pub(crate) outcome: Option<String>,
    /// Leftovers.
    pub(crate) left: Option<Left>,
}

/// A median between its quartiles.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// What was found when everybody was dead.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub(crate) struct Left {
    pub(crate) names: Vec<String>,
    pub(crate) bytes: u64,
}

impl Results {
    /// Replaces the file at once: whoever reads it sees a whole one.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("json.new");
        std::fs::write(&beside, serde_json::to_string_pretty(self)? + "\n")?;
        std::fs::rename(beside, path)
    }

    /// Those of a file of this version.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let results: Self = serde_json::from_slice(&std::fs::read(path)?)?;
        if results.version != VERSION {
            let message = format!("{} has version {} of the form", path.display(), results.version);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(results)
    }
}
