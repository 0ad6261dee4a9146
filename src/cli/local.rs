pub(super) const HELP: &str = "";
pub(super) fn run(_: lexopt::Parser) -> crate::error::Result<std::process::ExitCode> {
    unimplemented!()
}
