//! Keys of the providers, of their models, and of adding one.

use super::{Binding, Table, key};
use crate::tui::keys::Action;

/// The providers.
pub static PROVIDERS: Table = Table {
    context: "Providers",
    bindings: &[
        key(
            &["a"],
            Action::TakeFound,
            "add found",
            "Add what was found on this machine",
        ),
        key(
            &["i"],
            Action::IgnoreFound,
            "ignore",
            "Do not offer it again in this session",
        ),
        key(&["n"], Action::AddProvider, "add", "Add a provider, step by step"),
        key(&["e"], Action::Edit, "edit", "Change the selected provider"),
        key(
            &["t"],
            Action::Test,
            "test",
            "One tiny call over the wire; says what it cost",
        ),
        key(
            &["T"],
            Action::TestAll,
            "test all",
            "Test all that are on, at the same time",
        ),
        key(
            &["m"],
            Action::Models,
            "models",
            "What it offers: choose, price, weigh",
        ),
        key(
            &["space"],
            Action::Toggle,
            "on/off",
            "Switch it on or off; requests in flight finish",
        ),
        key(
            &["+"],
            Action::Heavier,
            "weight",
            "A larger share for all its models",
        ),
        key(
            &["-"],
            Action::Lighter,
            "",
            "A smaller share for all its models; 0 is a fallback only",
        ),
        key(
            &["K"],
            Action::ChangeKey,
            "change key",
            "Say where its key is found",
        ),
        key(
            &["b"],
            Action::ResetCircuit,
            "reset circuit",
            "Forget its failures and let one request through",
        ),
        key(
            &["D"],
            Action::Delete,
            "delete",
            "Take it out of the configuration; its samples stay",
        ),
        key(
            &["/"],
            Action::Filter,
            "filter",
            "Show only names and kinds with some letters",
        ),
        key(&["u"], Action::Undo, "", "Take the last change back"),
        key(
            &["enter"],
            Action::Open,
            "",
            "The selected provider over the whole screen, and back",
        ),
    ],
};

const CHOOSE: Binding = key(
    &["space"],
    Action::Choose,
    "choose",
    "Use the selected model as a teacher, or no longer",
);
const DEFAULT: &str = "Make it the first: the one that tests ask";
const FILTER: Binding = key(
    &["/"],
    Action::Filter,
    "filter",
    "Show only names with some letters",
);
const SORT: Binding = key(
    &["s"],
    Action::Sort,
    "sort",
    "By chosen first, name, context, price in, price out",
);
const HEAVIER: Binding = key(
    &["+"],
    Action::Heavier,
    "weight",
    "A larger share for the selected model",
);
const LIGHTER: Binding = key(
    &["-"],
    Action::Lighter,
    "",
    "A smaller share for the selected model; 0 is a fallback only",
);
const PRICE: Binding = key(
    &["p"],
    Action::Price,
    "price",
    "Say what it costs: USD per million tokens in and out",
);
const CAPABILITIES: Binding = key(
    &["c"],
    Action::Capabilities,
    "capabilities",
    "Say what it is good for: steps ask for these words",
);
const BY_NAME: Binding = key(
    &["a"],
    Action::AddByName,
    "by name",
    "Add a model that is not in the list",
);

/// The models of a configured provider; every change is written at once.
pub static MODELS: Table = Table {
    context: "Models",
    bindings: &[
        CHOOSE,
        FILTER,
        SORT,
        HEAVIER,
        LIGHTER,
        PRICE,
        CAPABILITIES,
        BY_NAME,
        key(&["enter"], Action::Open, "default", DEFAULT),
    ],
};

/// The models of a provider that is being added or changed.
pub static MODELS_OF_DRAFT: Table = Table {
    context: "Provider: models",
    bindings: &[
        CHOOSE,
        key(&["enter"], Action::Continue, "go on", "To the limits"),
        FILTER,
        SORT,
        HEAVIER,
        LIGHTER,
        PRICE,
        CAPABILITIES,
        BY_NAME,
        key(&["d"], Action::Open, "default", DEFAULT),
        key(
            &["ctrl-s"],
            Action::Save,
            "save",
            "Check it and write it into the configuration",
        ),
    ],
};

/// A field of a model, or the filter of models.
pub static MODEL_FIELD: Table = Table {
    context: "Model field",
    bindings: &[
        key(&["enter"], Action::Press, "keep", "Keep what was typed"),
        key(&["esc"], Action::Back, "close", "Close it; what was there stays"),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// Which kind of provider.
pub static PROVIDER_KINDS: Table = Table {
    context: "Provider: kind",
    bindings: &[key(
        &["enter"],
        Action::Continue,
        "take this kind",
        "Go on with the selected kind",
    )],
};

/// The fields of a provider.
pub static PROVIDER_FORM: Table = Table {
    context: "Provider: fields",
    bindings: &[
        key(
            &["enter"],
            Action::Continue,
            "go on",
            "The next field; from the last one, the next step",
        ),
        key(
            &["tab", "down"],
            Action::NextField,
            "next field",
            "The next field",
        ),
        key(
            &["shift-tab", "up"],
            Action::PreviousField,
            "",
            "The field before",
        ),
        key(
            &["esc"],
            Action::Back,
            "step back",
            "The step before; what was typed stays",
        ),
        key(
            &["ctrl-s"],
            Action::Save,
            "save",
            "Check it and write it into the configuration",
        ),
        key(
            &["ctrl-o"],
            Action::Protocol,
            "protocol",
            "How a script talks, with a whole one to copy",
        ),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// Testing what is not saved yet.
pub static PROVIDER_TEST: Table = Table {
    context: "Provider: test",
    bindings: &[
        key(&["t"], Action::Test, "test", "Ask it, with what was typed so far"),
        key(
            &["enter"],
            Action::Continue,
            "go on",
            "To the models, tested or not",
        ),
        key(
            &["ctrl-s"],
            Action::Save,
            "save",
            "Check it and write it into the configuration",
        ),
    ],
};

/// How a script talks.
pub static PROTOCOL: Table = Table {
    context: "Script protocol",
    bindings: &[key(&["enter"], Action::Back, "close", "Back to the fields")],
};
