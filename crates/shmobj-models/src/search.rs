//! Ways to run a model: visit everything, or find a path to one property.

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

/// A short path to a state that breaks `property` (or shows it, where it is one that must be
/// possible). `None`: there is no such state.
pub fn find_path<M>(model: &M, property: &'static str) -> Option<Path<M::State, M::Action>>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    find_within(model, property, None)
}

/// Like [`find_path`], and no other path is shorter.
///
/// A breadth-first checker remembers the last such state of a batch, not the first, so the search
/// is repeated with the length of the last answer as the limit until nothing is nearer.
pub fn shortest_path<M>(model: &M, property: &'static str) -> Option<Path<M::State, M::Action>>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let mut nearest = find_path(model, property)?;
    while let Some(nearer) = find_within(model, property, Some(nearest.clone().into_vec().len())) {
        nearest = nearer;
    }
    Some(nearest)
}

/// `limit` counts states, the first one included; the path has fewer.
fn find_within<M>(
    model: &M,
    property: &'static str,
    limit: Option<usize>,
) -> Option<Path<M::State, M::Action>>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let checker = model.clone().checker().finish_when(HasDiscoveries::AnyOf([property].into()));
    let checker = match limit {
        Some(states) => checker.target_max_depth(states),
        None => checker,
    };
    checker.spawn_bfs().join().discovery(property)
}
