//! stub
use clap::Args;
#[derive(Args, Debug)]
pub(super) struct Options {}
pub(super) async fn run(
    _: Options,
    _: Option<&std::path::Path>,
    _: Vec<crate::handler::Command>,
) -> anyhow::Result<std::process::ExitCode> {
    Ok(std::process::ExitCode::SUCCESS)
}
