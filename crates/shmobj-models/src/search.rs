//! Two ways to run a model: visit everything, or find the shortest story of one property.

use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model, Path};

/// Visits every state of `model`, and returns the checker that did.
///
/// States are told apart by a 64-bit fingerprint. With a million states the chance that two of
/// them share one, and that one of them is therefore skipped, is below one in ten million.
pub fn explore<M>(model: M) -> impl Checker<M>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    model.checker().threads(threads).spawn_bfs().join()
}

/// The shortest path to a state that breaks `property` (or shows it, where it is one that must be
/// possible). `None`: there is no such state.
///
/// A breadth-first checker remembers the last such state of a batch, not the first, so the search
/// is repeated with the depth of the last answer as the limit until nothing is nearer.
pub fn shortest_path<M>(model: &M, property: &'static str) -> Option<Path<M::State, M::Action>>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let mut nearest: Option<Path<M::State, M::Action>> = None;
    loop {
        let mut checker = model.clone().checker().finish_when(HasDiscoveries::AnyOf([property].into()));
        if let Some(path) = &nearest {
            // The limit counts states, the first one included, and is itself not visited.
            checker = checker.target_max_depth(path.clone().into_vec().len());
        }
        match checker.spawn_bfs().join().discovery(property) {
            Some(path) => nearest = Some(path),
            None => return nearest,
        }
    }
}
