//! What a job will take, before a cent is spent: requests, tokens and money as ranges, from prompts rendered with real rows. It
//! knows nothing of how long a teacher's answers are; the range is honest about that.

use serde::Serialize;
use serde_json::Value;

use super::Row;
use super::budget::Money;
use super::job::{JobSpec, Step, TeacherUse};
use super::judgement::{Judges, orders};
use super::plan::Plan;
use super::route::{Teacher, eligible_for};
use super::template::{Prompt, Templates};

/// A range, lowest and highest.
pub type Range = (u64, u64);

/// Characters a token has: few in code and most languages, many in English prose.
const CHARACTERS_PER_TOKEN: Range = (3, 4);

/// Longest answer assumed where `max_tokens` is not set.
const ANSWER_AT_MOST: u64 = 4_096;

/// Longest answer of a judge whose table says nothing.
const JUDGEMENT_AT_MOST: u64 = 2_048;

/// Tokens that a wire adds around messages.
const ENVELOPE: Range = (4, 16);

/// Rows that are rendered.
const ROWS_AT_MOST: usize = 64;

/// What one step (or judge) takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepEstimate {
    /// The step's name, or the validator's kind.
    pub name: String,
    /// Requests, without retries.
    pub requests: Range,
    /// Prompt tokens.
    pub input_tokens: Range,
    /// Answer tokens.
    pub output_tokens: Range,
    /// Money, at the cheapest and the dearest teacher that may be asked.
    pub usd: (Money, Money),
}

/// What a job takes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Estimate {
    /// Requests, without retries.
    pub requests: Range,
    /// Prompt tokens.
    pub input_tokens: Range,
    /// Answer tokens.
    pub output_tokens: Range,
    /// Money.
    pub usd: (Money, Money),
    /// The parts of the sums, in the order of asking.
    pub steps: Vec<StepEstimate>,
    /// Teachers that may be asked and whose price nobody knows: they count as free.
    pub unpriced: Vec<String>,
}

/// Requests per task, and tokens per request.
struct Load {
    per_task: (f64, f64),
    input: Range,
    output: Range,
}

/// Estimates a job of so many tasks. `sample_rows` are some of its seed rows (the first will do); without any, prompts count as
/// long as their templates.
pub fn estimate(spec: &JobSpec, tasks: u64, sample_rows: &[Row], teachers: &[Teacher]) -> Estimate {
    let mut total = Estimate::default();
    let contexts = contexts(spec, sample_rows);
    let templates = Templates::compile(spec).ok();
    let mut samples = 1_u64;
    for (at, step) in spec.steps.iter().enumerate().filter(|(_, step)| !step.computed) {
        samples = samples.max(u64::from(step.candidates));
        let asked = share_asked(templates.as_ref(), at, step, &contexts);
        let output = u64::from(step.params.or(&spec.defaults).max_tokens.unwrap_or(0));
        let output = if output == 0 { ANSWER_AT_MOST } else { output };
        let requests = (
            asked.0 * samples as f64,
            asked.1 * samples as f64 * f64::from(1 + step.reask),
        );
        let load = Load {
            per_task: requests,
            input: prompt_tokens(templates.as_ref(), at, step, &contexts),
            output: (1.max(output / 16), output),
        };
        let named = (step.capability.as_deref(), step.teachers.as_slice());
        total.add(&step.name, tasks, &load, named, teachers);
    }
    let answer: u64 = total
        .steps
        .iter()
        .map(|step| step.output_tokens.1 / step.requests.1.max(1))
        .sum();
    for plug in spec.validators.iter().filter(|plug| plug.kind == "judge") {
        let text = |key: &str| plug.params.get(key).and_then(Value::as_str);
        let rubric = tokens(text("rubric").unwrap_or_default().chars().count());
        let output = plug.params.get("max_tokens").and_then(Value::as_u64);
        let named = plug.params.get("teachers").cloned().unwrap_or_default();
        let named: Vec<TeacherUse> = serde_json::from_value(named).unwrap_or_default();
        let mut load = Load {
            // Cheaper validators may have rejected everything before.
            per_task: (0.0, samples as f64 * f64::from(orders(&plug.params))),
            input: (rubric.0 + ENVELOPE.0, rubric.1 + answer + ENVELOPE.1),
            output: (1, output.unwrap_or(JUDGEMENT_AT_MOST)),
        };
        match Judges::of(&plug.params) {
            Judges::Number(number) => {
                load.per_task.1 *= f64::from(number);
                total.add(&plug.kind, tasks, &load, (text("capability"), &named), teachers);
            }
            judges @ Judges::Named(_) => {
                for number in 0..judges.count() {
                    let one = judges.teachers(number);
                    total.add(&plug.kind, tasks, &load, (None, &one), teachers);
                }
            }
        }
    }
    for plug in spec
        .validators
        .iter()
        .filter(|plug| plug.kind == "embedding_dedup")
    {
        let name = plug.params.get("teacher").and_then(Value::as_str);
        let named = TeacherUse {
            name: name.unwrap_or_default().to_owned(),
            weight: 1.0,
        };
        let load = Load {
            per_task: (0.0, samples as f64),
            input: (1, answer.max(1)),
            output: (0, 0),
        };
        total.add(&plug.kind, tasks, &load, (None, &[named]), teachers);
    }
    total
}

impl Estimate {
    fn add(
        &mut self,
        name: &str,
        tasks: u64,
        load: &Load,
        (capability, named): (Option<&str>, &[TeacherUse]),
        teachers: &[Teacher],
    ) {
        let requests = (
            (tasks as f64 * load.per_task.0).floor() as u64,
            (tasks as f64 * load.per_task.1).ceil() as u64,
        );
        let times = |each: Range| {
            (
                requests.0.saturating_mul(each.0),
                requests.1.saturating_mul(each.1),
            )
        };
        let (input_tokens, output_tokens) = (times(load.input), times(load.output));
        let asked = eligible_for(capability, named, teachers);
        let asked = asked.iter().filter_map(|share| teachers.get(share.teacher));
        let mut usd: Option<(Money, Money)> = None;
        for teacher in asked {
            let Some(price) = teacher.price else {
                if !self.unpriced.contains(&teacher.name) {
                    self.unpriced.push(teacher.name.clone());
                }
                usd = Some((Money(0), usd.map_or(Money(0), |(_, most)| most)));
                continue;
            };
            let cost = (
                price.cost(input_tokens.0, output_tokens.0),
                price.cost(input_tokens.1, output_tokens.1),
            );
            usd = Some(usd.map_or(cost, |usd| (usd.0.min(cost.0), usd.1.max(cost.1))));
        }
        let usd = usd.unwrap_or_default();
        let sum = |a: Range, b: Range| (a.0.saturating_add(b.0), a.1.saturating_add(b.1));
        self.requests = sum(self.requests, requests);
        self.input_tokens = sum(self.input_tokens, input_tokens);
        self.output_tokens = sum(self.output_tokens, output_tokens);
        self.usd = (self.usd.0.plus(usd.0), self.usd.1.plus(usd.1));
        self.steps.push(StepEstimate {
            name: name.to_owned(),
            requests,
            input_tokens,
            output_tokens,
            usd,
        });
    }
}

/// What templates may see, per sample row: with the shortest and the longest earlier answers that can be.
fn contexts(spec: &JobSpec, rows: &[Row]) -> Vec<(Row, Row)> {
    let plan = Plan::new(spec, None);
    let stub = |step: &Step, longest: bool| {
        let most = step.params.or(&spec.defaults).max_tokens;
        let most = most.map_or(ANSWER_AT_MOST, u64::from) * CHARACTERS_PER_TOKEN.1;
        let length = if longest { most } else { 1 };
        match &step.schema {
            Some(schema) => stand_in(schema, length, 0),
            None => Value::from("x".repeat(length.min(1 << 20) as usize)),
        }
    };
    (0_u64..)
        .zip(rows.iter().take(ROWS_AT_MOST))
        .map(|(index, row)| {
            let mut short = row.clone();
            short.extend(plan.vary_of(index, row));
            let mut long = short.clone();
            for step in &spec.steps {
                short.insert(step.name.clone(), stub(step, false));
                long.insert(step.name.clone(), stub(step, true));
            }
            (short, long)
        })
        .collect()
}

/// A value in the shape of a schema whose texts come to about `length` characters.
fn stand_in(schema: &Value, length: u64, depth: usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    match (properties, kind) {
        (Some(properties), _) if depth < 8 => {
            let each = (length / properties.len().max(1) as u64).max(1);
            properties
                .iter()
                .map(|(name, schema)| (name.clone(), stand_in(schema, each, depth + 1)))
                .collect()
        }
        (_, "array") if depth < 8 => {
            let item = schema.get("items").unwrap_or(&Value::Null);
            Value::Array(vec![stand_in(item, length, depth + 1)])
        }
        (_, "integer" | "number") => Value::from(1),
        (_, "boolean") => Value::from(true),
        _ => Value::from("x".repeat(length.min(1 << 20) as usize)),
    }
}

/// Which share of the tasks asks a step: all without a condition, what the sample rows say where it depends on them alone.
fn share_asked(templates: Option<&Templates>, at: usize, step: &Step, contexts: &[(Row, Row)]) -> (f64, f64) {
    if step.when.is_none() {
        return (1.0, 1.0);
    }
    let Some(templates) = templates.filter(|_| contexts.len() > 1) else {
        return (0.0, 1.0);
    };
    let mut holds = 0_u32;
    for (short, long) in contexts {
        match (templates.when(at, short), templates.when(at, long)) {
            (Ok(first), Ok(second)) if first == second => holds += u32::from(first),
            _ => return (0.0, 1.0),
        }
    }
    // Two standard errors around what the rows say, with one more of each so that none is certain.
    let rows = contexts.len() as f64 + 2.0;
    let share = (f64::from(holds) + 1.0) / rows;
    let error = 2.0 * (share * (1.0 - share) / rows).sqrt();
    ((share - error).max(0.0), (share + error).min(1.0))
}

/// Tokens of a step's prompt, on average over the sample rows.
fn prompt_tokens(templates: Option<&Templates>, at: usize, step: &Step, contexts: &[(Row, Row)]) -> Range {
    let count = |prompt: Prompt| {
        let system = prompt.system.map_or(0, |text| text.chars().count());
        system + prompt.user.chars().count()
    };
    let length = |variables: &Row| templates?.prompt(at, variables).ok().map(count);
    let rendered: Vec<(usize, usize)> = contexts
        .iter()
        .filter_map(|(short, long)| Some((length(short)?, length(long)?)))
        .collect();
    let schema = step.schema.as_ref().map_or(0, |schema| schema.to_string().len());
    let (short, long) = if rendered.is_empty() {
        let system = step.system.as_ref().map_or(0, |text| text.chars().count());
        let all = system + step.prompt.chars().count();
        (all, all)
    } else {
        let sum = |pick: fn(&(usize, usize)) -> usize| rendered.iter().map(pick).sum::<usize>();
        let rows = rendered.len();
        (sum(|pair| pair.0) / rows, sum(|pair| pair.1).div_ceil(rows))
    };
    // Teachers that can enforce a schema get it, and count it.
    (tokens(short).0 + ENVELOPE.0, tokens(long + schema).1 + ENVELOPE.1)
}

fn tokens(characters: usize) -> Range {
    let characters = characters as u64;
    (
        characters / CHARACTERS_PER_TOKEN.1,
        characters.div_ceil(CHARACTERS_PER_TOKEN.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::budget::Price;
    use crate::core::job::parse::{Known, parse};

    fn job(source: &str) -> JobSpec {
        let parsed = parse(source, &|_| Err(String::new()), &Known::default());
        assert_eq!(parsed.problems, []);
        parsed.spec.unwrap()
    }

    fn teacher(name: &str, price: Option<f64>) -> Teacher {
        Teacher {
            name: name.to_owned(),
            provider: "p".to_owned(),
            model: "m".to_owned(),
            capabilities: Vec::new(),
            weight: 1.0,
            price: price.map(|output| Price { input: 0.0, output }),
            context: None,
        }
    }

    fn rows(count: usize) -> Vec<Row> {
        (0..count)
            .map(|n| {
                let text = "x".repeat(1_200);
                let row = serde_json::json!({"text": text, "hard": n % 2 == 0});
                row.as_object().cloned().unwrap()
            })
            .collect()
    }

    const JOB: &str = r#"
name = "a"
seeds = { path = "a.jsonl" }
[[steps]]
name = "first"
prompt = "{{ text }}"
max_tokens = 160
candidates = 2
[[steps]]
name = "second"
prompt = "{{ first.a }} {{ text }}"
max_tokens = 32
"#;

    fn with_schema() -> JobSpec {
        let schema = "schema = { properties = { a = { type = \"string\" } } }\non_invalid = { reask = 1 }\n";
        job(&JOB.replacen("candidates", &format!("{schema}candidates"), 1))
    }

    #[test]
    fn requests_follow_candidates_and_reasks() {
        let estimate = estimate(&with_schema(), 100, &rows(4), &[]);
        assert_eq!(estimate.steps[0].requests, (200, 400));
        assert_eq!(estimate.steps[1].requests, (200, 200));
        assert_eq!(estimate.requests, (400, 600));
        assert_eq!(estimate.output_tokens, (200 * 10 + 200 * 2, 400 * 160 + 200 * 32));
    }

    #[test]
    fn prompts_count_by_their_rendered_length_and_earlier_answers_by_their_longest() {
        let estimate = estimate(&with_schema(), 1, &rows(4), &[]);
        let each = |step: &StepEstimate| {
            (
                step.input_tokens.0 / step.requests.0,
                step.input_tokens.1 / step.requests.1,
            )
        };
        let (low, high) = each(&estimate.steps[0]);
        assert_eq!(low, 300 + 4);
        assert!((400..450).contains(&high), "{high}");
        let (low, high) = each(&estimate.steps[1]);
        assert!((300..310).contains(&low), "{low}");
        assert!((600..650).contains(&high), "{high}");
    }

    #[test]
    fn money_spans_the_cheapest_and_the_dearest_and_names_the_unpriced() {
        let spec = with_schema();
        let teachers = [teacher("p/cheap", Some(1.0)), teacher("p/dear", Some(10.0))];
        let priced = estimate(&spec, 100, &rows(4), &teachers);
        assert_eq!(priced.usd, (Money(2_400), Money(10 * (400 * 160 + 200 * 32))));
        assert!(priced.unpriced.is_empty());
        let teachers = [teacher("p/cheap", Some(1.0)), teacher("p/local", None)];
        let partly = estimate(&spec, 100, &rows(4), &teachers);
        assert_eq!(partly.usd, (Money(0), Money(400 * 160 + 200 * 32)));
        assert_eq!(partly.unpriced, ["p/local"]);
    }

    #[test]
    fn a_condition_narrows_by_what_the_rows_say() {
        let spec = job(&format!("{}when = \"hard\"\n", JOB.replace("{{ first.a }}", "")));
        let (low, high) = estimate(&spec, 1_000, &rows(64), &[]).steps[1].requests;
        assert!(
            low < 1_000 && high > 1_000 && low > 700 && high < 1_300,
            "{low} {high}"
        );
        let unknown = estimate(&spec, 1_000, &[], &[]).steps[1].requests;
        assert_eq!(unknown, (0, 2_000));
    }

    #[test]
    fn a_judge_is_asked_about_every_sample_at_most() {
        let spec = job(
            &format!("{JOB}\n[[validators]]\nkind = \"judge\"\nrubric = \"good?\"\n")
                .replace("{{ first.a }}", ""),
        );
        let one = estimate(&spec, 10, &rows(2), &[]);
        assert_eq!(one.steps[2].name, "judge");
        assert_eq!(one.steps[2].requests, (0, 20));
        assert_eq!(one.steps[2].output_tokens.1, 20 * 2_048);
        let panel = |judges: serde_json::Value| {
            let mut spec = spec.clone();
            spec.validators[0].params.insert("judges".to_owned(), judges);
            let steps = estimate(&spec, 10, &rows(2), &[]).steps;
            steps[2..].iter().map(|step| step.requests.1).sum::<u64>()
        };
        assert_eq!(panel(3.into()), 60);
        assert_eq!(panel(vec!["a/x", "b/y"].into()), 40);
    }
}
