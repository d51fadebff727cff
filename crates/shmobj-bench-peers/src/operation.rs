//! What is measured.

/// What sort of figure an operation gives, and with that how its rounds are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nanoseconds of an iteration.
    Cost,
    /// The same, and how they are distributed.
    Latency,
    /// Iterations in a second, of all processes, and how evenly they were shared.
    Throughput,
    /// Bytes or descriptors of an object.
    Amount,
    /// Nanoseconds from a SIGKILL until the next process has the lock.
    Recovery,
    /// What is left when everybody was killed.
    Leftovers,
}

impl Kind {
    /// Its name in the results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::Amount => "amount",
            Self::Recovery => "recovery",
            Self::Leftovers => "leftovers",
        }
    }

    /// Which figures are better.
    pub(crate) fn better(self) -> &'static str {
        if self == Self::Throughput { "higher" } else { "lower" }
    }
}

/// On which cores the players of a contender are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// The first one on the first core, the second one on the last, and so on.
    Apart,
    /// All on the same.
    OneCore,
}

/// How long a round is, and so how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Some milliseconds: there are many.
    Light,
    /// A good part of a second: there are few.
    Heavy,
    /// It is always the same: there is one.
    Single,
}

/// See the module's documentation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// As it is said to players.
    pub(crate) name: &'static str,
    /// For the heading of a table; `{}` is the parameter.
    title: &'static str,
    /// A table for each; 0 if there is none.
    pub(crate) parameters: &'static [u64],
    /// How many processes play; 0 if the parameter says it.
    players: usize,
    pub(crate) kind: Kind,
    pub(crate) unit: &'static str,
    pub(crate) placement: Placement,
    pub(crate) weight: Weight,
    /// Iterations of a round; `None`: as many as fill it.
    pub(crate) count: Option<u64>,
}

impl Operation {
    /// How many processes play.
    pub(crate) fn players(&self, parameter: u64) -> usize {
        if self.players == 0 { parameter as usize } else { self.players }
    }

    /// The heading of its table.
    pub(crate) fn title(&self, parameter: u64) -> String {
        let many = matches!(self.name, "create" | "open" | "close" | "first-touch" | "transfer");
        let shown = if many { size(parameter) } else { thousands(parameter) };
        self.title.replace("{}", &shown)
    }
}

/// Bytes as they are spoken of.
fn size(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 30 => format!("{} GiB", b >> 30),
        b if b >= 1 << 20 => format!("{} MiB", b >> 20),
        b => format!("{} KiB", b >> 10),
    }
}

fn thousands(number: u64) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

const SIZES: &[u64] = &[4 << 10, 1 << 20, 256 << 20];
const WIDTHS: &[u64] = &[1, 2, 8, 64];
const CROWDS: &[u64] = &[10, 10_000, 100_000];
const GIBIBYTE: &[u64] = &[1 << 30];
const SOME: &[u64] = &[1000];

const COST: Operation = Operation {
    name: "",
    title: "",
    parameters: &[0],
    players: 1,
    kind: Kind::Cost,
    unit: "ns",
    placement: Placement::Apart,
    weight: Weight::Light,
    count: None,
};
const LATENCY: Operation = Operation { kind: Kind::Latency, players: 2, ..COST };
const AMOUNT: Operation =
    Operation { kind: Kind::Amount, parameters: SOME, weight: Weight::Single, count: Some(1), ..COST };

/// All of them, in the order in which they are done.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation { name: "lock", title: "Lock and unlock, nobody else wants it", ..COST },
    Operation {
        name: "contended",
        title: "{} processes that all want one lock all the time",
        parameters: &[2, 4],
        players: 0,
        kind: Kind::Throughput,
        unit: "per s",
        count: Some(100),
        ..COST
    },
    Operation { name: "event", title: "Set, and a wait that is satisfied at once", ..COST },
    Operation { name: "semaphore", title: "Release and acquire", ..COST },
    Operation { name: "ping-pong", title: "There and back between two cores, always asleep", ..LATENCY },
    Operation {
        name: "ping-pong-one-core",
        title: "There and back on one core, always asleep",
        placement: Placement::OneCore,
        ..LATENCY
    },
    Operation {
        name: "ping-pong-spinning",
        title: "There and back between two cores, both sides spinning",
        ..LATENCY
    },
    Operation {
        name: "wait-any",
        title: "A wait for any of {}, the last one signalled",
        parameters: WIDTHS,
        ..COST
    },
    Operation { name: "wait-all", title: "A wait for all of {}, all signalled", parameters: WIDTHS, ..COST },
    Operation {
        name: "wait-any-asleep",
        title: "Being woken from a wait for any of {} by another process",
        parameters: WIDTHS,
        count: Some(20),
        ..LATENCY
    },
    Operation { name: "create", title: "Create and map named memory of {}", parameters: SIZES, ..COST },
    Operation { name: "open", title: "Open and map named memory of {}", parameters: SIZES, ..COST },
    Operation { name: "close", title: "Unmap and close named memory of {}", parameters: SIZES, ..COST },
    Operation {
        name: "create-beside",
        title: "Create and map 4 KiB beside {} other objects",
        parameters: CROWDS,
        ..COST
    },
    Operation {
        name: "open-beside",
        title: "Open and map 4 KiB beside {} other objects",
        parameters: CROWDS,
        ..COST
    },
    Operation {
        name: "first-touch",
        title: "The first write to every page of {} of fresh named memory",
        parameters: GIBIBYTE,
        weight: Weight::Heavy,
        count: Some(1),
        ..COST
    },
    Operation {
        name: "transfer",
        title: "{} from one process to another, which reads every byte",
        parameters: GIBIBYTE,
        players: 2,
        weight: Weight::Heavy,
        count: Some(1),
        ..COST
    },
    Operation {
        name: "memory-per-object",
        title: "Memory of an object of 4 KiB, of {} that one process holds",
        unit: "bytes",
        ..AMOUNT
    },
    Operation {
        name: "descriptors-per-object",
        title: "Descriptors of an object of 4 KiB, of {} that one process holds",
        unit: "descriptors",
        ..AMOUNT
    },
    Operation {
        name: "recovery",
        title: "A lock whose owner is killed reaches the next one",
        players: 2,
        kind: Kind::Recovery,
        count: Some(1),
        ..COST
    },
    Operation {
        name: "leftovers",
        title: "What is left when everybody is killed",
        players: 2,
        kind: Kind::Leftovers,
        unit: "bytes",
        weight: Weight::Single,
        ..COST
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_speak_of_sizes_and_numbers() {
        let title = |name: &str, parameter| {
            OPERATIONS.iter().find(|operation| operation.name == name).expect("it").title(parameter)
        };
        assert_eq!(title("create", 1 << 20), "Create and map named memory of 1 MiB");
        assert_eq!(title("open-beside", 100_000), "Open and map 4 KiB beside 100,000 other objects");
        assert_eq!(title("lock", 0), "Lock and unlock, nobody else wants it");
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_players() {
        for (index, operation) in OPERATIONS.iter().enumerate() {
            assert!(
                OPERATIONS[..index].iter().all(|other| other.name != operation.name),
                "{}",
                operation.name
            );
            for &parameter in operation.parameters {
                assert!((1..=4).contains(&operation.players(parameter)), "{}", operation.name);
            }
        }
    }
}
