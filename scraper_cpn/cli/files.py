"""Checks of the files that a command names: each can be written, and none has two purposes.

Owns: these checks, before anything is fetched or written.
Must not know: what is written into the files.
"""

import os
from pathlib import Path
from typing import Any

from scraper_cpn.scrape.items.outputs import is_stream
from scraper_cpn.scrape.settings import UsageError


def check_files(own: dict[str, Any]) -> None:
    """Refuse files for reports that can't be written, and one file for two purposes."""
    given = own.get("input")
    used = {} if given in {None, "-"} else {Path(given).resolve(): "input"}
    named = own.get("output")
    outputs = named if isinstance(named, tuple) else (named,)
    files = [("output", path) for path in outputs]
    files += [(key, own.get(key)) for key in ("failed", "trace")]
    for key, path in [("state", own.get("state")), *files]:
        if path is None or (path == "-" and key == "output"):
            continue
        if key in {"failed", "trace"}:
            check_writable(f"--{key}", path)
        place = Path(path).resolve()
        if is_stream(place):
            continue
        if place in used:
            raise UsageError(f"--{key}: {path} is the file of --{used[place]} too; name another")
        used[place] = key


def check_writable(word: str, path: str) -> None:
    """Raise `UsageError` if the file that an option or command (*word*) names can't be written."""
    folder = Path(path).parent
    if path == "-":
        raise UsageError(f"{word}: - is for items and URLs only; give the name of a file")
    if not folder.is_dir():
        raise UsageError(f"{word}: the folder {folder} does not exist; create it first")
    if Path(path).is_dir() or not os.access(path if Path(path).exists() else folder, os.W_OK):
        raise UsageError(f"{word}: can't write {path}; check the path and its permissions")
