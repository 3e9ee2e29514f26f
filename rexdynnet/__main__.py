"""Run the command line with `python -m rexdynnet`."""

from __future__ import annotations

from rexdynnet.cli import main

if __name__ == "__main__":
    main()
