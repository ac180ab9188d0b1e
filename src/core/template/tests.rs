//! What templates promise: exact text, strict variables, and no way to eat memory or time.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn row(value: serde_json::Value) -> Row {
    serde_json::from_value(value).unwrap()
}

fn render(source: &str, variables: serde_json::Value) -> String {
    match Template::compile("t", source) {
        Ok(template) => template
            .render(&row(variables))
            .unwrap_or_else(|error| format!("ERROR {error}")),
        Err(problem) => format!("PROBLEM {}: {}", problem.line, problem.message),
    }
}

#[test]
fn text_is_kept_as_written() {
    assert_eq!(render("a <b> {{ x }}\n", json!({"x": "<&>"})), "a <b> <&>\n");
    assert_eq!(
        render("{{ x | tojson }}", json!({"x": {"a": [1, "<ä>"]}})),
        r#"{"a":[1,"<ä>"]}"#
    );
}

#[test]
fn values_become_text_as_everywhere_else() {
    let variables =
        json!({"o": {"b": [1, 2.5, null, true], "a": "x\"y"}, "n": null, "i": 9_007_199_254_740_993_i64});
    assert_eq!(
        render("{{ o }} {{ n }} {{ i }} {{ o.b[1] }}", variables),
        r#"{"b":[1,2.5,null,true],"a":"x\"y"} null 9007199254740993 2.5"#
    );
}

#[test]
fn an_undefined_variable_is_an_error_that_names_it() {
    let said = render("one\n{{ solution.answr }}", json!({"solution": {"answer": 1}}));
    assert_eq!(said, "ERROR t, line 2: undefined value at `solution.answr`");
    assert_eq!(render("{{ hint | default('none') }}", json!({})), "none");
}

#[test]
fn a_variable_may_be_set_from_itself() {
    assert_eq!(
        render("{% set x = x | trim %}[{{ x }}]", json!({"x": " a "})),
        "[a]"
    );
}

#[test]
fn a_syntax_error_has_its_line() {
    let problem = Template::compile("steps.a.prompt", "ok\n\n{% if %}").unwrap_err();
    assert_eq!((problem.line, problem.key.as_str()), (3, "steps.a.prompt"));
}

#[test]
fn conditions_hold_or_not_and_cannot_break_out() {
    let holds = |expression: &str| {
        Template::condition("when", expression)
            .map_err(|problem| problem.message)
            .and_then(|condition| {
                condition
                    .holds(&row(json!({"difficulty": "hard", "n": 3})))
                    .map_err(|error| error.message)
            })
    };
    assert_eq!(holds("difficulty == 'hard' and n > 2"), Ok(true));
    assert_eq!(holds("n is even"), Ok(false));
    assert_eq!(holds("difficulty in ['a %}']"), Ok(false));
    assert!(holds("true) %}x{% if (true").is_err());
    assert!(holds("unknown == 1").is_err());
    assert!(holds("").is_err());
}

#[test]
fn variables_are_listed_with_their_attributes_and_without_what_the_template_makes() {
    let template = Template::compile(
        "t",
        "{{ solution.steps.first }} {{ question }} {% for x in range(3) %}{{ x }}{{ loop.index }}{% endfor %}",
    )
    .unwrap();
    let names: Vec<String> = template.variables().into_iter().collect();
    assert_eq!(names, ["question", "solution", "solution.steps.first"]);
}

#[test]
fn a_guarded_variable_may_be_missing() {
    let tolerates = |source: &str| Template::compile("t", source).unwrap().tolerates("hint");
    for guarded in [
        "{% if hint is defined %}{{ hint }}{% endif %}",
        "{% if hint is not undefined %}{% endif %}",
        "{{ hint | default('') }}",
        "{{ hint.text|d('') }}",
    ] {
        assert!(tolerates(guarded), "{guarded}");
    }
    for bare in [
        "{{ hint }}",
        "{{ hints | default('') }}",
        "{{ hint | trim }}",
        "{{ my_hint|d(1) }}",
    ] {
        assert!(!tolerates(bare), "{bare}");
    }
}

#[test]
fn steps_see_seeds_varied_fields_and_earlier_answers() {
    let seed = row(json!({"question": "2+2", "level": "seed"}));
    let vary = row(json!({"level": "vary"}));
    let answer = |step: &str, value: Option<serde_json::Value>| StepAnswer {
        step: step.to_owned(),
        teacher: "mock/m".to_owned(),
        request: crate::core::task::RequestId(1),
        text: "text".to_owned(),
        value,
        reasoning: None,
        tool_calls: Vec::new(),
        logprobs: None,
        finish: crate::core::request::FinishReason::Stop,
        usage: crate::core::request::Usage::default(),
    };
    let answers = [answer("plain", None), answer("shaped", Some(json!({"a": 4})))];
    let template = Template::compile("t", "{{ question }} {{ level }} {{ plain }} {{ shaped.a }}").unwrap();
    assert_eq!(
        template.render(&variables(&seed, &vary, &answers)).unwrap(),
        "2+2 vary text 4"
    );
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    for source in [
        "{{ 'a' * 99999999 }}",
        "{{ 99999999 * 'a' }}",
        "{{ ('a' * 1000) * 1000 }}",
        "{{ [1] * n }}",
        "{{ 100000 * [1, 2] }}",
        "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' * 1_000 ~ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' * 1_000 }}",
        &"x".repeat(SOURCE_AT_MOST + 1),
        &format!("{{{{ 1{} }}}}", "+1".repeat(100_000)),
        &format!("{{{{ x{} }}}}", ".a".repeat(100_000)),
        &format!("{{{{ {}x }}}}", "not ".repeat(50_000)),
        &format!("{{{{ {}x }}}}", "-".repeat(100_000)),
        &format!("{{{{ {}x }}}}", "(".repeat(100_000)),
        &format!("{{{{ x{} }}}}", "|e".repeat(100_000)),
        &format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(15_000)),
        &format!("{{{{ x {} }}}}", "if a else b ".repeat(15_000)),
        &"{% if a %}".repeat(20_000),
        &format!("{{{{ {}1{} }}}}", "{'a':".repeat(20_000), "}".repeat(20_000)),
    ] {
        let said = render(source, json!({"x": "x", "a": 1, "b": 1}));
        assert!(said.starts_with("PROBLEM"), "{source:.80}: {said:.200}");
    }
}

#[test]
fn bombs_made_while_rendering_run_out_of_fuel() {
    for source in [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{{ 'a' * n }}",
        "{{ ('a' * n) ~ ('a' * n) ~ ('a' * n) ~ ('a' * n) }}",
        "{% set x = 'aaaaaaaa' %}{% for i in range(99999) %}{% set x = x ~ x %}{{ x }}{% endfor %}",
        "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('aaaaaaaaaaaaaaaaaaa') }}",
        "{{ (1, 2) * n }}",
        "{% set list = [1] %}{{ (list * 4_000_000) | tojson }}",
        "{% set list = [1] %}{{ (list * n) | join(',') }}",
        "{% set list = [1] %}{{ (list * n) | sort }}",
    ] {
        let said = render(source, json!({"n": 10_000_000}));
        assert!(said.starts_with("ERROR"), "{source}: {said:.200}");
    }
}

#[test]
fn what_is_large_but_honest_renders() {
    let sum = format!("{{{{ 1{} }}}}", " + 1".repeat(250));
    assert_eq!(render(&sum, json!({})), "251");
    let spread = render("{{ x | tojson(indent=2) }}", json!({"x": [1]}));
    assert_eq!(spread, "[\n  1\n]");
    let document = "word ".repeat(400_000);
    assert_eq!(render("{{ text }}!", json!({"text": document})).len(), 2_000_001);
    let list: Vec<String> = (0..5_000).map(|n| format!("'{n}'")).collect();
    let source = format!(
        "{{% set names = [{}] %}}{{{{ names | length }}}}",
        list.join(", ")
    );
    assert_eq!(render(&source, json!({})), "5000");
    assert_eq!(render("{{ '-' * 40 }}{{ 2 * n }}", json!({"n": 21})).len(), 42);
}

#[test]
fn nothing_is_loaded_and_data_is_never_a_template() {
    assert!(render("{% include 'secret' %}", json!({})).starts_with("ERROR"));
    assert_eq!(render("{{ x }}", json!({"x": "{{ 1 + 1 }}"})), "{{ 1 + 1 }}");
}

proptest! {
    #[test]
    fn any_source_compiles_or_is_refused(source in ".{0,120}", tag in "[a-z0-9'\"*~()|.{}%+ -]{0,80}") {
        let _ = render(&source, json!({}));
        let _ = render(&format!("{{{{ {tag} }}}}"), json!({"a": 1}));
        let _ = render(&format!("{{% {tag}"), json!({"a": 1}));
        let _ = Template::condition("when", &tag);
    }
}
