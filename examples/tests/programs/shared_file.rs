//! `shared_file`.

use crate::support::Place;

/// Rows CW-1 to CW-3, CW-6 and TS-10: what is private reaches neither the other views nor the file, and only the view that was written
/// stops following.
#[test]
fn what_is_written_to_a_copy_on_write_view_reaches_nobody() {
    let place = Place::new();
    let lines = place.run(env!("CARGO_BIN_EXE_shared_file"), &[]);
    let expected = [
        r#"editor: the file says  "one fish""#,
        r#"editor: it writes      "ONE FISH" into its shared view"#,
        r#"guest:  its views show "ONE FISH" and "ONE FISH": nobody has written to them, so they show what is shared"#,
        r#"guest:  it writes      "my fish!" into its first view"#,
        r#"guest:  its views show "my fish!" and "ONE FISH": the first has a page of its own now"#,
        r#"editor: its view shows "ONE FISH": what the guest wrote reaches nobody"#,
        r#"editor: it writes      "two fish" into its shared view"#,
        r#"guest:  its views show "my fish!" and "two fish": only the second follows"#,
        r#"guest:  it flushes its first view, which has nothing to write"#,
        r#"editor: the file says  "two fish""#,
    ];
    assert_eq!(lines, expected);
    place.assert_empty();
}
