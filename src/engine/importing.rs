//! A dataset that is there already: looked over, and made the job file it will run as. Running it is running a job.

use std::path::{Path, PathBuf};

use super::{Shared, library};
use crate::core::api::{Failure, FailureKind};
use crate::core::imported::{ImportPlan, ImportRequest, job_file, job_name};
use crate::core::job::{Job, is_job_name};

/// Looks over the file and says what its import would make.
pub(super) async fn plan(shared: &Shared, request: ImportRequest) -> Result<ImportPlan, Failure> {
    let path = request.file.clone();
    if path == Path::new("-") {
        let failure = Failure::new(
            FailureKind::Usage,
            "a dataset is read twice, standard input only once",
        );
        return Err(failure.help("write it into a file first"));
    }
    if !path.is_file() {
        let failure = Failure::new(
            FailureKind::NotFound,
            format!("there is no file {}", path.display()),
        );
        return Err(failure.help("give a .jsonl, .json, .csv, .tsv or .parquet file of rows"));
    }
    let whole = std::path::absolute(&path).unwrap_or(path);
    let name = name_of(&request, &whole)?;
    let (look_over, looked) = (shared.look_over, request.clone());
    let looked_at = whole.clone();
    let survey = tokio::task::spawn_blocking(move || look_over(&looked_at, &looked))
        .await
        .map_err(|error| Failure::new(FailureKind::Unexpected, error.to_string()))?
        .map_err(|error| {
            Failure::new(FailureKind::Records, "the file cannot be imported").because(error.message)
        })?;
    let jobs = shared.store.jobs().await?;
    let same_bytes = |job: &&Job| {
        let taken = job.spec.seeds.taken.as_ref();
        taken.is_some_and(|taken| taken.sha256.as_deref() == Some(survey.sha256.as_str()))
    };
    let already = jobs
        .iter()
        .filter(same_bytes)
        .find(|job| request.name.is_none() || job.spec.name == name)
        .map(|job| job.spec.name.clone());
    if already.is_none() && jobs.iter().any(|job| job.spec.name == name) {
        let failure = Failure::new(
            FailureKind::Usage,
            format!("there is a job `{name}` already, and it was not made of this file"),
        );
        return Err(failure.help("give this one another name with --name"));
    }
    let file = whole
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let base = whole.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let source = job_file(&survey, &request, &name, &file);
    let strict = survey.broken == 0 || request.skip_broken;
    if strict {
        // What cannot run is said before anything else is.
        library::parse(shared, source.clone(), base.display().to_string())?;
    }
    Ok(ImportPlan {
        survey,
        name,
        source,
        base,
        already,
    })
}

fn name_of(request: &ImportRequest, path: &Path) -> Result<String, Failure> {
    if let Some(name) = &request.name {
        if !is_job_name(name) {
            let failure = Failure::new(FailureKind::Usage, format!("`{name}` is no name for a job"));
            return Err(failure.help("1 to 64 of a-z, 0-9 and -"));
        }
        return Ok(name.clone());
    }
    let words = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let directory = words(path.parent().and_then(Path::file_name));
    Ok(job_name(&words(path.file_stem()), &directory))
}
