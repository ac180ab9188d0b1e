//! What stands beside the rows: the card, and the table by which LLaMA-Factory finds files. What somebody edits stays.

use std::fs;

use destilation::core::catalog::Plug;
use destilation::core::job::SeedSource;
use destilation::core::ports::DatasetWriter;
use serde_json::{Map, Value, json};

use crate::support::dataset;
use crate::{SPLIT, World, many};

fn info(world: &World) -> Value {
    serde_json::from_slice(&world.read("dataset_info.json")).unwrap()
}

#[tokio::test]
async fn the_card_says_what_it_is_and_who_made_it_and_no_path() {
    let mut world = World::new(SPLIT);
    world.job.spec.description = "Questions about tides.".to_owned();
    world.job.spec.seeds.source = SeedSource::Path("/home/somebody/secret/tides.jsonl".to_owned());
    for kind in ["structural", "dedup"] {
        world.job.spec.validators.push(Plug {
            kind: kind.to_owned(),
            params: Map::new(),
        });
    }
    world.rebuild(&many(50)).await;
    let card = String::from_utf8(world.read("README.md")).unwrap();
    for said in [
        "license: unknown\n",
        "  - split: train\n    path: train.jsonl\n  - split: valid\n    path: valid.jsonl\n---\n",
        "# tides\n\nQuestions about tides.\n\n50 rows, format `messages`.",
        "- Seeds: rows of `tides.jsonl`\n",
        "- Steps: `solution`\n- Validators, in order: `structural`, `dedup`\n",
        "| `mock/teacher` | 50 |\n",
        "- Terms of `mock/teacher` for its output: unknown\n",
    ] {
        assert!(card.contains(said), "{said:?} is not in\n{card}");
    }
    assert!(!card.contains("secret"), "{card}");
    world.rebuild(&many(50)).await;
    assert_eq!(world.read("README.md"), card.as_bytes(), "no times in it");
}

#[tokio::test]
async fn what_somebody_wrote_on_the_card_stays() {
    let world = World::new(&[]);
    world.rebuild(&many(3)).await;
    world.rebuild(&many(4)).await;
    assert!(
        String::from_utf8(world.read("README.md"))
            .unwrap()
            .contains("4 rows")
    );
    fs::write(world.path("README.md"), "license: mit\n").unwrap();
    for count in [5, 6] {
        world.rebuild(&many(count)).await;
        assert_eq!(world.read("README.md"), b"license: mit\n");
        assert!(world.findings().await.is_empty() && world.conflicts().is_empty());
    }
    fs::remove_file(world.path("README.md")).unwrap();
    world.rebuild(&many(7)).await;
    assert!(
        String::from_utf8(world.read("README.md"))
            .unwrap()
            .contains("7 rows")
    );
}

#[tokio::test]
async fn llama_factory_finds_its_files_and_their_columns() {
    let mut world = World::new(SPLIT);
    let chat = &[
        ("user", "question"),
        ("assistant", "solution"),
        ("system", "rules"),
    ];
    world.job.spec.dataset.format = "sharegpt".to_owned();
    world.job.spec.dataset.fields = dataset("", chat).fields;
    world.rebuild(&many(40)).await;
    let entry = |file: &str| {
        json!({"file_name": file, "formatting": "sharegpt",
            "columns": {"messages": "conversations", "system": "system"}})
    };
    assert_eq!(
        info(&world),
        json!({"tides-train": entry("train.jsonl"), "tides-valid": entry("valid.jsonl")})
    );
    assert!(
        world
            .writer
            .open(&world.path("train.jsonl"))
            .unwrap()
            .about
            .described
    );

    world.job.spec.dataset = dataset("alpaca", &[]);
    world.rebuild(&many(4)).await;
    let columns = json!({"prompt": "instruction", "query": "input", "response": "output"});
    assert_eq!(
        info(&world),
        json!({"tides": {"file_name": "data.jsonl", "columns": columns}})
    );
    // Another trainer's format has no use for it; one that somebody added to is theirs.
    world.job.spec.dataset.format = "messages".to_owned();
    world.rebuild(&many(4)).await;
    assert!(!world.path("dataset_info.json").exists());
    fs::write(world.path("dataset_info.json"), "{}").unwrap();
    world.job.spec.dataset.format = "alpaca".to_owned();
    world.rebuild(&many(4)).await;
    assert_eq!(world.read("dataset_info.json"), b"{}");
    assert!(
        !world
            .writer
            .open(&world.path("data.jsonl"))
            .unwrap()
            .about
            .described
    );
}
