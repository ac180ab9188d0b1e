//! Jinja templates of a job: compiled once, rendered with bounded work and bounded output. Templates are untrusted (job files are
//! shared); there is no loader, nothing is rendered twice, and data never becomes a template.

use std::collections::{BTreeSet, HashSet};
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};

use super::Row;
use super::conversation::{Message, Role};
use super::job::JobSpec;
use super::sample::{StepAnswer, as_text, as_variable};

mod guard;

pub use guard::SOURCE_AT_MOST;

/// Work a rendering may do: instructions, and 64 bytes of data each.
const FUEL: u64 = 200_000;

/// Most bytes a rendering may produce.
const OUTPUT_AT_MOST: usize = 16 << 20;

/// A template that does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// Where it stands: `steps.<name>.prompt`, `.system` or `.when`.
    pub key: String,
    /// Line within the template, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// A template that does not render with these variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}, line {line}: {message}")]
pub struct TemplateError {
    /// Which template.
    pub key: String,
    /// Line within the template, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// A question ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The system message, where the step has one.
    pub system: Option<String>,
    /// Turns that stand before it: user, assistant, user, …
    pub before: Vec<String>,
    /// The user message.
    pub user: String,
}

impl Prompt {
    /// The conversation, ending with the turn to answer.
    pub fn messages(self) -> Vec<Message> {
        let roles = [Role::User, Role::Assistant].into_iter().cycle();
        let before = roles
            .zip(self.before)
            .map(|(role, text)| Message::text(role, text));
        let system = self.system.map(|text| Message::text(Role::System, text));
        let mut messages: Vec<Message> = system.into_iter().chain(before).collect();
        messages.push(Message::text(Role::User, self.user));
        messages
    }
}

/// One compiled template.
#[derive(Debug)]
pub struct Template {
    /// Holds this template under [`NAME`] and nothing else.
    environment: Environment<'static>,
    key: String,
    /// Every word of the source: whatever variable it needs is among them.
    words: HashSet<String>,
}

const NAME: &str = "template";

impl Template {
    /// Compiles a template. `name` stands in its errors.
    pub fn compile(name: &str, source: &str) -> Result<Self, TemplateProblem> {
        let problem = |line, message| TemplateProblem {
            key: name.to_owned(),
            line,
            message,
        };
        guard::check(source).map_err(|refusal| problem(refusal.line, refusal.message))?;
        let mut environment = environment();
        environment
            .add_template_owned(NAME, source.to_owned())
            .map_err(|error| problem(line(&error), words_of(&error, source)))?;
        if let Some(error) = unknown_word(&mut environment) {
            return Err(problem(line(&error), words_of(&error, source)));
        }
        Ok(Self {
            environment,
            key: name.to_owned(),
            words: guard::words(source).map(str::to_owned).collect(),
        })
    }

    /// Compiles an expression (`difficulty == 'hard'`) for [`Self::holds`].
    pub fn condition(name: &str, expression: &str) -> Result<Self, TemplateProblem> {
        let problem = |line, message| TemplateProblem {
            key: name.to_owned(),
            line,
            message,
        };
        guard::check(&format!("{{{{{expression}}}}}"))
            .map_err(|refusal| problem(refusal.line, refusal.message))?;
        environment()
            .compile_expression(expression)
            .map_err(|error| problem(line(&error), words_of(&error, expression)))?;
        Self::compile(name, &format!("{{% if ({expression}) %}}1{{% endif %}}"))
    }

    /// The text with these variables.
    pub fn render(&self, variables: &Row) -> Result<String, TemplateError> {
        let failed = |line, message| TemplateError {
            key: self.key.clone(),
            line,
            message,
        };
        let template = self
            .environment
            .get_template(NAME)
            .map_err(|error| failed(line(&error), error.to_string()))?;
        // Only what the template may look at is copied: rows can hold whole documents.
        let used = variables
            .iter()
            .filter(|(name, _)| self.words.contains(name.as_str()))
            .map(|(name, value)| (name.as_str(), Value::from(Serde(value))));
        let mut out = Capped(Vec::with_capacity(template.source().len() * 2));
        template
            .render_captured_to(Value::from_pairs(used), &mut out)
            .map_err(|error| failed(line(&error), words_of(&error, template.source())))?;
        String::from_utf8(out.0).map_err(|error| failed(0, error.to_string()))
    }

    /// Whether a condition holds.
    pub fn holds(&self, variables: &Row) -> Result<bool, TemplateError> {
        Ok(!self.render(variables)?.is_empty())
    }

    /// Whether it says what to do where a variable is missing (`is defined`, `| default(…)`).
    pub fn tolerates(&self, name: &str) -> bool {
        let template = self.environment.get_template(NAME);
        template.is_ok_and(|template| guard::tolerates(template.source(), name))
    }

    /// Variables it needs from outside, with the attributes it takes of them: `question`, `solution.answer`.
    pub fn variables(&self) -> BTreeSet<String> {
        let Ok(template) = self.environment.get_template(NAME) else {
            return BTreeSet::new();
        };
        let globals: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let is_own = |path: &String| !globals.contains(&root(path));
        // The plain search also sees what the nested one takes for assigned.
        let mut paths: BTreeSet<String> = template.undeclared_variables(true).into_iter().collect();
        let plain = template.undeclared_variables(false);
        paths.retain(|path| plain.contains(root(path)));
        paths.extend(plain);
        paths.into_iter().filter(is_own).collect()
    }
}

/// The part of a path before its first dot.
pub fn root(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// All templates of a job.
#[derive(Debug)]
pub struct Templates(Vec<StepTemplates>);

#[derive(Debug)]
struct StepTemplates {
    /// Paths of what stands before the prompt.
    turns: Vec<String>,
    system: Option<Template>,
    prompt: Template,
    when: Option<Template>,
}

impl Templates {
    /// Compiles every template of a job, or says everything that is wrong with them.
    pub fn compile(spec: &JobSpec) -> Result<Self, Vec<TemplateProblem>> {
        let mut problems = Vec::new();
        let mut steps = Vec::new();
        for step in &spec.steps {
            let key = |field: &str| format!("steps.{}.{field}", step.name);
            let mut keep = |compiled: Result<Template, TemplateProblem>| {
                compiled.map_err(|problem| problems.push(problem)).ok()
            };
            let system = step
                .system
                .as_ref()
                .and_then(|source| keep(Template::compile(&key("system"), source)));
            let word = if step.computed { "answer" } else { "prompt" };
            let prompt = keep(Template::compile(&key(word), &step.prompt));
            let when = step
                .when
                .as_ref()
                .and_then(|source| keep(Template::condition(&key("when"), source)));
            if let Some(prompt) = prompt {
                let turns = step.turns.clone();
                steps.push(StepTemplates {
                    turns,
                    system,
                    prompt,
                    when,
                });
            }
        }
        if problems.is_empty() {
            Ok(Self(steps))
        } else {
            Err(problems)
        }
    }

    /// The question of a step (by its place in the job). `variables` as [`variables`] makes them.
    pub fn prompt(&self, step: usize, variables: &Row) -> Result<Prompt, TemplateError> {
        let templates = self.step(step)?;
        let system = templates.system.as_ref();
        let turn = |path: &String| {
            let missing = || TemplateError {
                key: format!("{} turns", templates.prompt.key),
                line: 0,
                message: format!("there is nothing at `{path}`"),
            };
            let (head, rest) = path
                .split_once('.')
                .map_or((path.as_str(), None), |(head, rest)| (head, Some(rest)));
            let found = variables.get(path).or_else(|| {
                let value = variables.get(head)?;
                rest.map_or(Some(value), |rest| {
                    value.pointer(&format!("/{}", rest.replace('.', "/")))
                })
            });
            found.cloned().map(as_text).ok_or_else(missing)
        };
        Ok(Prompt {
            before: templates.turns.iter().map(turn).collect::<Result<_, _>>()?,
            system: system.map(|template| template.render(variables)).transpose()?,
            user: templates.prompt.render(variables)?,
        })
    }

    /// The question of a step, if it is to be asked.
    pub fn asks(&self, step: usize, variables: &Row) -> Result<Option<Prompt>, TemplateError> {
        let is_asked = self.when(step, variables)?;
        is_asked.then(|| self.prompt(step, variables)).transpose()
    }

    /// The variables without which a step's templates cannot be rendered, whatever stands in them.
    pub fn needs(&self, step: usize) -> BTreeSet<String> {
        let Ok(templates) = self.step(step) else {
            return BTreeSet::new();
        };
        let rendered = [
            templates.system.as_ref(),
            Some(&templates.prompt),
            templates.when.as_ref(),
        ];
        let mut needed: BTreeSet<String> = templates.turns.iter().map(|path| root(path).to_owned()).collect();
        for template in rendered.into_iter().flatten() {
            let names = template.variables();
            let names = names.iter().map(|path| root(path));
            needed.extend(names.filter(|name| !template.tolerates(name)).map(str::to_owned));
        }
        needed
    }

    /// Whether a step is to be asked at all: its `when` holds, or it has none.
    pub fn when(&self, step: usize, variables: &Row) -> Result<bool, TemplateError> {
        let templates = self.step(step)?;
        templates
            .when
            .as_ref()
            .map_or(Ok(true), |condition| condition.holds(variables))
    }

    fn step(&self, step: usize) -> Result<&StepTemplates, TemplateError> {
        self.0.get(step).ok_or_else(|| TemplateError {
            key: format!("steps.{step}"),
            line: 0,
            message: "there is no such step".to_owned(),
        })
    }
}

/// What templates see: the seed's fields, the varied ones over them, and the earlier answers by their steps' names (the value where
/// the step has a schema, else the text).
pub fn variables(seed: &Row, vary: &Row, answers: &[StepAnswer]) -> Row {
    let mut row = seed.clone();
    for (name, value) in vary {
        row.insert(name.clone(), value.clone());
    }
    for answer in answers {
        row.insert(answer.step.clone(), as_variable(answer));
    }
    row
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(write_value);
    environment.add_filter("tojson", to_json);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment
}

/// Strings as they are, lists and objects as JSON, like everywhere else a value becomes text.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    match value.kind() {
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable | ValueKind::None => {
            out.write_str(&json(value, false)?)?;
            Ok(())
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// The filter `tojson`: as JSON stands in text, without the escapes HTML would need. `indent=2` spreads it over lines.
#[expect(clippy::needless_pass_by_value, reason = "filters get theirs by value")]
fn to_json(value: &Value, options: Kwargs) -> Result<String, minijinja::Error> {
    let indent = options.get::<Option<Value>>("indent")?;
    let indent = indent.is_some_and(|indent| indent.is_true());
    options.assert_all_used()?;
    json(value, indent)
}

fn json(value: &Value, indent: bool) -> Result<String, minijinja::Error> {
    let mut out = Capped(Vec::new());
    let written = if indent {
        serde_json::to_writer_pretty(&mut out, value)
    } else {
        serde_json::to_writer(&mut out, value)
    };
    let failed = |message: String| minijinja::Error::new(ErrorKind::BadSerialization, message);
    written.map_err(|error| failed(error.to_string()))?;
    String::from_utf8(out.0).map_err(|error| failed(error.to_string()))
}

/// A writer that takes so much and no more.
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_AT_MOST {
            return Err(io::Error::other(format!(
                "the text is longer than {} MiB",
                OUTPUT_AT_MOST >> 20
            )));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The first filter, test or function that does not exist. Only a rendering looks for them, so one is made without any variable;
/// what stands in a branch it does not take is found when a task does.
fn unknown_word(environment: &mut Environment) -> Option<minijinja::Error> {
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    let template = environment.get_template(NAME).ok();
    let tried = template.map(|template| {
        template
            .render_captured_to((), &mut Capped(Vec::new()))
            .map(|_| ())
    });
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    tried?.err().filter(|error| {
        matches!(
            error.kind(),
            ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
        )
    })
}

fn line(error: &minijinja::Error) -> usize {
    error.line().unwrap_or(1)
}

/// One line about an error, with the expression at fault where it is known.
fn words_of(error: &minijinja::Error, source: &str) -> String {
    let at = error
        .range()
        .and_then(|range| source.get(range))
        .map(str::trim)
        .filter(|text| !text.is_empty() && text.len() <= 80 && !text.contains('\n'));
    let said = match error.kind() {
        ErrorKind::OutOfFuel => "takes too much work (a loop or a text without bound)".to_owned(),
        ErrorKind::UndefinedError => "undefined value".to_owned(),
        kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
    };
    let cause = std::error::Error::source(error)
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    match at {
        Some(text) => format!("{said}{cause} at `{text}`"),
        None => format!("{said}{cause}"),
    }
}

#[cfg(test)]
mod tests;
