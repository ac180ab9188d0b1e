#!/usr/bin/env python3
"""Loads what `destiler export` writes with the programs it is written for, and prints what each said.

    just consumers        (a virtual environment with requirements.txt, then: python check.py BINARY)

pyarrow and Hugging Face's `datasets` read every format in every container; TRL trains two steps on each of its shapes with a tiny model
that begins at random; torchtune and Axolotl turn each row into what they train on. Nothing is fetched: model and tokenizer are made here.
Ends with 1 if anyone refuses anything.
"""

import copy
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", TOKENIZERS_PARALLELISM="false", WANDB_DISABLED="true")
os.environ.setdefault("HF_DATASETS_CACHE", tempfile.mkdtemp())
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

HERE = Path(__file__).resolve().parent
JOBS = {
    "conversations": "messages openai sharegpt alpaca prompt_completion text kd unpaired unpaired_sharegpt raw".split(),
    "pairs": "preference preference_plain preference_whole preference_axolotl preference_sharegpt preference_openai".split(),
}
# Rows without nested values, which is what CSV takes.
FLAT = {"alpaca", "prompt_completion", "text", "preference_plain"}
ROWS = 24
refused = []
# What the programs print besides goes nowhere.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def export(binary: str, home: Path) -> dict[str, dict[str, Path]]:
    """Runs both jobs on the built-in mock and writes them in every format and container."""
    environment = {**os.environ, "HOME": str(home)}
    environment = {name: value for name, value in environment.items() if not name.startswith("XDG_")}
    for name in ["seeds.jsonl", *(f"{job}.toml" for job in JOBS)]:
        (home / name).write_bytes((HERE / name).read_bytes())

    def destiler(*words: str) -> None:
        ran = subprocess.run([binary, *words], cwd=home, env=environment, capture_output=True, text=True)
        if ran.returncode:
            sys.exit(f"destiler {' '.join(words)}: {ran.stderr}")

    files = {}
    for job, formats in JOBS.items():
        destiler("run", f"{job}.toml", "--quiet", "--no-progress")
        for kind in formats:
            files[kind] = {}
            for container in ["jsonl", "parquet"] + (["csv"] if kind in FLAT else []):
                files[kind][container] = home / f"{kind}.{container}"
                destiler("export", job, "--format", kind, "-o", str(files[kind][container]))
    return files


def told(consumer: str, kind: str, ask) -> None:
    """Asks a consumer, and prints what it said."""
    try:
        answer = ask()
    except Exception as error:  # whatever it says is what is wanted
        answer = f"REFUSED: {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
        refused.append((consumer, kind))
    print(f"| {consumer} | `{kind}` | {answer} |", file=answers)


def rows_of(count: int) -> str:
    assert count == ROWS, f"{count} rows instead of {ROWS}"
    return f"{count} rows"


def arrow(files: dict[str, Path]) -> str:
    import pyarrow.csv
    import pyarrow.json
    import pyarrow.parquet

    readers = {"jsonl": pyarrow.json.read_json, "parquet": pyarrow.parquet.read_table, "csv": pyarrow.csv.read_csv}
    options = {"csv": {"parse_options": pyarrow.csv.ParseOptions(newlines_in_values=True)}}
    said = [f"{name} {rows_of(readers[name](path, **options.get(name, {})).num_rows)}" for name, path in files.items()]
    return ", ".join(said)


def load(path: Path):
    from datasets import load_dataset

    kind = {"jsonl": "json"}.get(path.suffix[1:], path.suffix[1:])
    return load_dataset(kind, data_files=str(path), split="train")


def hugging_face(files: dict[str, Path]) -> str:
    loaded = {name: load(path) for name, path in files.items()}
    said = [f"{name} {rows_of(len(rows))}" for name, rows in loaded.items()]
    return ", ".join(said) + f"; columns {', '.join(loaded['jsonl'].column_names)}"


def student(files):
    """A tokenizer that knows the texts, with TRL's template of Qwen 3, and a model of one layer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    import trl
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    special = ["<pad>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    pieces.train([str(files["messages"]["jsonl"])], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces, pad_token="<pad>", eos_token="<|im_end|>", model_max_length=4096)
    templates = Path(trl.__file__).parent / "chat_templates"
    tokenizer.chat_template = (templates / "qwen3_training.jinja").read_text()

    def model(kind=LlamaForCausalLM, **more):
        return kind(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=1,
                num_attention_heads=2,
                pad_token_id=tokenizer.pad_token_id,
                max_position_embeddings=4096,
                **more,
            )
        )

    return tokenizer, model, LlamaForSequenceClassification


def trl_checks(files):
    """TRL's own trainers and what they do with a row, on each shape they document."""
    from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer, is_conversational
    from trl import extract_prompt, unpair_preference_dataset

    try:
        from trl import KTOConfig, KTOTrainer
    except ImportError:
        from trl.experimental.kto import KTOConfig, KTOTrainer
    tokenizer, model, scorer = student(files)

    def train(kind: str, trainer, config, container="jsonl", body=None, **more) -> str:
        rows = load(files[kind][container])
        shape = "conversational" if is_conversational(rows[0]) else "standard"
        arguments = config(
            output_dir=tempfile.mkdtemp(),
            max_steps=2,
            per_device_train_batch_size=4,
            report_to=[],
            use_cpu=True,
            bf16=False,
            logging_steps=1,
            disable_tqdm=True,
            **more,
        )
        body = body or model()
        # Where nobody is given to stay near, TRL looks for the model's name on a hub.
        reference = {"ref_model": copy.deepcopy(body)} if trainer in (DPOTrainer, KTOTrainer) else {}
        steps = trainer(model=body, args=arguments, train_dataset=rows, processing_class=tokenizer, **reference)
        loss = steps.train().training_loss
        assert loss == loss, "the loss is no number"
        return f"{trainer.__name__}: {shape}, 2 steps, loss {loss:.2f}"

    sft, dpo, kto = (SFTTrainer, SFTConfig), (DPOTrainer, DPOConfig), (KTOTrainer, KTOConfig)
    told("TRL", "messages", lambda: train("messages", *sft))
    told("TRL", "messages (answers only)", lambda: train("messages", *sft, assistant_only_loss=True))
    told("TRL", "messages.parquet", lambda: train("messages", *sft, container="parquet"))
    told("TRL", "prompt_completion", lambda: train("prompt_completion", *sft))
    told("TRL", "prompt_completion.csv", lambda: train("prompt_completion", *sft, container="csv"))
    told("TRL", "text", lambda: train("text", *sft))
    told("TRL", "text (packed)", lambda: train("text", *sft, packing=True, max_length=512))
    for kind in ["preference", "preference_plain", "preference_whole"]:
        told("TRL", kind, lambda kind=kind: train(kind, *dpo))
    told(
        "TRL",
        "preference_whole (reward)",
        lambda: train("preference_whole", RewardTrainer, RewardConfig, body=model(scorer, num_labels=1)),
    )
    told("TRL", "unpaired", lambda: train("unpaired", *kto))

    def halves() -> str:
        prompts = [extract_prompt(row)["prompt"] for row in load(files["preference_whole"]["jsonl"])]
        assert prompts == load(files["preference"]["jsonl"])["prompt"], "other prompts than preference has"
        unpaired = unpair_preference_dataset(load(files["preference"]["jsonl"]))
        return f"extract_prompt finds the prompts of `preference`; unpaired: {len(unpaired)} rows"

    told("TRL", "preference_whole (prompts)", halves)


def torchtune_checks(files):
    """torchtune's transforms, row by row."""
    from torchtune.data import AlpacaToMessages, ChosenRejectedToMessages, InputOutputToMessages, OpenAIToMessages
    from torchtune.data import ShareGPTToMessages

    def turns(kind: str, transform, fits=lambda row: True) -> str:
        rows = [row for row in load(files[kind]["jsonl"]) if fits(row)]
        made = [transform(row) for row in rows]
        said = sum(len(messages) for row in made for messages in row.values() if isinstance(messages, list))
        assert said >= 2 * len(rows) > 0, f"{said} messages of {len(rows)} rows"
        return f"{type(transform).__name__}: {len(made)} rows, {said} messages"

    columns = {"input": "prompt", "output": "completion"}
    told("torchtune", "alpaca", lambda: turns("alpaca", AlpacaToMessages()))
    told("torchtune", "prompt_completion", lambda: turns("prompt_completion", InputOutputToMessages(column_map=columns)))
    told("torchtune", "preference_whole", lambda: turns("preference_whole", ChosenRejectedToMessages()))
    # It knows no calls; `destiler lint --for torchtune` says so of the others.
    plain = lambda row: all(turn["role"] != "tool" for turn in row["messages"])
    told("torchtune", "messages (without calls)", lambda: turns("messages", OpenAIToMessages(), plain))
    told("torchtune", "unpaired_sharegpt", lambda: turns("unpaired_sharegpt", ShareGPTToMessages()))


def axolotl_checks(files):
    """Axolotl's strategies: tokens, and which of them are learned."""
    from axolotl.prompt_strategies import chat_template
    from axolotl.prompt_strategies.dpo.chat_template import default as dpo
    from axolotl.utils.dict import DictDefault

    tokenizer, _, _ = student(files)
    settings = DictDefault({"sequence_len": 4096, "train_on_inputs": False, "datasets": [{}]})

    def learned(kind: str, source: dict) -> str:
        source = {"chat_template": "tokenizer_default", "type": "chat_template", **source}
        strategy = chat_template.load(tokenizer, settings, DictDefault(source))
        made = [strategy.tokenize_prompt(dict(row)) for row in load(files[kind]["jsonl"])]
        learned = sum(label != -100 for row in made for label in row["labels"])
        tokens = sum(len(row["input_ids"]) for row in made)
        assert 0 < learned < tokens, f"{learned} of {tokens} tokens are learned"
        return f"chat_template: {rows_of(len(made))}, {learned:,} of {tokens:,} tokens learned"

    told("Axolotl", "messages", lambda: learned("messages", {}))
    mapped = {"field_messages": "conversations", "message_property_mappings": {"role": "from", "content": "value"}}
    told("Axolotl", "unpaired_sharegpt", lambda: learned("unpaired_sharegpt", mapped))

    def pairs() -> str:
        config = DictDefault({"chat_template": "tokenizer_default", "datasets": [{"type": "chat_template.default"}]})
        made = dpo(config)
        transform = made[0] if isinstance(made, tuple) else made
        rows = [transform(dict(row), tokenizer=tokenizer) for row in load(files["preference_axolotl"]["jsonl"])]
        assert all(row["chosen"] and row["rejected"] and row["prompt"] for row in rows)
        return f"chat_template.default: {rows_of(len(rows))} of prompt, chosen, rejected"

    told("Axolotl", "preference_axolotl", pairs)


def versions() -> str:
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ["pyarrow", "datasets", "trl", "transformers", "torchtune", "axolotl"])


def main() -> int:
    with tempfile.TemporaryDirectory() as home:
        files = export(os.path.abspath(sys.argv[1]), Path(home))
        print(f"{versions()}\n\n| consumer | format | what it said |\n|---|---|---|", file=answers)
        for kind, containers in files.items():
            told("pyarrow", kind, lambda: arrow(containers))
            told("datasets", kind, lambda: hugging_face(containers))
        for checks in [trl_checks, torchtune_checks, axolotl_checks]:
            checks(files)
    print(f"\n{len(refused)} refused", file=answers)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
