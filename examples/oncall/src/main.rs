//! `oncall run`, `oncall simulate`, `oncall check` and the rest.

fn main() -> std::process::ExitCode {
    oncall::bot().run()
}
