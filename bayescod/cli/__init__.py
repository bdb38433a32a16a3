"""The command line; each verb is also one Python function."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Run the command that the arguments of this process ask for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that lacks a character shows a question mark; the run must not die of it.
            stream.reconfigure(errors="replace")
    from bayescod.cli.app import app

    app(prog_name="bayescod")
