//! Who holds a job: those to whom a handle was handed on, members, forks.

use shmobj_tests::lab::{Lab, PATIENCE};
use shmobj_tests::puppet::Puppet;
use shmobj_tests::random::unique;
use shmobj_tests::system::until;

#[track_caller]
fn begin(lab: &Lab) -> Puppet {
    let mut holder = lab.puppet("holder");
    holder.does("job h held new kill");
    holder.does(format!("enter c h {}", lab.escape("two")));
    assert!(lab.are_ready(2, "the members"));
    holder
}

/// Nothing has happened to them after a time in which they would have been ended.
#[track_caller]
fn go_on(lab: &Lab, count: usize, story: &str) {
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(lab.members().len(), count, "{story}: {:?}", lab.running());
}

/// JL-4.
#[test]
fn a_handle_that_was_sent_keeps_the_job() {
    crate::each("a_handle_that_was_sent_keeps_the_job", |lab| {
        let mut holder = begin(lab);
        let mut receiver = lab.puppet("receiver");
        let address = format!("shmobj-test.{:016x}", unique());
        receiver.does(format!("listen l {address} seqpacket"));
        holder.does(format!("call s {address} seqpacket"));
        receiver.does("accept s l");
        holder.does("hand s h");
        // It is in the socket, and nowhere else.
        holder.kill();
        go_on(lab, 2, "the handle is on its way");
        receiver.does("take s h");
        assert_eq!(receiver.does("members h").split(' ').count(), 2);
        receiver.does("lose h");
        lab.nothing_is_left("the receiver has lost it");
    });
}

#[test]
fn a_handle_that_a_child_inherits_keeps_the_job() {
    crate::each("a_handle_that_a_child_inherits_keeps_the_job", |lab| {
        let mut holder = begin(lab);
        let child = holder.spawn("role=h", "child");
        holder.kill();
        go_on(lab, 3, "the child has it"); // two members, and the child, which has the mark as well
        child.kill();
        lab.nothing_is_left("the child was killed");
    });
}

/// JL-5: a job whose member holds it does not close, even if it would be the only one.
#[test]
fn a_member_that_holds_its_job_keeps_it_open() {
    crate::each("a_member_that_holds_its_job_keeps_it_open", |lab| {
        let mut holder = begin(lab);
        let mut member = holder.enter("h role=h", "member");
        holder.kill();
        go_on(lab, 3, "a member holds it");
        member.does("inherited h role");
        assert_eq!(member.does("members h").split(' ').count(), 3);
        member.kill();
        lab.nothing_is_left("the member was killed");
    });
}

/// It ends with all others, although it is in the middle of it.
#[test]
fn a_member_terminates_its_own_job() {
    crate::each("a_member_terminates_its_own_job", |lab| {
        let mut holder = begin(lab);
        let mut member = holder.enter("h role=h", "member");
        member.does("inherited h role");
        member.tell("terminate h 9");
        lab.no_process_is_left("a member has terminated the job");
        assert_eq!(holder.does("await-job h 10000"), "true");
        holder.does("lose h");
        lab.nothing_is_left("a member has terminated the job");
    });
}

/// A fork has all that its parent had, so the job is held until it has ended as well.
#[test]
fn a_fork_of_a_holder_holds_the_job() {
    crate::each("a_fork_of_a_holder_holds_the_job", |lab| {
        let mut holder = begin(lab);
        let mut fork = holder.fork("fork");
        holder.kill();
        go_on(lab, 3, "the fork has it");
        assert_eq!(fork.does("members h").split(' ').count(), 2);
        fork.does(format!("enter d h {}", lab.escape("none")));
        go_on(lab, 4, "the fork has started another one");
        fork.kill();
        lab.nothing_is_left("the fork was killed");
    });
}

/// A handle to the job in its entry's directory is not one that was opened: it goes with the name only.
#[test]
fn the_name_goes_with_the_last_handle_and_not_with_the_last_process() {
    crate::each("the_name_goes_with_the_last_handle", |lab| {
        let mut holder = begin(lab);
        holder.does("terminate h 1");
        lab.no_process_is_left("terminated");
        assert_eq!(lab.scratch.files().len(), 1, "it is held");
        let mut other = lab.puppet("other");
        other.does("job-open h held");
        holder.kill();
        assert_eq!(lab.scratch.files().len(), 1, "another one holds it");
        other.does("lose h");
        assert!(until(PATIENCE, || lab.scratch.files().is_empty()), "{:?}", lab.scratch.files());
        lab.nothing_is_left("nobody holds it");
    });
}
