"""What power loss may leave of a state, from a record of what was asked of the disk.

Owns: building such states. For each file, what was requested before its last sync is there, and of what
came after, each request is there, or not, or in part: a write by sectors of 512 bytes. Files lose
independently of each other, which is harsher than most file systems are.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.store.disk import Op

SECTOR = 512


@dataclass
class Left:
    """A file after power loss; None: it does not exist."""

    content: bytearray | None

    def take(self, op: Op) -> None:
        """Do as the disk was asked."""
        if op.kind == "delete":
            self.content = None
        elif op.kind == "truncate":
            self._reach(op.offset)
            del self._bytes()[op.offset :]
        elif op.kind == "write":
            self._reach(op.offset + len(op.data))
            self._bytes()[op.offset : op.offset + len(op.data)] = op.data

    def _bytes(self) -> bytearray:
        if self.content is None:
            self.content = bytearray()
        return self.content

    def _reach(self, length: int) -> None:
        content = self._bytes()
        content.extend(bytes(max(0, length - len(content))))


def crash(start: bytes, ops: Sequence[Op], dice: random.Random) -> dict[str, bytes]:
    """What power loss after *ops* may leave of a state that was *start*; by file, those that exist."""
    left = {"": Left(bytearray(start)), "-wal": Left(None)}
    for name, file in left.items():
        own = [op for op in ops if op.file == name]
        synced = max((n for n, op in enumerate(own) if op.kind == "sync"), default=0)
        for op in own[:synced]:
            file.take(op)
        habit = dice.choice(("any", "none", "all"))
        for op in own[synced:]:
            _maybe(file, op, dice, habit)
    return {name: bytes(file.content) for name, file in left.items() if file.content is not None}


def _maybe(file: Left, op: Op, dice: random.Random, habit: str) -> None:
    """Keep a request that was not synced, lose it, or tear it."""
    fate = dice.choice(("keep", "lose", "tear")) if habit == "any" else habit
    if fate == "tear" and op.kind == "write":
        for at in range(0, len(op.data), SECTOR):
            if dice.random() < 0.5:
                file.take(Op(op.file, "write", op.offset + at, op.data[at : at + SECTOR]))
    elif fate in ("keep", "all"):
        file.take(op)


def put(files: dict[str, bytes], path: Path) -> None:
    """Write a state that was left to a disk, in place of what is there."""
    for suffix in ("", "-wal", "-shm", ".lock"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    for suffix, content in files.items():
        Path(f"{path}{suffix}").write_bytes(content)
