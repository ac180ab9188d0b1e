//! Reads a job file and reports every problem of it at once.
