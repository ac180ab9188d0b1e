//! The words that recipes are made of: how fields are drawn, rounds, computed answers, turns, raw prompts, conditions.

use serde_json::json;

use super::*;
use crate::core::Row;

fn pool(path: &str, most: usize) -> Result<Vec<Row>, String> {
    let row = |text: &str, more: bool| -> Row {
        let mut row: Row = [("text".to_owned(), json!(text))].into_iter().collect();
        if more {
            row.insert("level".to_owned(), json!(1));
        }
        row
    };
    match path {
        "one.jsonl" => Ok(vec![row("a", false), row("b", false)]),
        "two.jsonl" => Ok(vec![row("a", true), row("b", true)]),
        "many.jsonl" => Ok((0..most).map(|_| row("x", false)).collect()),
        other => Err(format!("no file {other}")),
    }
}

fn known<'a>() -> Known<'a> {
    Known {
        pool: &pool,
        ..Known::default()
    }
}

fn said_of(source: &str) -> Vec<String> {
    said_with(source, &known())
}

fn spec(source: &str) -> JobSpec {
    let parsed = read_with(source, &known());
    assert_eq!(parsed.problems, [], "{source}");
    let spec = parsed.spec.unwrap();
    let stored = serde_json::to_string(&spec).unwrap();
    assert_eq!(
        serde_json::from_str::<JobSpec>(&stored).unwrap(),
        spec,
        "the normal form reads back"
    );
    spec
}

#[test]
fn every_way_of_drawing_is_read() {
    let spec = spec(&small(
        r#"
[vary]
length = { normal = [120, 30], within = [60, 200], digits = 0 }
level = { choose = ["easy", "hard"] }
steps = { by = "level", cases = { easy = { integer = [1, 3] }, hard = "many" } }
shots = { choose_from = "one.jsonl", draw = 2 }
whole = { choose_from = "two.jsonl" }
part = { choose_from = "two.jsonl", field = "text" }
who = { choose_from = "personas" }
"#,
    ));
    let of = |name: &str| &spec.vary.iter().find(|(field, _)| field == name).unwrap().1;
    assert_eq!(
        *of("length"),
        Vary::Normal(Normal {
            mean: 120.0,
            deviation: 30.0,
            within: Some((60.0, 200.0)),
            digits: 0
        })
    );
    let Vary::Case(cases) = of("steps") else { panic!() };
    assert_eq!(cases.cases[1].1, Vary::Choose(vec![json!("many")]));
    assert_eq!(*of("shots"), Vary::Draw(vec![json!("a"), json!("b")], 2));
    assert_eq!(
        *of("whole"),
        Vary::Choose(vec![
            json!({"text": "a", "level": 1}),
            json!({"text": "b", "level": 1})
        ])
    );
    assert_eq!(*of("part"), Vary::Choose(vec![json!("a"), json!("b")]));
    let Vary::Choose(personas) = of("who") else {
        panic!()
    };
    assert!((40..=100).contains(&personas.len()), "{}", personas.len());
}

#[test]
fn what_cannot_be_drawn_is_said_with_its_place() {
    let said = said_of(&small(
        r#"
[vary]
a = { normal = [1], digit = 2 }
b = { choose = ["x"], within = [1, 2] }
c = { by = "d", cases = { x = 1 } }
d = { choose = ["x", "y"] }
e = { by = "d", cases = { x = 1 } }
f = { choose_from = "none.jsonl" }
g = { choose_from = "two.jsonl", field = "txt" }
h = { choose_from = "many.jsonl" }
i = { choose_from = "accepted" }
j = { choose_from = "accepted", draw = 2 }
k = { by = "topic", cases = { tides = 1 } }
l = { by = "nobody", cases = { tides = 1 }, otherwise = 2 }
"#,
    ));
    for (at, wanted) in [
        "vary.a.normal: expected two numbers, found 1",
        "vary.a.digit: unknown key `digit` (did you mean `digits`?)",
        "vary.b.within: has no effect without normal",
        "vary.c: `d` is drawn later than this field",
        "vary.e: `d` may be `y`, which is no case (add it, or otherwise = { … })",
        "vary.f.choose_from: `none.jsonl`: no file none.jsonl",
        "vary.g.choose_from: `two.jsonl`: row 1 has no field `txt`",
        "vary.h.choose_from: `many.jsonl`: has more than 10000 rows to choose from",
        "vary.i.choose_from: a first round has nothing accepted: say how many at most, as a list (draw = 2)",
        "vary.j: nothing is accepted before this job's only round",
        "vary.k: `topic` may have other values than these (add otherwise = { … })",
        "vary.l: no field or step is called `nobody`",
    ]
    .iter()
    .enumerate()
    {
        assert!(
            said.iter().any(|said| said.contains(wanted)),
            "{at}: {wanted} in {said:#?}"
        );
    }
}

#[test]
fn rounds_are_read_and_their_fields_are_looked_for() {
    let rounds = "[rounds]\ncount = 3\nfeed = { topic = \"answer\" }\nkeep_rejected = true\n";
    let spec = spec(&small(rounds));
    assert_eq!(
        spec.rounds,
        Some(Rounds {
            count: 3,
            rows: RoundRows::Accepted,
            feed: vec![("topic".to_owned(), "answer".to_owned())],
            keep_rejected: true,
        })
    );
    let said = |extra: &str| said_of(&small(extra)).join("\n");
    let wrong =
        said("[rounds]\ncount = 3\nfeed = { text = \"answr\", parent = \"answer\" }\nrow = \"seeds\"\n");
    assert!(
        wrong.contains("rounds.row: unknown key `row` (did you mean `rows`?)"),
        "{wrong}"
    );
    assert!(
        wrong.contains("rounds.feed.text: no field or step is called `answr` (did you mean `answer`?)"),
        "{wrong}"
    );
    assert!(
        wrong.contains("rounds.feed.parent: this field is written by itself"),
        "{wrong}"
    );
    assert!(
        wrong.contains(
            "steps.answer.prompt: rows of later rounds have no `topic` (add topic = \"topic\" to rounds.feed"
        ),
        "{wrong}"
    );
    let fanned = said("[rounds]\ncount = 3\nfeed = { topic = \"answer.*\", text = \"answer.*\" }\n");
    assert!(fanned.contains("only one list can be taken apart"), "{fanned}");
    assert!(said("[rounds]\nrows = \"seeds\"\n").contains("rounds.count: is missing"));
}

#[test]
fn computed_answers_turns_and_raw_prompts_are_read() {
    let spec = spec(&format!(
        "{SMALL}[[steps]]\nname = \"again\"\nturns = [\"topic\", \"answer\"]\nprompt = \"Why?\"\n\
         [[steps]]\nname = \"both\"\nanswer = \"{{{{ answer }}}} {{{{ again }}}}\"\n\
         [[steps]]\nname = \"raw\"\ncompletion = true\nprompt = \"<|user|>\"\n"
    ));
    assert_eq!(spec.steps[1].turns, ["topic", "answer"]);
    assert!(spec.steps[2].computed && spec.steps[3].completion);
    let said = said_of(&format!(
        "{SMALL}[[steps]]\nname = \"b\"\nturns = [\"topic\"]\nprompt = \"Why?\"\n\
         [[steps]]\nname = \"c\"\nanswer = \"{{{{ nothing }}}}\"\ncandidates = 2\nprompt = \"x\"\n\
         [[steps]]\nname = \"d\"\ncompletion = true\nsystem = \"x\"\nturns = [\"topic\", \"later\"]\nprompt = \"x\"\n"
    ))
    .join("\n");
    for wanted in [
        "steps.b.turns: turns go user, assistant, user, assistant",
        "steps.c.prompt: has no effect: with `answer` nobody is asked",
        "steps.c.candidates: has no effect: with `answer` nobody is asked",
        "steps.c.answer: no field or step is called `nothing`",
        "steps.d.system: a raw prompt has no system message",
        "steps.d.turns: a raw prompt has no turns",
        "steps.d.turns: no field or step is called `later`",
    ] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
}

#[test]
fn names_in_conditions_are_looked_for_and_another_job_gives_its_fields() {
    let condition =
        |text: &str| format!("{SMALL}[[validators]]\nkind = \"expression\"\nreject_if = \"{text}\"\n");
    assert_eq!(said_of(&condition("answer == topic")), [""; 0]);
    let said = said_of(&condition("answr == 'no'"));
    assert_eq!(
        said,
        ["10:1: error: validators.1.reject_if: no field or step is called `answr` (did you mean `answer`?)"]
    );
    let job = SMALL.replace(
        "rows = [ { topic = \"tides\" }, { topic = \"glaciers\" } ]",
        "job = \"tree\"\nfields = { topic = \"branch.topics.*\" }",
    );
    let source = spec(&job).seeds.source;
    let fields = vec![("topic".to_owned(), "branch.topics.*".to_owned())];
    assert_eq!(
        source,
        SeedSource::Job {
            name: "tree".to_owned(),
            fields
        }
    );
    let said = said_of(&job.replace("topic = \"branch", "subject = \"branch")).join("\n");
    assert!(
        said.contains("steps.answer.prompt: no field or step is called `topic`"),
        "{said}"
    );
    let said = said_of(&job.replace("job = \"tree\"\n", "count = 2\n")).join("\n");
    assert!(said.contains("seeds.fields: has no effect"), "{said}");
}
