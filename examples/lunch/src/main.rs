//! `lunchbot run`, `lunchbot simulate`, `lunchbot check` and the rest.

fn main() -> std::process::ExitCode {
    lunchbot::bot().run()
}
