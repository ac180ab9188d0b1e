//! F5: any text is a job or a list of problems with their places, as the engine reads it; what is a job survives the ledger and has
//! templates that compile. Validators and schemas that would read files are left out: nobody guesses their names.
#![no_main]

use std::path::Path;

use destilation::core::catalog::{Plug, PlugError};
use destilation::core::job::parse::{Known, Severity, parse};
use destilation::core::job::{DatasetSpec, JobSpec};
use destilation::core::template::Templates;
use destilation::{dataset, seeds, validators};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|source: &str| {
    let files = |path: &str| Err(format!("no file {path}"));
    let validator = |plug: &Plug| -> Result<(), PlugError> {
        let entry = validators::CATALOG.find(&plug.kind)?;
        if matches!(entry.kind, "decontaminate" | "rouge_l" | "script") {
            return Ok(());
        }
        (entry.build)(plug, Path::new(".")).map(|_| ())
    };
    let schema = |schema: &Value| {
        let compiled = validators::compile_schema(schema);
        compiled.map(|_| ()).map_err(|error| error.message)
    };
    let format = |dataset: &DatasetSpec, spec: &JobSpec| -> Result<(), PlugError> {
        let entry = dataset::CATALOG.find(&dataset.format)?;
        (entry.build)(dataset, spec).map(|_| ())
    };
    let known = Known {
        validators: &validators::CATALOG.kinds(),
        check_validator: &validator,
        check_schema: &schema,
        check_format: &format,
        seed_extensions: &seeds::CATALOG.kinds(),
        ..Known::default()
    };
    let parsed = parse(source, &files, &known);
    let is_wrong = parsed
        .problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    assert_eq!(parsed.spec.is_none(), is_wrong);
    let lines = source.lines().count() + 1;
    for problem in &parsed.problems {
        assert!(
            (1..=lines).contains(&problem.line) && problem.column >= 1,
            "{problem:?}"
        );
        assert!(problem.to_string().len() < 4_000, "{problem:?}");
    }
    if let Some(spec) = parsed.spec {
        let stored = serde_json::to_string(&spec).unwrap();
        let read: JobSpec = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, spec, "{stored}");
        assert!(Templates::compile(&spec).is_ok());
    }
});
