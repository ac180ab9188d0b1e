//! A sample that is made anew: the job asks again, and says something else.

use crate::sandbox::Sandbox;
use crate::session::Session;

#[test]
fn a_sample_is_made_anew_and_the_books_balance() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "few.toml",
        "name = \"few\"\n[seeds]\ncount = 3\n[[steps]]\nname = \"answer\"\nteachers = [{ use = \"mock/teacher\" }]\n\
         prompt = \"What is a tide?\"\nreuse = true\n[dataset]\nformat = \"raw\"\n",
    );
    sandbox.run(&["run", "few.toml", "--quiet"]).expect_code(0);
    let texts = || {
        let listed = sandbox.run(&["samples", "list", "job:few"]).expect_code(0).stdout;
        let texts = listed.lines().map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            (row["id"].to_string(), row["steps"]["answer"]["text"].to_string())
        });
        texts.collect::<Vec<_>>()
    };
    let before = texts();
    assert_eq!(before.len(), 3);

    let mut session = Session::open(&sandbox);
    session.keys(&["3"]);
    session.shows("3 match");
    session.keys(&["j", "R"]);
    session.shows("Regenerate 1 sample");
    session.shows("about 1 request, $0.00");
    // The start of the dialog hears nothing yet.
    std::thread::sleep(std::time::Duration::from_millis(400));
    session.keys(&["y"]);
    session.shows("1 task in the queue again");
    session.shows("2 match");
    session.keys(&["2"]);
    session.shows("paused");
    session.keys(&["p"]);
    session.shows("completed");
    session.keys(&["q"]);
    session.send("\x03\x03");
    session.end();

    let after = texts();
    let ids = |rows: &[(String, String)]| rows.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before), "it keeps its name");
    let same: Vec<bool> = before.iter().zip(&after).map(|(old, new)| old == new).collect();
    assert_eq!(same, [true, false, true]);
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
    sandbox.run(&["verify", "datasets/few"]).expect_code(0);
}
