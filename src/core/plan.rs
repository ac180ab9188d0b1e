//! Seeds × vary × repeat → tasks, streaming and bit-reproducible.
