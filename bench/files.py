"""State files for runs: fresh ones each time.

Owns: names in the folder of a measurement, copies, and the files of a killed process.
Must not know: what is in a state.
"""

from __future__ import annotations

import shutil
from pathlib import Path


def cleared(folder: Path, start: str) -> Path:
    """Delete what begins with *start* in a folder; returns that name."""
    for old in folder.glob(f"{start}*"):
        old.unlink()
    return folder / start


def copied(filled: Path) -> Path:
    """A fresh copy of a state that is closed."""
    path = cleared(filled.parent, "run.db")
    shutil.copyfile(filled, path)
    return path


def left(path: Path) -> Path:
    """A copy of a state that is open, as a kill would leave it."""
    killed = cleared(path.parent, "killed.db")
    for each in path.parent.glob(f"{path.name}*"):
        shutil.copyfile(each, each.with_name(each.name.replace(path.name, killed.name)))
    return killed
