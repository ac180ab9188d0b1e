# Everything CI asks for, and the few things a release needs. `just --list` tells what each recipe does.

set shell := ["bash", "-euo", "pipefail", "-c"]

# the gate: formatting, lints, tests and their snapshots, supply chain, docs
check: fmt-check lint snapshots deny docs

# format the sources
fmt:
    cargo fmt

# fail on unformatted sources
fmt-check:
    cargo fmt --check

# clippy with warnings denied
lint:
    cargo clippy --all-targets --locked -- -D warnings

# every test; arguments go to cargo, for instance `just test --test architecture`
test *arguments:
    cargo test --locked {{ arguments }}

# every test, and no snapshot that none of them refers to (cargo install cargo-insta)
snapshots:
    cargo insta test --unreferenced reject --check -- --quiet

# what strangers write, fuzzed with coverage guidance, each target for so many seconds: `just fuzz 3600 streams` for one at length (cargo install cargo-fuzz)
fuzz seconds="60" *targets:
    .ci/fuzz {{ seconds }} {{ targets }}

# licences, bans, sources, advisories (cargo install cargo-deny)
deny *arguments:
    cargo deny --locked {{ arguments }} check

# kill -9 ten times in 2,000 tasks, and count
kill:
    cargo test --locked --test binary -- --ignored --nocapture ten_kills

# the promises, proven at length: 200 kills in 20,000 tasks, death and failure at every step, every upgrade, power that goes before every sync, a full disk (needs root)
prove:
    cargo test --locked --test proof -- --ignored --nocapture --test-threads 1 two_hundred at_every_step at_every_statement a_full_disk a_disk_that_is_full a_hundred_races the_power_goes

# the engine on a virtual clock at length: 20,000 seeds, 1,000 on SQLite, a day with fifty deaths, clocks that jump, 3,000 interleavings under a cap
simulate:
    cargo test --locked --test sim -- --ignored --nocapture --skip one_seed
    cargo test --locked --test store damage -- --ignored --nocapture

# a soak: rows a second, what memory grows by, the log's size (`TASKS=50000 just soak` for a short one)
soak:
    cargo test --release --locked --features test-hooks --test proof -- --ignored --nocapture a_million_tasks

# a million tasks killed, and a database of more than a gibibyte killed on the way there: times and sizes (five gigabytes where TMPDIR says)
large:
    cargo test --locked --test proof -- --ignored --nocapture --test-threads 1 with_a_million_planned more_than_a_gibibyte

# 100,000 stored candidates judged again by a changed threshold, held against a fresh run (`TASKS=2000` for fewer)
rejudge-cost:
    cargo test --release --locked --features test-hooks --test proof -- --ignored --nocapture a_hundred_thousand_candidates

# every job that ships, on the mock, with some 1,000 rows each: accepted, rejected by reason, seconds (`ROWS=100 just recipes` for fewer)
recipes:
    cargo test --locked --test binary -- --ignored --nocapture every_job_on_the_mock

# every job that ships, 20 rows each, on a server of your own: `DESTILER_REAL_BASE_URL=http://127.0.0.1:8080/v1 DESTILER_REAL_MODEL=qwen3 just recipes-real`
recipes-real:
    cargo test --locked --test binary -- --ignored --nocapture every_job_on_a_real_server

# what the programs that read our datasets say of every format: pyarrow, datasets, TRL (which trains two steps), torchtune, Axolotl.
# Fetches them into .cache, which takes 7 GB; once they are there nothing is fetched
consumers:
    cargo build --release --locked
    python3 -m venv .cache/consumers
    .cache/consumers/bin/pip install --quiet --requirement tests/consumers/requirements.txt
    .cache/consumers/bin/pip install --quiet --no-deps torchtune==0.6.1 torchao==0.10.0 axolotl==0.19.0
    .cache/consumers/bin/python tests/consumers/check.py "${CARGO_TARGET_DIR:-target}/release/destiler"

# what a report of a million samples costs: seconds and memory (`TASKS=20000` for fewer)
report-cost:
    cargo test --release --locked --test proof -- --ignored --nocapture a_report_of_many_samples

# what is proven every night: the simulation, a million tasks, a large database, the fuzz targets
nightly: simulate large soak fuzz

# what is proven before a release: all of it
before-release: check prove nightly rejudge-cost

# what an audit costs at 10,000 tasks
audit-cost:
    cargo test --locked --test proof -- --ignored --nocapture seconds_at_ten_thousand_tasks

# the documentation, warnings denied
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# what performance means here
bench *arguments:
    cargo bench --locked {{ arguments }}

# line coverage, with a floor of 75 % for core, engine and validators (cargo install cargo-llvm-cov)
coverage floor="75":
    cargo llvm-cov --locked --json --summary-only --output-path target/coverage.json
    .ci/coverage target/coverage.json {{ floor }}

# an optimised binary, and what it weighs
release:
    cargo build --release --locked
    ls -lh "${CARGO_TARGET_DIR:-target}/release/destiler"
