//! `review`: figures about what persons said in the review queues of a job. Reviewing itself is the full-screen application's.

use clap::Subcommand;
use serde_json::{Value, json};

use super::line::{Line, Style};
use super::output::{Ending, Outcome};
use super::{Plain, exit};
use crate::core::api::{Answer, Query, ReviewReport};
use crate::core::review::QueueKind;

const STATS_JSON: &str = "\
With --json one object:
  {\"job\",\"queues\":[{\"queue\",\"kind\":\"decide|compare\",\"title\",\"size\",\"done\",
    \"decided\":{\"accepted\",\"edited\",\"rejected\",\"skipped\",\"took_ms\",\"kappa\":n|null,\"judged\",\"same\":[same,of],\"unblinded\",
               \"reasons\":[[\"…\",n]]},
    \"compared\":{\"sources\":[first,second],\"first\",\"second\",\"ties\",\"both_bad\",\"skipped\",\"side_a\",\"took_ms\",
                \"unblinded\",\"first_share\":[share,low,high]},
    \"slices\":[{\"by\",\"value\",\"yes\",\"no\"}]}]}
Of `decided` and `compared` the other one is null. Slices, once a queue is done: what samples with the same teacher, job or varied
value got. Shares are of the pairs with a winner, with their 95 % Wilson interval.";

/// Look at what persons said.
#[derive(Debug, Clone, Subcommand)]
pub enum ReviewCommand {
    /// Show what was decided and compared in a job's queues
    #[command(after_long_help = STATS_JSON)]
    Stats {
        /// The job's name
        job: String,
    },
}

/// Prints a line for each queue.
pub(super) async fn run(command: &ReviewCommand, plain: &mut Plain<'_>) -> Outcome {
    let ReviewCommand::Stats { job } = command;
    // A name that is no job's is an error, one without queues is not.
    let Answer::Job(_) = plain.app.ask(Query::Job(job.clone())).await? else {
        return Err(Ending::mismatch());
    };
    let Answer::Queues(queues) = plain.app.ask(Query::Queues).await? else {
        return Err(Ending::mismatch());
    };
    let mut reports = Vec::new();
    for queue in queues.into_iter().filter(|queue| queue.spec.job == *job) {
        let Answer::Review(report) = plain.app.ask(Query::Review(queue.id)).await? else {
            return Err(Ending::mismatch());
        };
        reports.push(report);
    }
    if plain.out.json {
        let queues: Vec<Value> = reports.iter().map(|report| object(report)).collect();
        plain.out.json(&json!({ "job": job, "queues": queues }))?;
        return Ok(exit::OK);
    }
    if reports.is_empty() {
        plain
            .out
            .say(format!("{job} has no review queues; `destiler` and 4 make one"));
    }
    for report in &reports {
        plain.out.print(line(report))?;
    }
    Ok(exit::OK)
}

fn object(report: &ReviewReport) -> Value {
    let (queue, tally, matched) = (&report.queue, &report.tally, &report.matched);
    let compare = queue.spec.kind == QueueKind::Compare;
    let compared = compare.then(|| {
        let (share, (low, high)) = matched.first_share();
        let mut counts = json!(matched);
        counts["sources"] = json!(queue.spec.sources);
        counts["first_share"] = json!([share, low, high]);
        counts
    });
    json!({
        "queue": queue.id.0,
        "kind": queue.spec.kind,
        "title": queue.spec.title,
        "size": queue.size,
        "done": queue.done,
        "decided": (!compare).then_some(tally),
        "compared": compared,
        "slices": report.slices,
    })
}

fn line(report: &ReviewReport) -> Line {
    let (queue, tally, matched) = (&report.queue, &report.tally, &report.matched);
    let told = match (queue.spec.kind, &queue.spec.sources) {
        (QueueKind::Decide, _) => {
            let kappa = tally
                .kappa
                .map_or_else(|| "–".to_owned(), |kappa| format!("{kappa:.2}"));
            let yes = tally.accepted + tally.edited;
            format!("✓{yes} ✗{} ·{} · κ {kappa}", tally.rejected, tally.skipped)
        }
        (QueueKind::Compare, Some([first, second])) => format!(
            "{first} {} · {second} {} · ties {} · both bad {}",
            matched.first, matched.second, matched.ties, matched.both_bad
        ),
        (QueueKind::Compare, None) => String::new(),
    };
    Line::styled(Style::Strong, format!("{:>4}  ", queue.id.0)).and(
        Style::Plain,
        format!("{} · {}/{} · {told}", queue.spec.title, queue.done, queue.size),
    )
}
