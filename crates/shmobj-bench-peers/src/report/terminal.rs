//! The table of an operation for a terminal, printed while a run goes on.

use super::table::beside;
use super::words;
use crate::results::{Measured, Row};

/// With a line for each contender, also for those that are absent.
pub(crate) fn table(measured: &Measured) -> String {
    let mut rows: Vec<[String; 5]> =
        vec![["", "median", "minimum", "spread", "shmobj : this"].map(Into::into)];
    rows.extend(measured.ranked().into_iter().chain(measured.stuck()).map(|row| cells(measured, row)));
    let widths: [usize; 4] = std::array::from_fn(|column| {
        rows.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0)
    });
    let mut text = format!("\n{} [{} {}]\n", measured.title, measured.name, measured.parameter);
    for [name, median, minimum, spread, rest] in rows {
        let [a, b, c, d] = widths;
        let line = format!("  {name:<a$}  {median:>b$}  {minimum:>c$}  {spread:>d$}  {rest}");
        text += line.trim_end();
        text.push('\n');
    }
    for (row, reason) in measured.absent() {
        text += &format!("  {}: {reason}\n", row.title);
    }
    text
}

fn cells(measured: &Measured, row: &Row) -> [String; 5] {
    let shown = |value: Option<f64>| value.map_or(String::new(), |value| words::value(value, &measured.unit));
    let fairness = row.fairness.map(|part| format!("least/most {part:.2}"));
    // An outcome of the dead says the same in words; the names are for who looks for their maker.
    let left = row.left.as_ref().map(|left| {
        let names = left.names.iter().take(4).map(|name| format!(" {name}"));
        words::left(left) + &names.collect::<String>()
    });
    let outcome = row.outcome.clone().filter(|_| left.is_none());
    let ratio = Some(beside(measured, row).replace("**", "")).filter(|text| text.len() > "–".len());
    let rest: Vec<String> = [ratio, fairness, outcome, left].into_iter().flatten().collect();
    let spread = row.spread.map_or(String::new(), words::percent);
    [row.title.clone(), shown(row.median), shown(row.minimum), spread, rest.join("; ")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::made_up;

    #[test]
    fn columns_stand_below_each_other_and_nobody_is_missing() {
        let results = made_up();
        let measured = results.find("lock", 0).expect("it");
        let text = table(measured);
        for row in &measured.contenders {
            assert!(text.contains(&row.title), "{} is not in {text}", row.title);
        }
        let ends: Vec<usize> = text
            .lines()
            .filter_map(|line| line.find(" ns  ").or(line.find(" us  ")).map(|at| line[..at].chars().count()))
            .collect();
        assert!(ends.len() > 5 && ends.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
        assert!(text.contains("refused: the quartiles are"), "{text}");
    }
}
