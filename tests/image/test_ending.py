"""A build that is ended leaves nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from image.recipe import REPOSITORY

WAITS = """
import sys
from pathlib import Path
from image.__main__ import end_with_what_runs
from image.running import run
end_with_what_runs()
folder = Path(sys.argv[1])
run(["sh", "-c", f"echo >{folder}/began; exec cat {folder}/ends"], log=folder / "log")
"""


def test_what_it_waits_for_ends_with_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "began")
    os.mkfifo(tmp_path / "ends")
    with subprocess.Popen([sys.executable, "-c", WAITS, str(tmp_path)], cwd=REPOSITORY) as building:
        with (tmp_path / "began").open() as began:
            assert began.read() == "\n"
        writing = os.open(tmp_path / "ends", os.O_WRONLY)  # once cat reads there
        try:
            building.send_signal(signal.SIGTERM)
            assert building.wait() == 128 + signal.SIGTERM
            with pytest.raises(BrokenPipeError):
                os.write(writing, b"?")
        finally:
            os.close(writing)
