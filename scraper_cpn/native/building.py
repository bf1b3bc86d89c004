"""Building an extension module from a Python source with Cython and a C compiler.

Owns: the inputs and calls of both, the messages if one of them is missing or fails, and whose files are trusted.
Must not know: the meaning of the source, who uses the module.

They run in a separate process, because they take hundreds of megabytes, which its end releases.
"""

from __future__ import annotations

import os
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from hashlib import blake2b
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from scraper_cpn.native.attributes import remembering

FORM = 4
"""Changes whenever the same source must be built again."""
SUFFIX = EXTENSION_SUFFIXES[0]
"""The suffix of this Python's extension modules."""
_NO_COMPILER = 3
_PROGRAM = f"""
import sys
from Cython.Build import cythonize
from setuptools import Distribution, Extension
from setuptools.errors import CCompilerError
name, source, folder, *flags = sys.argv[1:]
extension = Extension(name, [source], extra_compile_args=flags)
modules = cythonize([extension], language_level=3, quiet=True)
command = Distribution({{"ext_modules": modules}}).get_command_obj("build_ext")
command.build_lib = command.build_temp = folder
command.ensure_finalized()
try:
    command.run()
except CCompilerError as error:
    print(error, file=sys.stderr)
    sys.exit({_NO_COMPILER})
"""
_FLAGS = ("-O1", "-g0")
"""A higher level builds three times as long without benefit: a kernel's time goes into calls of Python.
The environment's `CFLAGS` come behind these."""
_FAST_FLAGS = ("-O2", "-g0")
"""For sources that hardly call Python."""


class NativeError(Exception):
    """A native kernel could not be built or loaded; one line says why, and what to do."""


class Program(NamedTuple):
    """What Cython is given.

    Attributes:
        text: the source.
        suffix: `.py`, or `.pyx` if it is in Cython's own language.
        declarations: for a `.pxd` file beside it; empty for none.
        flags: of the C compiler.
    """

    text: str
    suffix: str
    declarations: str
    flags: tuple[str, ...]


def kernel_program(text: str) -> Program:
    """A Python source, whose accesses to attributes are given caches. Raises SyntaxError if it is none."""
    made = remembering(text)
    return Program(made.text, ".py", made.declarations, _FLAGS)


def cython_program(text: str) -> Program:
    """A source in Cython's own language, which works on C's numbers."""
    return Program(text, ".pyx", "", _FAST_FLAGS)


def built(
    program: Program, folder: Path, name: str, begun: Callable[[], None] = lambda: None
) -> Path:
    """Build an extension module and return its file, which appears atomically.

    Args:
        program: the source.
        folder: the folder for the file.
        name: the name of the module.
        begun: is called after the checks, before the slow part begins.

    Raises:
        NativeError: Cython, setuptools or a C compiler is missing or fails, or *folder* can't be written.
    """
    if not all(map(find_spec, ("Cython", "setuptools"))):
        raise NativeError("it is built with Cython and setuptools: pip install 'scraper-cpn[fast]'")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_strangers(folder)
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as scratch:
            begun()
            made = Path(scratch) / f"{name}{SUFFIX}"
            _build(program, made)
            path = folder / file_name(name, made.read_bytes())
            made.chmod(0o700)
            with made.open("rb+") as file:
                os.fsync(file)
            made.replace(path)
    except OSError as error:
        raise NativeError(f"{folder}: {error.strerror}; set XDG_CACHE_HOME") from None
    return path


def file_name(name: str, content: bytes) -> str:
    """The name of a module's file, with a digest by which its content can be checked."""
    return f"{name}.{blake2b(content, digest_size=8).hexdigest()}{SUFFIX}"


def refuse_strangers(path: Path) -> None:
    """Refuse a path that another user could have written to.

    Raises `NativeError` in that case, and OSError if it can't be determined.
    """
    found = path.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NativeError(
            f"{path} can be written by other users; set XDG_CACHE_HOME to a folder that only you can write to"
        )


def _build(program: Program, path: Path) -> None:
    name = path.name.partition(".")[0]
    source = path.with_name(f"{name}{program.suffix}")
    source.write_text(program.text, encoding="utf-8")
    if program.declarations:
        source.with_suffix(".pxd").write_text(program.declarations, encoding="utf-8")
    flags = (
        *program.flags,
        *shlex.split(os.environ.get("CFLAGS", "")),
    )  # the last one of a kind counts
    command = (sys.executable, "-P", "-c", _PROGRAM, name, source.name, ".", *flags)
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise _reason(done)


def _reason(done: subprocess.CompletedProcess[str]) -> BaseException:
    if done.returncode == -signal.SIGINT:  # Ctrl-C goes to all processes of a terminal
        return KeyboardInterrupt()
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    last = lines[-1] if lines else f"exit code {done.returncode}"
    if done.returncode == _NO_COMPILER:
        return NativeError(
            f"it needs a C compiler and the headers of Python ({last}): on Debian, "
            "apt install gcc python3-dev"
        )
    return NativeError(f"Cython has failed ({last})")
