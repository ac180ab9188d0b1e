//! Writers of one dataset take turns: nothing is written over what came after it, by whoever was given up or looked too early.

use std::time::Duration;

use destilation::core::ports::DatasetWriter;

use crate::{SPLIT, World, many};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_nobody_waits_for_any_more_never_lands_on_what_was_written_after_it() {
    let world = World::new(SPLIT);
    let few = many(20);
    let expected = {
        let other = World::new(SPLIT);
        other.rebuild(&few).await;
        [other.read("train.jsonl"), other.read("valid.jsonl")]
    };
    let late = many(20_000);
    // Long under way on its own thread when the run that wanted it ends.
    let given_up = tokio::time::timeout(
        Duration::from_millis(5),
        world.writer.append(&world.job.spec, &[], late),
    );
    assert!(given_up.await.is_err(), "this machine is too fast for this test");
    let marks = world.rebuild(&few).await;
    // Whatever still runs has its turn first.
    assert!(world.recover(&marks).await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!([world.read("train.jsonl"), world.read("valid.jsonl")], expected);
    assert_eq!(world.findings().await, [""; 0]);
}

#[tokio::test]
async fn a_batch_after_marks_of_before_a_rebuild_is_refused_and_cuts_nothing() {
    let world = World::new(SPLIT);
    let early = world.append(&[], &many(40)[30..]).await;
    world.rebuild(&many(40)).await;
    let written = [world.read("train.jsonl"), world.read("valid.jsonl")];
    let late = world
        .writer
        .append(&world.job.spec, &early, many(60)[40..].to_vec())
        .await;
    assert!(late.unwrap_err().to_string().contains("must be written again"));
    assert_eq!([world.read("train.jsonl"), world.read("valid.jsonl")], written);
}
