//! No input breaks the reading of a job file: any size, any depth, any text, any damage to a good file.

use proptest::prelude::*;

use super::*;

#[test]
fn no_size_or_depth_is_a_danger() {
    for source in [
        format!("name = \"{}\"", "x".repeat(1_000_000)),
        "x".repeat(17 << 20),
        "a.".repeat(100_000) + "a = 1",
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}1{}", "{ a = ".repeat(100_000), "}".repeat(100_000)),
        format!(
            "{SMALL}schema = {}1{}",
            "{a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=".repeat(70),
            "}".repeat(70)
        ),
        (0..5_000)
            .map(|n| format!("key{n} = {n}"))
            .collect::<Vec<_>>()
            .join("\n"),
    ] {
        let parsed = read(&source);
        assert!(parsed.spec.is_none());
        assert!(!parsed.problems.is_empty() && parsed.problems.len() <= 200);
        assert!(
            parsed
                .problems
                .iter()
                .all(|problem| problem.to_string().len() < 2_000)
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in ".{0,300}", toml in "[a-z\\[\\]{}=\"'.,# \n0-9-]{0,300}") {
        let _ = read(&text);
        let _ = read(&toml);
    }

    #[test]
    fn a_damaged_job_file_is_read_without_panic(
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
        with in prop_oneof!["[a-z0-9{}\\[\\]=\"'\n%.-]{0,12}", ".{0,6}", Just("{{ 'a' * 99999999 }}".to_owned())],
        known in any::<bool>(),
    ) {
        let boundary = |at: usize| (0..=at.min(PRODUCT.len())).rev().find(|at| PRODUCT.is_char_boundary(*at)).unwrap_or(0);
        let start = boundary(at.index(PRODUCT.len()));
        let end = boundary(start + length).max(start);
        let source = format!("{}{with}{}", &PRODUCT[..start], &PRODUCT[end..]);
        let fields = known.then(|| vec!["question".to_owned()]);
        let parsed = read_with(&source, &Known { seed_fields: fields, ..Known::default() });
        let errors = parsed.problems.iter().any(|problem| problem.severity == Severity::Error);
        prop_assert_eq!(parsed.spec.is_none(), errors);
        let lines = source.lines().count() + 1;
        prop_assert!(parsed.problems.iter().all(|problem| (1..=lines).contains(&problem.line) && problem.column >= 1));
    }

    #[test]
    fn a_value_replaced_by_one_of_another_type_is_an_error_or_a_valid_job(
        line in any::<prop::sample::Index>(),
        value in prop::sample::select(vec!["1", "-1", "0.5", "nan", "inf", "true", "\"x\"", "[]", "{}", "1979-05-27", "18446744073709551616"]),
    ) {
        let lines: Vec<&str> = PRODUCT.lines().collect();
        let at = line.index(lines.len());
        let Some((key, _)) = lines[at].split_once('=') else { return Ok(()) };
        let replaced = format!("{key}= {value}");
        let source: Vec<&str> = lines.iter().enumerate().map(|(n, line)| if n == at { replaced.as_str() } else { line }).collect();
        let _ = read(&source.join("\n"));
    }
}
