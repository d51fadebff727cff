//! Starts the players, binds them to cores, has them play in turns, and collects what they answer.

mod cast;
mod killed;
mod left;
mod machine;
mod process;
mod rounds;
mod row;
mod table;
mod tidy;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;

use cast::{Cast, House, Started};
use rounds::{Plan, Series};

use crate::contender::{CONTENDERS, Contender, OURS, Start};
use crate::operation::{Kind, OPERATIONS, Operation};
use crate::results::{Measured, Results, Row, Settings, VERSION};

/// What is wanted of a run.
#[derive(clap::Args)]
pub(crate) struct Wanted {
    /// This operation alone; can be given several times
    #[arg(long, value_name = "OPERATION")]
    only: Vec<String>,
    /// This contender alone, and ours; can be given several times
    #[arg(long = "contender", value_name = "NAME")]
    contenders: Vec<String>,
    /// Rounds that count, where a round is short
    #[arg(long)]
    rounds: Option<u32>,
    /// Two minutes instead of a quarter of an hour: fewer and shorter rounds
    #[arg(long)]
    quick: bool,
    /// Where the results go
    #[arg(long, default_value = "results.json")]
    out: PathBuf,
}

impl Wanted {
    fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 9 } else { 41 }).max(1)
    }

    fn operations(&self) -> io::Result<Vec<&'static Operation>> {
        let known = |name: &String| OPERATIONS.iter().any(|operation| operation.name == name);
        check("operation", self.only.iter().find(|name| !known(name)))?;
        let wanted = |operation: &&Operation| {
            self.only.is_empty() || self.only.iter().any(|name| name == operation.name)
        };
        Ok(OPERATIONS.iter().filter(wanted).collect())
    }

    fn contenders(&self) -> io::Result<Vec<&'static Contender>> {
        let known = |name: &String| CONTENDERS.iter().any(|contender| contender.name == name);
        check("contender", self.contenders.iter().find(|name| !known(name)))?;
        let wanted = |contender: &&Contender| {
            let named = self.contenders.iter().any(|name| name == contender.name);
            self.contenders.is_empty() || named || contender.name == OURS
        };
        Ok(CONTENDERS.iter().filter(wanted).collect())
    }
}

fn check(what: &str, unknown: Option<&String>) -> io::Result<()> {
    unknown.map_or(Ok(()), |name| {
        let message = format!("there is no {what} \"{name}\"; `list` shows them");
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    })
}

/// Prints the tables of operations and of contenders.
pub(crate) fn list() -> io::Result<()> {
    let mut text = String::from("operations\n");
    for operation in OPERATIONS {
        for &parameter in operation.parameters {
            text += &format!("  {:<24} {}\n", operation.name, operation.title(parameter));
        }
    }
    text += "contenders\n";
    for contender in CONTENDERS {
        text += &format!("  {:<24} {}: {}\n", contender.name, contender.title, contender.how);
    }
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()), // whoever reads has seen enough
        result => result,
    }
}

/// Measures what is wanted. The results are written after each operation, so that a run which is cut short has some.
pub(crate) fn run(wanted: &Wanted) -> io::Result<()> {
    let (operations, contenders) = (wanted.operations()?, wanted.contenders()?);
    tidy::at_signals();
    let _at_the_end = tidy::AtTheEnd;
    raise_limits();
    let commands: Vec<_> = contenders.iter().map(|contender| command(contender)).collect();
    let cores = machine::cores();
    let house = House { cores: &cores, commands: &commands };
    let rounds = wanted.rounds();
    let mut results = Results {
        version: VERSION,
        taken: machine::today(),
        machine: machine::describe(&contenders),
        settings: Settings { rounds, quick: wanted.quick },
        operations: Vec::new(),
    };
    for operation in operations {
        for &parameter in operation.parameters {
            let rows = match operation.kind {
                Kind::Recovery => {
                    let kills = if wanted.quick { 3 } else { 21 };
                    killed::recovery(&house, &contenders, operation, kills.min(rounds))
                }
                Kind::Leftovers => killed::leftovers(&house, &contenders, operation),
                _ => {
                    let plan = Plan::of(operation, rounds, wanted.quick);
                    measure(&house, &contenders, operation, parameter, plan)
                }
            };
            let measured = Measured {
                name: operation.name.into(),
                parameter,
                title: operation.title(parameter),
                unit: operation.unit.into(),
                kind: operation.kind.name().into(),
                better: operation.kind.better().into(),
                contenders: rows,
            };
            table::print(&measured);
            results.operations.push(measured);
            results.write(&wanted.out)?;
        }
    }
    Ok(())
}

/// Some contenders hold a descriptor or two for each of 100,000 objects. Players inherit this.
fn raise_limits() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
    // Whoever may raise the limit itself has as many as the system gives to anybody.
    let most = std::fs::read_to_string("/proc/sys/fs/nr_open").unwrap_or_default();
    if let Ok(most) = most.trim().parse() {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

/// The command line of a contender's players.
fn command(contender: &Contender) -> Result<Vec<OsString>, String> {
    match contender.start {
        Start::Here => {
            let program = std::env::current_exe().map_err(|error| error.to_string())?;
            Ok(vec![program.into_os_string()])
        }
        Start::Program(command) => command(),
    }
}

/// Whoever can do it, in turns.
fn measure(
    house: &House<'_>,
    contenders: &[&Contender],
    operation: &Operation,
    parameter: u64,
    plan: Plan,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut playing: Vec<(usize, Series)> = Vec::new();
    for (contender, command) in contenders.iter().zip(house.commands) {
        let mut row = row::of(contender);
        match Cast::start(house, (contender, command), operation, parameter) {
            Started::Cast(cast) => playing.push((rows.len(), Series::new(cast))),
            Started::Absent(reason) => row.absent = Some(reason),
            Started::Unsupported => continue,
        }
        rows.push(row);
    }
    let (places, mut all): (Vec<usize>, Vec<Series>) = playing.into_iter().unzip();
    rounds::play(operation, plan, &mut all);
    for (place, series) in places.into_iter().zip(all) {
        row::fill(&mut rows[place], series);
    }
    row::compare(&mut rows);
    rows
}
