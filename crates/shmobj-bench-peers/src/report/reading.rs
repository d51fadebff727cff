//! What the documents and the pictures read out of results, so that they all say the same.

use crate::contender::OURS;
use crate::results::{Measured, Results, Row};

/// Samples that have to lie beyond a percentile for it to be told: fewer would be an anecdote.
const BEYOND: u64 = 10;

/// How ours did beside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Better,
    Worse,
    /// The quartiles of the ratio are on both sides of one.
    Even,
}

impl Measured {
    /// One of its contenders.
    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.contenders.iter().find(|row| row.name == name)
    }

    /// Whether more is better.
    pub(crate) fn more_is_better(&self) -> bool {
        self.better == "higher"
    }

    /// Those with figures, the best first.
    pub(crate) fn ranked(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.contenders.iter().filter(|row| row.figure().is_some()).collect();
        let names = |row: &Row| row.left.as_ref().map_or(0, |left| left.names.len());
        rows.sort_by(|one, other| {
            let order = one.figure().unwrap_or(0.0).total_cmp(&other.figure().unwrap_or(0.0));
            let order = order.then(names(one).cmp(&names(other)));
            if self.more_is_better() { order.reverse() } else { order }
        });
        rows
    }

    /// Those that took part and never came to an end: a lock that nobody gets after its owner was killed.
    pub(crate) fn stuck(&self) -> impl Iterator<Item = &Row> {
        self.contenders.iter().filter(|row| row.is_stuck())
    }

    /// Those without figures, and why.
    pub(crate) fn absent(&self) -> impl Iterator<Item = (&Row, &str)> {
        self.contenders.iter().filter_map(|row| Some((row, row.absent.as_deref()?)))
    }

    /// How ours did beside this one; `None` if there is no ratio.
    pub(crate) fn verdict(&self, row: &Row) -> Option<Verdict> {
        let ratio = row.ratio.filter(|_| row.refused.is_none())?;
        let (less, more) = (ratio.high < 1.0, ratio.low > 1.0);
        Some(match (less, more, self.more_is_better()) {
            (true, _, false) | (_, true, true) => Verdict::Better,
            (_, true, false) | (true, _, true) => Verdict::Worse,
            _ => Verdict::Even,
        })
    }

    /// A verdict in a word that suits what was measured.
    pub(crate) fn verdict_word(&self, verdict: Verdict) -> &'static str {
        match (verdict, self.kind.as_str()) {
            (Verdict::Better, "amount" | "leftovers") => "less",
            (Verdict::Worse, "amount" | "leftovers") => "more",
            (Verdict::Better, _) => "faster",
            (Verdict::Worse, _) => "slower",
            (Verdict::Even, _) => "even",
        }
    }
}

impl Row {
    /// Whether it is ours.
    pub(crate) fn is_ours(&self) -> bool {
        self.name == OURS
    }

    /// Whether it is ours, or ours used in another way.
    pub(crate) fn is_of_ours(&self) -> bool {
        self.name.split('-').next() == Some(OURS)
    }

    /// What it is ranked by.
    pub(crate) fn figure(&self) -> Option<f64> {
        if self.absent.is_some() || self.is_stuck() {
            return None;
        }
        self.median.or_else(|| self.left.as_ref().map(|left| left.bytes as f64))
    }

    /// It took part, and there is an outcome in words but no time.
    pub(crate) fn is_stuck(&self) -> bool {
        self.absent.is_none() && self.left.is_none() && self.outcome.is_some() && self.median.is_none()
    }

    /// The value below which this part of the latencies lies; `None` if too few lie above it to say.
    pub(crate) fn percentile(&self, part: f64) -> Option<u64> {
        let total: u64 = self.histogram.iter().map(|(_, count)| count).sum();
        if (total as f64) * (1.0 - part) < BEYOND as f64 - 1e-6 {
            return None;
        }
        let wanted = (total as f64 * part).ceil() as u64;
        let mut seen = 0;
        self.histogram.iter().find_map(|&(value, count)| {
            seen += count;
            (seen >= wanted).then_some(value)
        })
    }

    /// The longest latency.
    pub(crate) fn longest(&self) -> Option<u64> {
        self.histogram.last().map(|&(value, _)| value)
    }
}

impl Results {
    /// An operation with a parameter.
    pub(crate) fn find(&self, name: &str, parameter: u64) -> Option<&Measured> {
        self.operations.iter().find(|operation| operation.name == name && operation.parameter == parameter)
    }

    /// An operation with all its parameters.
    pub(crate) fn family(&self, name: &str) -> Vec<&Measured> {
        self.operations.iter().filter(|operation| operation.name == name).collect()
    }

    /// The names of the operations, each once, in their order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for operation in &self.operations {
            if !names.contains(&operation.name.as_str()) {
                names.push(&operation.name);
            }
        }
        names
    }

    /// The contenders' names, each once, in the order in which they first appear.
    pub(crate) fn contenders(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = Vec::new();
        for row in self.operations.iter().flat_map(|operation| &operation.contenders) {
            if !rows.iter().any(|known| known.name == row.name) {
                rows.push(row);
            }
        }
        rows
    }
}
