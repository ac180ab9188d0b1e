//! `providers`: their health, what they offer, and one tiny call.

use clap::Subcommand;
use serde_json::json;

use super::format::count;
use super::line::{Align, Cell, Line, Style, Table};
use super::output::{Ending, Outcome};
use super::watch::health_word;
use super::{Plain, exit};
use crate::core::api::{Answer, Command, ProviderHealth, Query, Receipt};
use crate::core::ports::ModelInfo;
use crate::core::text::grouped;

const LIST_JSON: &str = "\
With --json every provider is an object on a line:
  {\"name\":\"…\",\"kind\":\"…\",\"health\":\"up|slow|limited|down|off\",\"message\":…,\"models\":[\"<id>\"],\"usd\":x}";
const TEST_JSON: &str = "\
With --json one object: {\"teacher\":\"provider/model\",\"text\":\"…\",\"latency_ms\":n,\"tokens\":n|null,\"usd\":x}
Exit codes: 4 key missing or rejected, 9 unreachable.";
const MODELS_JSON: &str = "\
With --json every model is an object on a line, prices in USD per million tokens:
  {\"id\":\"…\",\"context\":n|null,\"price\":{\"input\":x,\"output\":x}|null,\"capabilities\":[\"…\"]}";

/// Look at providers and what they offer.
#[derive(Debug, Clone, Subcommand)]
pub enum ProvidersCommand {
    /// List providers, their health and their models
    #[command(after_long_help = LIST_JSON)]
    List,
    /// Send one tiny request, and say what it cost
    #[command(after_long_help = TEST_JSON)]
    Test {
        /// A provider, or one of its models as provider/model
        #[arg(value_name = "PROVIDER")]
        provider: String,
    },
    /// Ask a provider which models it offers
    #[command(after_long_help = MODELS_JSON)]
    Models {
        /// The provider
        provider: String,
    },
}

/// Carries the command out.
pub(super) async fn run(command: &ProvidersCommand, plain: &mut Plain<'_>) -> Outcome {
    match command {
        ProvidersCommand::List => list(plain).await,
        ProvidersCommand::Test { provider } => test(provider, plain).await,
        ProvidersCommand::Models { provider } => models(provider, plain).await,
    }
}

async fn list(plain: &mut Plain<'_>) -> Outcome {
    let Answer::Providers(providers) = plain.app.ask(Query::Providers).await? else {
        return Err(Ending::mismatch());
    };
    if plain.out.json {
        for provider in &providers {
            plain.out.json(&json!({
                "name": provider.name,
                "kind": provider.kind,
                "health": provider.health,
                "message": provider.message,
                "models": provider.models,
                "usd": provider.usd.usd(),
            }))?;
        }
        return Ok(exit::OK);
    }
    plain.out.table(&health_table(&providers))?;
    Ok(exit::OK)
}

fn health_table(providers: &[ProviderHealth]) -> Table {
    let mut table = Table::new(&[
        ("PROVIDER", Align::Left),
        ("KIND", Align::Left),
        ("HEALTH", Align::Left),
        ("MODELS", Align::Right),
        ("SPENT", Align::Right),
        ("NOTE", Align::Left),
    ]);
    for provider in providers {
        let (style, word) = health_word(provider.health);
        table.row(vec![
            Cell::styled(Style::Strong, &provider.name),
            provider.kind.as_str().into(),
            Cell::styled(style, word),
            grouped(provider.models.len() as u64).into(),
            provider.usd.to_string().into(),
            provider.message.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}

async fn test(provider: &str, plain: &mut Plain<'_>) -> Outcome {
    let order = Command::TestProvider(provider.to_owned());
    let Receipt::Tested(tested) = plain.app.order(order).await? else {
        return Err(Ending::mismatch());
    };
    if plain.out.json {
        plain.out.json(&json!({
            "teacher": tested.teacher,
            "text": tested.text,
            "latency_ms": tested.latency_ms,
            "tokens": tested.tokens,
            "usd": tested.usd.usd(),
        }))?;
        return Ok(exit::OK);
    }
    let tokens = tested
        .tokens
        .map(|tokens| format!(", {}", count(tokens, "token")))
        .unwrap_or_default();
    plain.out.print(
        Line::styled(Style::Good, "✓ ")
            .and(Style::Strong, &tested.teacher)
            .and(
                Style::Plain,
                format!(
                    " answered in {} ms{tokens}, {}",
                    grouped(tested.latency_ms),
                    tested.usd
                ),
            ),
    )?;
    plain.out.block(&tested.text, "  ")?;
    Ok(exit::OK)
}

async fn models(provider: &str, plain: &mut Plain<'_>) -> Outcome {
    let Answer::Models(models) = plain.app.ask(Query::Models(provider.to_owned())).await? else {
        return Err(Ending::mismatch());
    };
    if plain.out.json {
        for model in &models {
            plain.out.json(model)?;
        }
        return Ok(exit::OK);
    }
    plain.out.table(&model_table(&models))?;
    plain.out.say(count(models.len() as u64, "model"));
    Ok(exit::OK)
}

fn model_table(models: &[ModelInfo]) -> Table {
    let mut table = Table::new(&[
        ("MODEL", Align::Left),
        ("CONTEXT", Align::Right),
        ("$/M IN", Align::Right),
        ("$/M OUT", Align::Right),
        ("CAPABILITIES", Align::Left),
    ]);
    for model in models {
        let price = |of: fn(crate::core::budget::Price) -> f64| {
            model
                .price
                .map(|price| format!("{:.2}", of(price)))
                .unwrap_or_default()
        };
        table.row(vec![
            model.id.as_str().into(),
            model.context.map(grouped).unwrap_or_default().into(),
            price(|price| price.input).into(),
            price(|price| price.output).into(),
            model.capabilities.join(", ").into(),
        ]);
    }
    table
}
