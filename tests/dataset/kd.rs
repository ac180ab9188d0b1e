//! The formats for distillation: golden lines in the shapes of Axolotl's plugin, and what is said where tokens are missing.

use destilation::core::job::JobSpec;
use destilation::core::sample::Sample;
use serde_json::{Value, json};

use crate::support::{dataset, sample, spec, step, write};

fn job(format: &str) -> JobSpec {
    let fields = &[("user", "question"), ("assistant", "solution")];
    let mut job = spec(dataset(format, fields));
    job.steps[0].params.logprobs = Some(2);
    job
}

/// An answer of two tokens; the first place knows three, the second two.
fn answered(logprobs: Option<Value>) -> Sample {
    let mut answer = step("solution", "Yes.");
    answer.logprobs = logprobs;
    sample(0, json!({ "question": "Wet?" }), vec![answer])
}

fn tokens() -> Value {
    let token = |id: u32, logprob: f64| json!({ "token": format!("token_id:{id}"), "logprob": logprob });
    json!([
        { "token": "token_id:7", "logprob": -0.1, "top": [token(9, -3.0), token(7, -0.1), token(8, -2.5)] },
        { "token": "token_id:3", "logprob": -0.2, "top": [token(3, -0.2), token(4, -1.75)] },
    ])
}

#[test]
fn tokens_stand_beside_the_conversation_as_axolotl_reads_them() {
    let messages = r#"{"messages":[{"role":"user","content":"Wet?"},{"role":"assistant","content":"Yes."}]"#;
    assert_eq!(
        write(&job("kd"), &[answered(Some(tokens()))]).unwrap(),
        format!(
            "{messages},{}}}\n",
            r#""logprobs":[[{"token":"token_id:7","logprob":-0.1},{"token":"token_id:8","logprob":-2.5}],[{"token":"token_id:3","logprob":-0.2},{"token":"token_id:4","logprob":-1.75}]]"#
        )
    );
    assert_eq!(
        write(&job("kd_ids"), &[answered(Some(tokens()))]).unwrap(),
        format!(
            "{messages},{}}}\n",
            r#""logprobs":[[-0.1,-2.5],[-0.2,-1.75]],"target_token_ids":[[7,8],[3,4]]"#
        )
    );
}

#[test]
fn where_a_teacher_gave_no_tokens_it_is_said_who_and_what_to_do() {
    let error = write(&job("kd"), &[answered(None)]).unwrap_err();
    assert!(
        error.contains("mock/teacher gave no log-probabilities"),
        "{error}"
    );
    let text = json!([{ "token": "Yes", "logprob": -0.1, "top": [] }]);
    let error = write(&job("kd_ids"), &[answered(Some(text.clone()))]).unwrap_err();
    assert!(error.contains("--return-tokens-as-token-ids"), "{error}");
    // As text they may be written, and the linter says what Axolotl makes of them.
    assert!(write(&job("kd"), &[answered(Some(text))]).is_ok());
    let mut silent = job("kd");
    silent.steps[0].params.logprobs = None;
    let error = write(&silent, &[]).unwrap_err();
    assert!(error.contains("logprobs = 5"), "{error}");
    let mut part = job("kd");
    part.dataset
        .fields
        .insert("assistant".to_owned(), "solution.answer".to_owned());
    let error = write(&part, &[]).unwrap_err();
    assert!(error.contains("is no whole answer"), "{error}");
}
