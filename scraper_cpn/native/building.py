"""From a Python source to a file that Python can load: Cython makes C of it, a compiler the rest.

Owns: how both are called, and what is said when one of them is missing or fails.
Must not know: what the source says, where the file is kept for how long.

They run in a process of their own: they take hundreds of megabytes, which that gives back.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

_NEEDS = ("Cython", "setuptools")
_PROGRAM = """
import sys
from Cython.Build import cythonize
from setuptools import Distribution, Extension
name, source, folder, *flags = sys.argv[1:]
extension = Extension(name, [source], extra_compile_args=flags)
modules = cythonize([extension], language_level=3, quiet=True)
command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
command.build_lib = command.build_temp = folder
command.ensure_finalized()
command.run()
"""
_FLAGS = ("-O1", "-g0") if sys.platform != "win32" else ()
"""A higher level takes three times as long and gives nothing: the time goes into calls of Python."""


class NativeError(Exception):
    """A kernel could not be built: one line that says why, and what to do."""


def can_build() -> bool:
    """Whether Cython and setuptools are installed; whether a compiler is, only trying tells."""
    return all(find_spec(module) for module in _NEEDS)


def built(text: str, path: Path) -> None:
    """Build an extension module of a source. Whoever looks at *path* sees all of it or nothing.

    Raises:
        NativeError: Cython, setuptools or a C compiler is missing or fails, or *path* can't be written.
    """
    if not can_build():
        raise NativeError(
            f"a kernel is built with {' and '.join(_NEEDS)}: install the extra `fast`"
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            _build(text, path, Path(folder))
    except OSError as error:
        raise NativeError(f"{path.parent}: {error.strerror}; set XDG_CACHE_HOME") from None


def _build(text: str, path: Path, folder: Path) -> None:
    name = path.name.partition(".")[0]
    source = folder / f"{name}.py"
    source.write_text(text, encoding="utf-8")
    command = (sys.executable, "-c", _PROGRAM, name, str(source), str(folder), *_FLAGS)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode == -signal.SIGINT:  # Ctrl-C goes to all processes of a terminal
        raise KeyboardInterrupt
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no reason").splitlines()[-1]
        why = said.partition("Error: ")[2] or said
        raise NativeError(
            f"a kernel could not be built ({why}); it needs a C compiler and the headers of Python: "
            "on Debian, apt install gcc python3-dev"
        )
    (folder / path.name).replace(path)
