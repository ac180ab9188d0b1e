//! What there is to say about what a job made: how varied its dataset is, and how far its judges agree. It reads page by page and
//! changes nothing; whoever drops the question stops it.

use super::Shared;
use super::outbox::{self, AcceptedInOrder};
use super::walk::Walk;
use crate::core::api::{Failure, FailureKind, JobReport, ReportRequest, Unanimity};
use crate::core::catalog::Plug;
use crate::core::diversity::{Counter, Diversity};
use crate::core::job::{Job, JobSpec, Vary};
use crate::core::judgement::{JUDGE, orders, questions};
use crate::core::ports::{SampleFilter, SampleSource};
use crate::core::sample::{Sample, as_text};
use crate::core::selection::class_of;

/// From which similarity on texts count as nearly equal.
const NEAR: f64 = 0.8;
/// What the teacher of the last answer is called among the classes.
const TEACHER: &str = "teacher";

/// The figures of a job.
pub(super) async fn report(shared: &Shared, wanted: &ReportRequest) -> Result<JobReport, Failure> {
    let job = shared.store.job(&wanted.job).await?;
    Ok(JobReport {
        variety: variety(shared, &job, wanted).await?,
        judges: judges(shared, &job).await?,
    })
}

/// How far the answers to several questions about one sample go together, judge by judge. A sample that was rejected counts as well:
/// it is by their disagreement that some are.
async fn judges(shared: &Shared, job: &Job) -> Result<Vec<Unanimity>, Failure> {
    let plugs: Vec<&Plug> = job
        .spec
        .validators
        .iter()
        .filter(|plug| plug.kind == JUDGE)
        .collect();
    let mut sums = vec![(0_u64, 0.0_f64); plugs.len()];
    if !plugs.iter().any(|plug| questions(plug) > 1) {
        return Ok(Vec::new());
    }
    let filter = SampleFilter {
        job: Some(job.id),
        ..SampleFilter::default()
    };
    let mut walk = Walk::all(filter);
    while let Some(page) = walk.page(shared).await? {
        for sample in &page {
            let verdicts = sample
                .verdicts
                .iter()
                .filter(|verdict| verdict.validator == JUDGE);
            for (sum, verdict) in sums.iter_mut().zip(verdicts) {
                if let Some(agreement) = verdict.agreement {
                    *sum = (sum.0 + 1, sum.1 + agreement);
                }
            }
        }
    }
    let found = (1..).zip(plugs).zip(sums).filter(|(_, (judged, _))| *judged > 0);
    let judges = found.map(|((judge, plug), (judged, sum))| Unanimity {
        judge,
        both_orders: orders(&plug.params) > 1,
        judged,
        agreement: sum / judged as f64,
    });
    Ok(judges.collect())
}

async fn variety(shared: &Shared, job: &Job, wanted: &ReportRequest) -> Result<Diversity, Failure> {
    let field = wanted.field.as_deref();
    let mut source = AcceptedInOrder::new(shared, job, i64::MAX).await?;
    let arrangement = source.arrangement();
    let accepted = outbox::accepted(job.id);
    let samples = match &arrangement.selection {
        Some(selection) => selection.len(),
        None => shared.store.count_samples(&accepted).await?,
    };
    let classes = classes(&job.spec, wanted.class.as_deref());
    let mut counter = Counter::new(samples, (shared.near_groups)(NEAR));
    loop {
        let page = source.next_page().await?;
        if page.is_empty() {
            break;
        }
        for sample in &page {
            let text = text(sample, field).ok_or_else(|| {
                let field = field.unwrap_or_default();
                let text = format!("sample {} has nothing at `{field}`", sample.id.0);
                Failure::new(FailureKind::Usage, text)
                    .help("name a field that every sample has, such as a step")
            })?;
            counter.see(&text, values(sample, &classes));
        }
    }
    let mut figures = counter.figures(NEAR);
    if let Some(selection) = &arrangement.selection {
        let left_out = selection.left_out.iter();
        figures.left_out = left_out
            .map(|(why, count)| (why.word().to_owned(), *count))
            .collect();
    }
    Ok(figures)
}

/// The fields whose values are classes: what was asked for, else what the job chooses by and varies in words.
fn classes(spec: &JobSpec, asked: Option<&str>) -> Vec<String> {
    if let Some(asked) = asked {
        return vec![asked.to_owned()];
    }
    let select = spec.dataset.select.as_ref();
    let stratified = select.and_then(|select| select.stratified.as_ref());
    let chosen = spec.quota.iter().map(|quota| &quota.field);
    let chosen = chosen.chain(stratified.map(|stratified| &stratified.field));
    let varied = spec
        .vary
        .iter()
        .filter(|(_, vary)| !matches!(vary, Vary::Integer(..)));
    let mut fields: Vec<String> = chosen.chain(varied.map(|(name, _)| name)).cloned().collect();
    fields.sort();
    fields.dedup();
    fields
}

fn text(sample: &Sample, field: Option<&str>) -> Option<String> {
    match field {
        Some(field) => sample.field(field).map(as_text),
        None => Some(
            sample
                .steps
                .last()
                .map(|step| step.text.clone())
                .unwrap_or_default(),
        ),
    }
}

fn values(sample: &Sample, classes: &[String]) -> impl Iterator<Item = (String, String)> {
    let teacher = sample.steps.last().map(|step| step.teacher.clone());
    let teacher = teacher.map(|teacher| (TEACHER.to_owned(), teacher));
    let of = |field: &String| (field.clone(), class_of(sample.field(field)));
    classes.iter().map(of).chain(teacher)
}
