//! Crates that do something of the same.

use super::{Made, Stage};

/// Prepares the part that the stage says.
pub(crate) fn make(stage: &Stage) -> Made {
    Made::Absent(format!("{} is not part of this program", stage.contender))
}
