use shmobj_models::cell::*;
use shmobj_models::{explore, shortest_path};
use stateright::{Checker, Model};
fn main() {
    let want = std::env::args().nth(1);
    let mut faults = vec![None];
    faults.extend(Fault::ALL.map(Some));
    for fault in faults {
        if want.as_ref().is_some_and(|w| *w != format!("{fault:?}")) {
            continue;
        }
        for play in Play::ALL {
            let m = Cell { play, fault };
            let t = std::time::Instant::now();
            let c = explore(m);
            print!("{fault:?} {play:?}: {} states {:?}", c.unique_state_count(), t.elapsed());
            for p in m.properties() {
                if c.discovery(p.name).is_some() {
                    let path = shortest_path(&m, p.name).unwrap();
                    print!(" | {} in {}", &p.name[..2], path.clone().into_actions().len());
                    if want.is_some() {
                        println!();
                        for (s, a) in path.into_vec() {
                            println!("    {}   {a:?}", s.show());
                        }
                    }
                }
            }
            println!();
        }
    }
}
