//! `run` and `demo`: a job to its end without a screen. Watches, tells, and passes signals on; the engine decides everything.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::line::{Line, Style};
use super::output::{Ending, Outcome, Output};
use super::watch::{Watch, stopping_line};
use super::{Session, Signal, exit, source, summary};
use crate::core::api::{
    Answer, Command, DrySample, Failure, How, JobDetail, JobSource, Query, Receipt, RunOptions, Started,
};

/// The `--json` output of `run` and `demo`.
pub(super) const JSON: &str = "\
With --json the last line of stdout is one object:
  {\"schema_version\":1,\"job\":\"<name>\",\"id\":\"…\",\"state\":\"completed|paused|failed|cancelled\",\"reason\":null,
   \"tasks\":{\"planned\":n,\"accepted\":n,\"rejected\":n,\"failed\":n,\"cancelled\":n,\"pending\":n},
   \"samples\":{\"accepted\":n,\"rejected\":n,\"needs_review\":n},
   \"requests\":{\"sent\":n,\"retried\":n,\"cached\":n,\"maybe_billed_twice\":n},
   \"tokens\":{\"input\":n,\"output\":n},\"usd\":x,\"elapsed_seconds\":x,\"dataset\":\"path\"}
With --dry-run --json every task is an object on a line:
  {\"prompts\":[{\"step\":\"…\",\"text\":\"…\"}],\"sample\":{…}|null,\"error\":null,\"usd\":x}

The first ctrl-c waits for what is in flight (it is paid for) and checkpoints; the second leaves within a second.
Exit codes: 0 all went well, 4 key or credit, 5 some tasks failed, 6 a limit, 9 provider unreachable, 130 ctrl-c.";

/// How often the live line may change.
const TICK: Duration = Duration::from_millis(100);
/// How long leaving at once may take.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Longest wait for what is in flight after SIGTERM and SIGHUP.
const SHORT_GRACE: Duration = Duration::from_secs(5);

/// Which job, and what is different this time.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = JSON)]
pub struct RunArguments {
    /// A job file, the name of a stored or bundled job, or - for a job file on stdin
    #[arg(value_name = "JOB.toml|NAME|-")]
    pub job: String,
    /// Use at most so many seed rows
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// At most so many requests in flight
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Option<u32>,
    /// Spend at most so much on this job
    #[arg(long, value_name = "X", value_parser = dollars)]
    pub usd: Option<f64>,
    /// Do so many rows first, say what the whole will cost, take and give, and ask before the rest
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(5..=10_000))]
    pub canary: Option<u64>,
    /// Go on after the canary without asking
    #[arg(long)]
    pub yes: bool,
    /// Ask a few tasks (3 unless told), show everything, keep nothing
    #[arg(long, value_name = "TASKS", num_args = 0..=1, require_equals = true, default_missing_value = "3")]
    pub dry_run: Option<u64>,
    /// Record every exchange into this cassette, which the replay provider plays back
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

fn dollars(text: &str) -> Result<f64, String> {
    text.trim_start_matches('$')
        .parse()
        .ok()
        .filter(|usd: &f64| usd.is_finite() && *usd >= 0.0)
        .ok_or_else(|| "write an amount in US dollars, such as 2.50".to_owned())
}

/// Runs a job, or a few of its tasks.
pub(super) async fn run(arguments: &RunArguments, session: &mut Session<'_>) -> Outcome {
    let source = source::read(&arguments.job, session.out).await?;
    let options = RunOptions {
        limit: arguments.limit,
        concurrency: arguments.concurrency,
        usd: arguments.usd,
        canary: arguments.canary,
        released: false,
    };
    Ok(follow(session, source, options, arguments.yes).await?.1)
}

/// Runs the bundled demo and says what to do next.
pub(super) async fn demo(session: &mut Session<'_>) -> Outcome {
    let source = JobSource::Name("quickstart".to_owned());
    let (how, code) = follow(session, source, RunOptions::default(), false).await?;
    if code != exit::OK {
        return Ok(code);
    }
    if how == How::Unchanged {
        session
            .out
            .say("The demo has run before. To see it again: destiler jobs delete quickstart --yes && destiler demo");
    }
    for line in [
        "",
        "That was the built-in mock teacher: no key, no network, no cost. Next:",
        "  destiler                                    look at the job and its samples on the screen",
        "  destiler samples list job:quickstart        the samples as JSON lines",
        "  destiler init                               a commented destiler.toml and a job of your own",
        "  destiler doctor                             what is set up here, and what is missing",
    ] {
        session.out.say(line);
    }
    Ok(code)
}

/// Asks a few tasks and shows prompts, answers and verdicts.
pub(super) async fn dry_run(arguments: &RunArguments, tasks: u64, session: &mut super::Plain<'_>) -> Outcome {
    let source = source::read(&arguments.job, session.out).await?;
    let order = Command::DryRun { source, tasks };
    let Receipt::DryRun(samples) = session.app.order(order).await? else {
        return Err(Ending::mismatch());
    };
    for (at, dry) in samples.iter().enumerate() {
        if session.out.json {
            session.out.json(&dry_json(dry))?;
        } else {
            print_dry(at, dry, session.out)?;
        }
    }
    session.out.say("nothing was kept");
    let failed = samples.iter().any(|dry| dry.error.is_some());
    Ok(if failed { exit::SOME_FAILED } else { exit::OK })
}

fn dry_json(dry: &DrySample) -> serde_json::Value {
    let prompts: Vec<_> = dry
        .prompts
        .iter()
        .map(|(step, text)| json!({ "step": step, "text": text }))
        .collect();
    json!({
        "prompts": prompts,
        "sample": dry.sample.as_ref().map(|sample| super::sample_text::json(None, sample)),
        "error": dry.error,
        "usd": dry.usd.usd(),
    })
}

fn print_dry(at: usize, dry: &DrySample, out: &mut Output) -> Result<(), Ending> {
    out.print(
        Line::styled(Style::Strong, format!("task {}", at + 1)).and(Style::Faint, format!("  {}", dry.usd)),
    )?;
    for (step, text) in &dry.prompts {
        out.print(Line::styled(Style::Faint, format!("  prompt of {step}")))?;
        out.block(text, "    ")?;
    }
    if let Some(sample) = &dry.sample {
        super::sample_text::print_answers(sample, out)?;
    }
    if let Some(error) = &dry.error {
        out.print(Line::styled(Style::Bad, "  failed: ").and(Style::Plain, error))?;
    }
    Ok(())
}

/// An order that stops the engine, on its way.
struct Stopping<'a> {
    signal: Signal,
    order: Pin<Box<dyn Future<Output = Result<Receipt, Failure>> + Send + 'a>>,
    /// Leave at this moment of the run whatever the engine does.
    deadline: Option<Duration>,
}

/// Starts the job and watches it to its end. Returns how it was taken up, and the exit code.
pub(super) async fn follow(
    session: &mut Session<'_>,
    source: JobSource,
    options: RunOptions,
    yes: bool,
) -> Result<(How, u8), Ending> {
    let mut watch = Watch::new(session.out.pace);
    let order = Command::Run {
        source,
        options: options.clone(),
    };
    let started = start(session, order, &mut watch).await?;
    say_started(&started, session.out);
    watch.follow(&started.job);
    let mut signal = None;
    if started.how != How::Unchanged {
        signal = watch_it(session, &mut watch).await?;
    }
    if signal.is_none() && watch.is_at_canary() {
        match goes_on(session, &started.job, yes).await? {
            Answered::Yes => {
                let source = JobSource::Name(started.job.clone());
                let options = RunOptions {
                    released: true,
                    ..options
                };
                watch.goes_on();
                start(session, Command::Run { source, options }, &mut watch).await?;
                signal = watch_it(session, &mut watch).await?;
            }
            Answered::No => {}
            Answered::Signal(came) => signal = Some(came),
        }
    }
    if signal.is_none() && watch.is_stopped() {
        // The engine says why, if it was not asked to.
        let grace = Duration::ZERO;
        session.app.order(Command::Stop { grace }).await?;
    }
    let code = finish(session, &started.job, signal).await?;
    // A complete, unchanged job is a no-op, whatever became of its tasks long ago.
    let code = if started.how == How::Unchanged {
        exit::OK
    } else {
        code
    };
    Ok((started.how, code))
}

/// Watches the job to where it stands still, and says what was still to be heard.
async fn watch_it(session: &mut Session<'_>, watch: &mut Watch) -> Result<Option<Signal>, Ending> {
    let signal = watch_to_the_end(session, watch).await?;
    session.out.clear_live();
    while let Ok(event) = session.facts.try_recv() {
        if let Some(line) = watch.heard(&event) {
            session.out.say(line);
        }
    }
    Ok(signal)
}

/// What a person said to the rest of the job.
enum Answered {
    Yes,
    No,
    Signal(Signal),
}

/// Shows what the canary says of the whole, and asks whoever sits there. Without anybody the answer is `--yes` or no.
async fn goes_on(session: &mut Session<'_>, job: &str, yes: bool) -> Result<Answered, Ending> {
    let question = Query::Estimate(JobSource::Name(job.to_owned()));
    if let Answer::Estimate(report) = session.app.ask(question).await?
        && let Some(forecast) = &report.forecast
    {
        for line in super::check::forecast_lines(forecast) {
            session.out.say(line);
        }
    }
    if yes {
        return Ok(Answered::Yes);
    }
    let out = &mut *session.out;
    if !out.stdin.is_terminal || !out.stderr.is_terminal || out.quiet || out.json {
        return Ok(Answered::No);
    }
    out.prompt("Go on with the rest? [y/N] ");
    tokio::select! {
        biased;
        Some(signal) = session.signals.recv() => Ok(Answered::Signal(signal)),
        line = out.read_line() => {
            let yes = matches!(line?.trim().to_lowercase().as_str(), "y" | "yes");
            Ok(if yes { Answered::Yes } else { Answered::No })
        }
    }
}

/// Gives the order, listening meanwhile so that the engine never waits for us.
async fn start(session: &mut Session<'_>, order: Command, watch: &mut Watch) -> Result<Started, Ending> {
    let app = session.app;
    let mut order = app.order(order);
    let signal = loop {
        tokio::select! {
            biased;
            Some(signal) = session.signals.recv() => break signal,
            receipt = &mut order => {
                let Receipt::Started(started) = receipt? else {
                    return Err(Ending::mismatch());
                };
                return Ok(started);
            }
            Some(event) = session.facts.recv() => {
                if let Some(line) = watch.heard(&event) {
                    session.out.say(line);
                }
            }
        }
    };
    drop(order);
    session.out.say("stopped before it began");
    let stop = app.order(Command::Stop {
        grace: Duration::ZERO,
    });
    let _ = timeout(AT_ONCE, stop).await;
    Err(Ending::Exit(signal.exit_code()))
}

fn say_started(started: &Started, out: &mut Output) {
    let how = match started.how {
        How::Created => "created",
        How::Resumed => "goes on where it was",
        How::Revised => "goes on with a new revision",
        How::Unchanged => "is complete and unchanged: nothing to do",
    };
    out.say(
        Line::from("job ")
            .and(Style::Strong, &started.job)
            .and(Style::Plain, format!(" {how}")),
    );
    for note in &started.notes {
        out.say(Line::styled(Style::Faint, "note: ").and(Style::Plain, note));
    }
}

/// Until the job is over, or stopped by the signal that is returned.
async fn watch_to_the_end(session: &mut Session<'_>, watch: &mut Watch) -> Result<Option<Signal>, Ending> {
    let app = session.app;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beginning = None;
    let mut now = Duration::ZERO;
    let mut stopping: Option<Stopping<'_>> = None;
    let (mut signals_open, mut facts_open) = (true, true);
    loop {
        if stopping.is_none() && (watch.is_over() || !facts_open) {
            return Ok(None);
        }
        let stopped = async {
            match &mut stopping {
                Some(stopping) => stopping.order.as_mut().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = session.signals.recv(), if signals_open => {
                let Some(signal) = signal else {
                    signals_open = false;
                    continue;
                };
                let in_flight = in_flight(session);
                match &stopping {
                    None => {
                        let grace = grace(signal, session.surroundings.grace);
                        let most = (signal != Signal::Interrupt).then_some(grace);
                        session.out.say(stopping_line(in_flight, most));
                        let order = app.order(Command::Stop { grace });
                        stopping = Some(Stopping { signal, order, deadline: None });
                    }
                    Some(first) if first.deadline.is_none() => {
                        let signal = first.signal;
                        session.out.say("leaving now: unfinished tasks go back to the queue");
                        let order = app.order(Command::Stop { grace: Duration::ZERO });
                        stopping = Some(Stopping { signal, order, deadline: Some(now + AT_ONCE) });
                    }
                    Some(first) => return Ok(Some(first.signal)),
                }
            }
            receipt = stopped => {
                let signal = stopping.map(|stopping| stopping.signal);
                if let Err(failure) = receipt {
                    super::failure::report(&failure, None, session.out);
                }
                return Ok(signal);
            }
            instant = ticks.tick() => {
                now = instant - *beginning.get_or_insert(instant);
                let moment = watch.tick(now, &session.progress.borrow());
                for line in moment.lines {
                    session.out.say(line);
                }
                if let Some(live) = moment.live {
                    session.out.live(&live);
                }
                if let Some(Stopping { signal, deadline: Some(deadline), .. }) = &stopping
                    && now >= *deadline
                {
                    return Ok(Some(*signal));
                }
            }
            event = session.facts.recv(), if facts_open => match event {
                Some(event) => {
                    if let Some(line) = watch.heard(&event) {
                        session.out.say(line);
                    }
                }
                None => facts_open = false,
            },
        }
    }
}

fn in_flight(session: &Session<'_>) -> u64 {
    let progress = session.progress.borrow();
    progress.jobs.iter().map(|job| job.in_flight).sum()
}

fn grace(signal: Signal, configured: Duration) -> Duration {
    match signal {
        Signal::Interrupt => configured,
        Signal::Terminate | Signal::Hangup => configured.min(SHORT_GRACE),
    }
}

/// Prints the summary; the exit code is the signal's, else follows from where the job stands.
async fn finish(session: &mut Session<'_>, job: &str, signal: Option<Signal>) -> Result<u8, Ending> {
    let detail = match ask_detail(session, job, signal).await {
        Ok(detail) => detail,
        Err(ending) => {
            let Some(signal) = signal else {
                return Err(ending);
            };
            session.out.say(format!(
                "stopped; `destiler run {job}` goes on, `destiler jobs show {job}` has the numbers"
            ));
            return Ok(signal.exit_code());
        }
    };
    for line in summary::lines(&detail) {
        session.out.say(line);
    }
    if session.out.json {
        session.out.json(&detail.summary)?;
    }
    Ok(signal.map_or_else(
        || exit::of_run(&detail.row.state, &detail.summary),
        Signal::exit_code,
    ))
}

/// The job as it stands now; after a signal there is not all the time in the world.
async fn ask_detail(
    session: &Session<'_>,
    job: &str,
    signal: Option<Signal>,
) -> Result<Box<JobDetail>, Ending> {
    let question = session.app.ask(Query::Job(job.to_owned()));
    let answer = if signal.is_some() {
        timeout(AT_ONCE, question)
            .await
            .map_err(|_| Ending::mismatch())??
    } else {
        question.await?
    };
    match answer {
        Answer::Job(detail) => Ok(detail),
        _ => Err(Ending::mismatch()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_dollars() {
        assert_eq!(dollars("2.5"), Ok(2.5));
        assert_eq!(dollars("$10"), Ok(10.0));
        for wrong in ["", "ten", "-1", "NaN", "inf"] {
            assert!(dollars(wrong).is_err(), "{wrong}");
        }
    }
}
