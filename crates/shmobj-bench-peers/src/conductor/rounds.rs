//! Rounds of all contenders, one at a time, next to each other: A B C, then C B A.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cast::Cast;
use crate::operation::{Kind, Operation, Weight};
use crate::protocol::Answer;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Rounds that count.
    rounds: u32,
    /// Rounds before them.
    warm_up: u32,
    /// What a round is to take.
    aim: Duration,
}

impl Plan {
    /// As many rounds as were asked for, or fewer where each takes long.
    pub(super) fn of(operation: &Operation, rounds: u32, quick: bool) -> Self {
        let (rounds, warm_up) = match (operation.weight, quick) {
            (Weight::Light, _) => (rounds, 2),
            (Weight::Heavy, false) => (rounds.min(9), 1),
            (Weight::Heavy, true) => (rounds.min(3), 0),
            (Weight::Single, _) => (1, 0),
        };
        let aim = match (operation.kind, quick) {
            (Kind::Latency, false) => 10,
            (Kind::Cost, false) => 5,
            _ => 2,
        };
        Self { rounds, warm_up, aim: Duration::from_millis(aim) }
    }
}

/// What one contender has come to.
pub(super) struct Series {
    cast: Option<Cast>,
    count: u64,
    pub(super) rounds: Vec<f64>,
    pub(super) fairness: Vec<f64>,
    pub(super) values: BTreeMap<u64, u64>,
    /// Why it did not get to the end.
    pub(super) failed: Option<String>,
    /// Everything that was counted so far, in throughput.
    counted: u64,
}

impl Series {
    pub(super) fn new(cast: Cast) -> Self {
        let (rounds, fairness, values) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { cast: Some(cast), count: 1, rounds, fairness, values, failed: None, counted: 0 }
    }

    /// Finds out how many iterations take as long as a round should.
    fn calibrate(&mut self, operation: &Operation, aim: Duration) -> Result<(), String> {
        if let Some(count) = operation.count {
            self.count = count;
            return Ok(());
        }
        let aim = aim.as_nanos() as f64;
        loop {
            let took = self.round(operation)? * self.count as f64;
            if took * 2.0 >= aim || self.count >= 1 << 32 {
                self.count = ((self.count as f64 * aim / took) as u64).max(1);
                return Ok(());
            }
            self.count = (self.count as f64 * (aim / took.max(1.0)).clamp(2.0, 50.0)) as u64;
        }
    }

    /// A round: its figure.
    fn round(&mut self, operation: &Operation) -> Result<f64, String> {
        let cast = self.cast.as_mut().ok_or("it has gone")?;
        let answers = cast.round(self.count)?;
        match operation.kind {
            Kind::Throughput => self.throughput(&answers),
            Kind::Amount => match answers[..] {
                [Answer::Is(amount)] => Ok(amount as f64),
                _ => Err(unexpected(&answers)),
            },
            _ => {
                // Who measures is the contender's choice; its partners are just done.
                let mut measured = answers.iter().filter(|answer| **answer != Answer::Done);
                match (measured.next(), measured.next()) {
                    (Some(Answer::Took { nanoseconds, values }), None) => {
                        values
                            .iter()
                            .for_each(|(value, count)| *self.values.entry(*value).or_default() += count);
                        Ok(*nanoseconds as f64 / self.count as f64)
                    }
                    _ => Err(unexpected(&answers)),
                }
            }
        }
    }

    /// Iterations in a second. A lock that let two in at once has lost a count.
    fn throughput(&mut self, answers: &[Answer]) -> Result<f64, String> {
        let count = |answer: &Answer| match answer {
            Answer::Did(count) => Ok(*count),
            _ => Err(unexpected(answers)),
        };
        let counts = answers.iter().map(count).collect::<Result<Vec<u64>, _>>()?;
        let total: u64 = counts.iter().sum();
        self.counted += total;
        let directory = self.cast.as_ref().ok_or("it has gone")?.scratch.path();
        let page = std::fs::read(directory.join("page")).map_err(|error| error.to_string())?;
        let seen = u64::from_ne_bytes(page[..8].try_into().expect("eight bytes"));
        if seen != self.counted {
            return Err(format!("two were inside at once: {seen} of {} counts are left", self.counted));
        }
        let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
        self.fairness.push(least.unwrap_or(0) as f64 / most.unwrap_or(0).max(1) as f64);
        Ok(total as f64 * 1000.0 / self.count as f64)
    }

    /// It takes no further part, and has no figures.
    fn fail(&mut self, reason: String) {
        self.cast = None;
        self.rounds.clear();
        self.fairness.clear();
        self.values.clear();
        self.failed = Some(reason);
    }
}

fn unexpected(answers: &[Answer]) -> String {
    let answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
    format!("nobody expected: {}", answers.join(", "))
}

/// Does all rounds of all of them, and lets them tidy up.
pub(super) fn play(operation: &Operation, plan: Plan, all: &mut [Series]) {
    for series in &mut *all {
        if let Err(reason) = series.calibrate(operation, plan.aim) {
            series.fail(reason);
        }
    }
    for round in 0..plan.warm_up + plan.rounds {
        if round == plan.warm_up {
            for series in &mut *all {
                series.fairness.clear();
                series.values.clear();
            }
        }
        let mut order: Vec<usize> = (0..all.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let series = &mut all[index];
            if series.failed.is_some() {
                continue;
            }
            match series.round(operation) {
                Ok(figure) if round >= plan.warm_up => series.rounds.push(figure),
                Ok(_) => {}
                Err(reason) => series.fail(reason),
            }
        }
    }
    for series in all {
        if let Some(cast) = series.cast.take() {
            cast.end();
        }
    }
}
