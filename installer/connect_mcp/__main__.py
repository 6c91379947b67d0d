"""The entry point of `connect-mcp` and of `python -m connect_mcp`.

`serve` is handed over before anything else is imported: some hosts wait one second for a server and then go on
without its tools, so the way to the first answer may cost nothing that it does not need.
"""

import sys


def main(argv: list[str] | None = None) -> int:
    """Run one command line; the exit code is 0 done, 1 refused or failed, 2 usage, 3 our bug, 130 interrupted."""
    args = sys.argv[1:] if argv is None else argv
    if args[:1] == ["serve"]:
        from connect_mcp.server.main import main as serve

        try:
            return serve(args[1:])
        except Exception as bug:  # noqa: BLE001 - the boundary of this command, without its cost on the way in
            from connect_mcp.base.boundary import reported

            return reported(bug)
    from connect_mcp.base.boundary import guarded

    return guarded(lambda: _run(args))


def _run(args: list[str]) -> int:
    if args[:1] == ["run"]:  # in a server's place, so it may cost as little
        from connect_mcp.installer.commands.run import main as run

        return run(args[1:])
    if args[:1] == ["conformance"]:
        from connect_mcp.conformance.commands import main as conformance

        return conformance(args[1:])
    if args[:1] == ["lab"]:
        from connect_mcp.conformance.lab.commands import main as lab

        return lab(args[1:])
    if args[:1] == ["workspace"]:
        from connect_mcp.server.workspace.commands import main as workspace

        return workspace(args[1:])
    from connect_mcp.installer.cli import main as installer

    return installer(args)


if __name__ == "__main__":
    sys.exit(main())
