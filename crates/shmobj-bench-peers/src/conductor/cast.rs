//! All players of a contender in one operation.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use super::process::Process;
use super::tidy::Scratch;
use crate::contender::Contender;
use crate::operation::{Operation, Placement};
use crate::protocol::{Answer, Greeting, Request};

/// To be ready: some make 100,000 objects first.
const TO_START: Duration = Duration::from_secs(120);
/// For a round; a round that hangs is a failure, and the other contenders go on.
const TO_ANSWER: Duration = Duration::from_secs(60);
/// To tidy up, perhaps 100,000 objects. Whoever needs longer is killed.
const TO_END: Duration = Duration::from_secs(30);

/// What became of an attempt to start them.
#[derive(Debug)]
pub(super) enum Started {
    Cast(Cast),
    Absent(String),
    Unsupported,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Cast {
    /// Role 0 first.
    pub(super) players: Vec<Process>,
    pub(super) scratch: Scratch,
}

/// What every cast needs to know.
pub(super) struct House<'a> {
    pub(super) cores: &'a [usize],
    /// The command line of each contender, or why there is none.
    pub(super) commands: &'a [Result<Vec<OsString>, String>],
}

impl Cast {
    /// Starts the players, role 0 first.
    pub(super) fn start(
        house: &House<'_>,
        (contender, command): (&Contender, &Result<Vec<OsString>, String>),
        operation: &Operation,
        parameter: u64,
    ) -> Started {
        let command = match command {
            Ok(command) => command,
            Err(reason) => return Started::Absent(reason.clone()),
        };
        match Self::try_start(house, contender, command, operation, parameter) {
            Ok(started) => started,
            Err(error) => Started::Absent(format!("failed: {error}")),
        }
    }

    fn try_start(
        house: &House<'_>,
        contender: &Contender,
        command: &[OsString],
        operation: &Operation,
        parameter: u64,
    ) -> io::Result<Started> {
        let scratch = Scratch::new()?;
        std::fs::write(scratch.path().join("page"), [0; 4096])?;
        let objects = scratch.path().join("objects");
        std::fs::create_dir(&objects)?;
        let environment = [("SHMOBJ_DIR", objects.into_os_string())];
        let mut cast = Self { players: Vec::new(), scratch };
        for role in 0..operation.players(parameter) {
            let mut command = command.to_vec();
            command
                .extend(["play", operation.name, &parameter.to_string(), contender.name].map(OsString::from));
            command.extend([role.to_string().into(), cast.scratch.path().into()]);
            let core = core(house.cores, operation.placement, role);
            cast.players.push(Process::start(&command, &environment, core)?);
            let said = cast.players[role].hear(TO_START)?;
            match Greeting::parse(&said) {
                Greeting::Ready => {}
                Greeting::Absent(reason) => return Ok(Started::Absent(reason)),
                Greeting::Unsupported => return Ok(Started::Unsupported),
                Greeting::Failed(reason) => return Err(io::Error::other(reason)),
            }
        }
        Ok(Started::Cast(cast))
    }

    /// A round of all players, and their answers, role 0 first. The error says what became of one that gave none.
    pub(super) fn round(&mut self, count: u64) -> Result<Vec<Answer>, String> {
        let told = self.players.iter_mut().rev().try_for_each(|player| player.tell(Request::Run(count)));
        told.map_err(|error| error.to_string())?;
        let mut answers = Vec::new();
        for player in &mut self.players {
            match player.hear(TO_ANSWER).map(|line| Answer::parse(&line)) {
                Ok(Answer::Failed(reason)) => return Err(reason),
                Ok(answer) => answers.push(answer),
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(answers)
    }

    /// Lets all of them tidy up, the last one first.
    pub(super) fn end(mut self) {
        while let Some(player) = self.players.pop() {
            player.end(TO_END);
        }
    }
}

/// The first player on the first core, the second one on the last, and so on.
fn core(cores: &[usize], placement: Placement, role: usize) -> usize {
    let place = match (placement, role % 2) {
        (Placement::OneCore, _) | (Placement::Apart, 0) => {
            role / 2 * usize::from(placement == Placement::Apart)
        }
        _ => cores.len().saturating_sub(1 + role / 2),
    };
    cores[place % cores.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_are_as_far_apart_as_the_cores_allow() {
        let places = |cores: &[usize], placement| [0, 1, 2, 3].map(|role| core(cores, placement, role));
        assert_eq!(places(&[3, 5], Placement::Apart), [3, 5, 5, 3]);
        assert_eq!(places(&[0, 1, 2, 3], Placement::Apart), [0, 3, 1, 2]);
        assert_eq!(places(&[2, 7], Placement::OneCore), [2; 4]);
        assert_eq!(places(&[4], Placement::Apart), [4; 4]);
    }
}
