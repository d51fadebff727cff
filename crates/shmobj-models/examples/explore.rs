//! Prints how many states each model has and, for each broken rule, what it breaks and the shortest
//! story in which it does so. A broken rule lets the states multiply, so this takes some minutes.
//!
//! ```text
//! cargo run --release -p shmobj-models --example explore
//! ```
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use shmobj_models::lifecycle::{DataKind, Fault, Lifecycle};
use shmobj_models::{explore, shortest_path};
use stateright::{Checker, Expectation, Model};

fn main() {
    for data in DataKind::ALL {
        let checker = explore(Lifecycle { data, fault: None });
        println!("lifecycle, {data:?}: {} states", checker.unique_state_count());
        checker.assert_properties();
    }
    for fault in Fault::ALL {
        for data in DataKind::ALL {
            show(Lifecycle { data, fault: Some(fault) });
        }
    }
}

/// Each property that the broken rule breaks, nearest first, and the story of the nearest.
fn show(model: Lifecycle) {
    let fault = model.fault.map(|fault| format!("{fault:?}")).unwrap_or_default();
    println!("\n{fault}, {:?}", model.data);

    let checker = explore(model);
    let invariants = model.properties().into_iter().filter(|it| it.expectation == Expectation::Always);
    let broken = invariants.filter(|it| checker.discovery(it.name).is_some());
    let paths = broken.filter_map(|it| Some((it.name, model.tell(shortest_path(&model, it.name)?))));
    let mut stories: Vec<_> = paths.collect();
    stories.sort_by_key(|(_, story)| story.len());

    println!("  {} states", checker.unique_state_count());
    for (property, story) in &stories {
        println!("  breaks {property}, in {} actions", story.len());
    }
    match stories.first() {
        None => println!("  breaks nothing"),
        Some((_, story)) => story.iter().for_each(|line| println!("    {line}")),
    }
}
