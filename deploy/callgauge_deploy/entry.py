"""Where the `callgauge` command begins. Without the part that a subcommand needs it says which one to install."""

from __future__ import annotations

import sys

from callgauge_deploy.extras import how_to_install

__all__ = ["main"]


def main() -> None:
    """Run the command; exit code 1 and one line on standard error if a part of callgauge is not installed."""
    try:
        from callgauge_deploy.cli import main as run  # not above: it needs typer, which is optional

        run()
    except ModuleNotFoundError as error:
        # A module of ours that is missing is a defect, not a part that was left out.
        if error.name is None or error.name.startswith("callgauge"):
            raise
        sys.exit(f"callgauge: error: {how_to_install(error.name, sys.argv[1:])}")


if __name__ == "__main__":
    main()
