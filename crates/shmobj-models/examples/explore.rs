//! Prints how many states each model has and, for each broken rule, what it breaks and the shortest
//! story in which it does so. A broken rule lets the states multiply, so all of it takes some minutes.
//!
//! ```text
//! cargo run --release -p shmobj-models --example explore [lifecycle|mutex|cell|gate|job] [fault]
//! ```
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::fmt::Debug;
use std::hash::Hash;

use shmobj_models::cell::Cell;
use shmobj_models::gate::Gate;
use shmobj_models::job::Job;
use shmobj_models::lifecycle::{DataKind, Lifecycle};
use shmobj_models::mutex::Mutex;
use shmobj_models::{cell, explore, gate, job, lifecycle, mutex, shortest_path};
use stateright::{Checker, Expectation, Model, Path};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (only, fault) = (arguments.next(), arguments.next());
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
    let wanted_fault = |name: &dyn Debug| fault.as_ref().is_none_or(|fault| *fault == format!("{name:?}"));

    if wanted("lifecycle") {
        for data in DataKind::ALL {
            count("lifecycle", data, Lifecycle { data, fault: None });
        }
        for fault in lifecycle::Fault::ALL.into_iter().filter(|it| wanted_fault(it)) {
            for data in DataKind::ALL {
                show(fault, data, Lifecycle { data, fault: Some(fault) }, Lifecycle::tell);
            }
        }
    }
    if wanted("mutex") {
        for scene in mutex::Scene::ALL {
            count("mutex", scene, Mutex { scene, fault: None });
        }
        for fault in mutex::Fault::ALL.into_iter().filter(|it| wanted_fault(it)) {
            for scene in mutex::Scene::ALL {
                show(fault, scene, Mutex { scene, fault: Some(fault) }, Mutex::tell);
            }
        }
    }
    if wanted("cell") {
        for scene in cell::Scene::ALL {
            count("cell", scene, Cell { scene, fault: None });
        }
        for fault in cell::Fault::ALL.into_iter().filter(|it| wanted_fault(it)) {
            for scene in cell::Scene::ALL {
                show(fault, scene, Cell { scene, fault: Some(fault) }, Cell::tell);
            }
        }
    }
    if wanted("gate") {
        for scene in gate::Scene::ALL {
            count("gate", scene, Gate { scene, fault: None });
        }
        for fault in gate::Fault::ALL.into_iter().filter(|it| wanted_fault(it)) {
            for scene in gate::Scene::ALL {
                show(fault, scene, Gate { scene, fault: Some(fault) }, Gate::tell);
            }
        }
    }
    if wanted("job") {
        for scene in job::Scene::ALL {
            count("job", scene, Job { scene, fault: None });
        }
        for fault in job::Fault::ALL.into_iter().filter(|it| wanted_fault(it)) {
            for scene in job::Scene::ALL {
                show(fault, scene, Job { scene, fault: Some(fault) }, Job::tell);
            }
        }
    }
}

fn count<M>(name: &str, variant: impl Debug, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + Debug + 'static,
    M::Action: Clone + PartialEq + Debug,
{
    let checker = explore(model);
    println!("{name}, {variant:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

/// Each property that the broken rule breaks, nearest first, and the story of the nearest.
fn show<M>(
    fault: impl Debug,
    variant: impl Debug,
    model: M,
    tell: impl Fn(&M, Path<M::State, M::Action>) -> Vec<String>,
) where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    println!("\n{fault:?}, {variant:?}");

    let checker = explore(model.clone());
    let invariants = model.properties().into_iter().filter(|it| it.expectation == Expectation::Always);
    let broken = invariants.filter(|it| checker.discovery(it.name).is_some());
    let paths = broken.filter_map(|it| Some((it.name, tell(&model, shortest_path(&model, it.name)?))));
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
