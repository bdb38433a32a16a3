"""The command line; each verb is also one Python function."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper


def main() -> None:
    """Run the command that the arguments of this process ask for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that lacks a character shows a question mark; the run must not die of it.
            stream.reconfigure(errors="replace")
    from bayescod.cli.app import app
    from bayescod.cli.exits import INTERRUPTED, MACHINE_FAILED, TERMINATED

    try:
        app(prog_name="bayescod")
    except SystemExit as leaving:
        if leaving.code in (INTERRUPTED, TERMINATED, MACHINE_FAILED):
            # What is being sampled cannot be called back, and an orderly end would wait for it;
            # HDF5 that could not write would crash in it.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(leaving.code)
        raise
