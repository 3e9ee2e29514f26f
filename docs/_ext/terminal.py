"""Run a command on a page and show it as a terminal would."""

from __future__ import annotations

import subprocess


def run(command: str, status: int = 0) -> None:
    """Print a command and what it prints; the page fails where the command does not end as told.

    Parameters
    ----------
    command : str
        A shell command, run in the folder of the repository.
    status : int
        Exit status that is expected; where it is not 0, the error output is shown too.
    """
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise RuntimeError(f"{command}: exit status {done.returncode}\n{done.stderr}")
    print(f"$ {command}")
    print((done.stdout + (done.stderr if status else "")).rstrip())
    if status:
        print("$ echo $?", status, sep="\n")
