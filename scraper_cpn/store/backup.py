"""Self-contained copies of a state.

Owns: making a copy, also while a writer is at work.
Must not know: runs, batches.
"""

from __future__ import annotations

import os
import secrets
from contextlib import closing
from pathlib import Path

from scraper_cpn.store.failures import store_errors
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.statefile import connect, sync_folder
from scraper_cpn.store.whole import check_structure, look


def backup(path: Path, to: Path) -> None:
    """Copy a snapshot of the state in *path* to *to*, which must not exist. Raises `StoreError`.

    The copy has an identity of its own, so that it may take the place of what it was made of. Cost:
    reads and writes the whole state; the writer goes on meanwhile.
    """
    if os.path.lexists(to):
        raise StoreError("exists", f"{to} exists; name another file for the backup")
    draft = Path(f"{to}.new")
    with closing(look(path)) as connection:
        with store_errors(path):
            check_structure(path, connection)
            connection.execute("COMMIT")  # a copy is a transaction of its own
        with store_errors(to):
            draft.unlink(missing_ok=True)
            draft.touch(0o600, exist_ok=False)  # VACUUM INTO fills an empty file
            connection.execute("VACUUM INTO ?", (str(draft),))
    with store_errors(to):
        _make_its_own(draft)
        draft.rename(to)
        sync_folder(to.parent)


def _make_its_own(draft: Path) -> None:
    """Mark a copy as closed, and give it an identity of its own."""
    with closing(connect(draft, write=True)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE state SET identity = ?, open = 0", (secrets.token_hex(8),))
