//! Jinja templates with fuel and an output cap.
