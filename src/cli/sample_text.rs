//! A sample as JSON (the `raw` shape plus where it stands) and as text for a person.

use serde_json::{Map, Value, json};

use super::line::{Line, Style};
use super::output::{Ending, Output};
use crate::core::Row;
use crate::core::api::SampleDetail;
use crate::core::sample::{Decision, Sample, SampleState, StepAnswer, Verdict, as_text};

/// The sample as an object; `job` where the name of its job is known.
pub(super) fn json(job: Option<&str>, sample: &Sample) -> Value {
    let steps: Map<String, Value> = sample
        .steps
        .iter()
        .map(|step| (step.step.clone(), step_json(step)))
        .collect();
    json!({
        "id": sample.id,
        "job": job,
        "task": sample.task.index,
        "candidate": sample.candidate,
        "state": sample.state,
        "reason": sample.reason,
        "seed": sample.seed,
        "vary": sample.vary,
        "steps": steps,
        "verdicts": sample.verdicts,
        "review": sample.review,
    })
}

fn step_json(step: &StepAnswer) -> Value {
    json!({
        "text": step.text,
        "value": step.value,
        "reasoning": step.reasoning,
        "tool_calls": step.tool_calls,
        "finish_reason": step.finish.as_str(),
        "teacher": step.teacher,
        "usage": {
            "input": step.usage.input,
            "output": step.usage.output,
            "usd": step.usage.usd.map(crate::core::budget::Money::usd),
        },
    })
}

/// The sample with every attempt behind it as an object.
pub(super) fn detail_json(detail: &SampleDetail) -> Value {
    let requests: Vec<Value> = detail
        .requests
        .iter()
        .map(|request| {
            json!({
                "id": request.id,
                "step": request.question.step,
                "candidate": request.question.candidate,
                "ask": request.question.ask,
                "teacher": request.teacher,
                "fingerprint": request.fingerprint.hex(),
                "state": request.state.word(),
                "usd": request.cost.usd(),
                "error": request.error,
                "latency_ms": request.response.as_ref().map(|response| response.latency.as_millis() as u64),
                "status": request.response.as_ref().map(|response| response.status),
                "response": request.response.as_ref().map(|response| response.body.as_str()),
            })
        })
        .collect();
    let mut object = json(Some(&detail.job), &detail.sample);
    object["requests"] = Value::Array(requests);
    object
}

/// The sample with its provenance for a person.
pub(super) fn print(detail: &SampleDetail, out: &mut Output) -> Result<(), Ending> {
    let sample = &detail.sample;
    let place = format!(
        "  {} · task {} · candidate {}",
        detail.job, sample.task.index, sample.candidate
    );
    out.print(Line::styled(Style::Strong, &sample.id.0).and(Style::Faint, place))?;
    print_row("seed", &sample.seed, out)?;
    print_row("vary", &sample.vary, out)?;
    print_answers(sample, out)?;
    if let Some(review) = &sample.review {
        let note = review.note.as_deref().unwrap_or("no note");
        let at = super::format::date(review.at_ms);
        out.print(
            Line::styled(Style::Faint, "  by hand: ")
                .and(Style::Plain, format!("{} ({note}), {at}", review.action)),
        )?;
    }
    for request in &detail.requests {
        let error = request
            .error
            .as_ref()
            .map(|error| format!(" · {error}"))
            .unwrap_or_default();
        out.print(Line::styled(Style::Faint, "  request: ").and(
            Style::Plain,
            format!(
                "{} · {} · {} · {}{error}",
                request.question.step,
                request.teacher,
                request.state.word(),
                request.cost
            ),
        ))?;
    }
    Ok(())
}

fn print_row(heading: &str, row: &Row, out: &mut Output) -> Result<(), Ending> {
    for (key, value) in row {
        out.print(Line::styled(Style::Faint, format!("  {heading}.{key}")))?;
        out.block(&as_text(value.clone()), "    ")?;
    }
    Ok(())
}

/// The answers, the verdicts and where the sample stands.
pub(super) fn print_answers(sample: &Sample, out: &mut Output) -> Result<(), Ending> {
    for step in &sample.steps {
        out.print(Line::styled(
            Style::Faint,
            format!("  {} by {} ({})", step.step, step.teacher, step.finish.as_str()),
        ))?;
        if let Some(reasoning) = &step.reasoning {
            out.block(reasoning, "    | ")?;
        }
        out.block(&step.text, "    ")?;
        for call in &step.tool_calls {
            out.print(format!("    calls {} {}", call.name, call.arguments))?;
        }
    }
    for verdict in &sample.verdicts {
        out.print(verdict_line(verdict))?;
    }
    let (style, word) = state_word(sample.state);
    let reason = sample
        .reason
        .map(|reason| format!(": {}", reason.word()))
        .unwrap_or_default();
    out.print(Line::from("  ").and(style, word).and(Style::Plain, reason))?;
    Ok(())
}

fn verdict_line(verdict: &Verdict) -> Line {
    let (style, sign) = match verdict.decision {
        Decision::Accept => (Style::Good, "✓"),
        Decision::Review => (Style::Warn, "▲"),
        Decision::Reject => (Style::Bad, "✗"),
    };
    let score = verdict
        .score
        .map(|score| format!(" {score:.2}"))
        .unwrap_or_default();
    let evidence = verdict
        .evidence
        .as_ref()
        .map(|evidence| format!(": {evidence}"))
        .unwrap_or_default();
    Line::from("  ")
        .and(style, sign)
        .and(Style::Plain, format!(" {}{score}{evidence}", verdict.validator))
}

fn state_word(state: SampleState) -> (Style, &'static str) {
    match state {
        SampleState::Accepted => (Style::Good, "accepted"),
        SampleState::Rejected => (Style::Bad, "rejected"),
        SampleState::NeedsReview => (Style::Warn, "needs review"),
    }
}
