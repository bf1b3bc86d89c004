"""The wheel: built, installed into an empty environment, it crawls from an empty folder."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from mocks.server import LoopbackWeb
from scraper_cpn.simulate.web import WebSpec

pytestmark = pytest.mark.slow

EXTRAS = (".client_httpx", ".pools", ".fetch.streams", ".socks")
"""Modules of the extras `fast`, `httpx` and `socks`."""
ROOT = Path(__file__).parents[1]
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL"))}  # fmt: skip


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command, which must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=CLEAN,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that has the wheel and what it needs."""
    home = tmp_path_factory.mktemp("env")
    venv.create(home, with_pip=True)
    pip: list[str | Path] = [home / "bin" / "python", "-m", "pip", "install", "--quiet"]
    run(*pip, "--disable-pip-version-check", "-c", ROOT / "constraints.txt", wheel, cwd=home)
    return home / "bin"


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    """Nothing but `scraper_cpn` and its metadata is in it, `py.typed` and the licence included."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    (metadata,) = tops - {"scraper_cpn"}
    assert metadata.endswith(".dist-info")
    assert "scraper_cpn/py.typed" in names
    assert "scraper_cpn/store/schema.sql" in names
    assert f"{metadata}/licenses/LICENSE" in names
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "scraper_cpn").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources


def test_the_command_is_there(installed: Path, tmp_path: Path) -> None:
    """`scrape` and `python -m scraper_cpn` say the same version, that of the wheel."""
    version = run(installed / "scrape", "--version", cwd=tmp_path)
    assert version == run(installed / "python", "-m", "scraper_cpn", "--version", cwd=tmp_path)
    code = "import importlib.metadata as m; print(m.version('scraper-cpn'))"
    assert run(installed / "python", "-c", code, cwd=tmp_path).strip() in version


def test_it_needs_what_it_says_it_needs(installed: Path, tmp_path: Path) -> None:
    """Every module can be imported without what only the tests need, but those of the extras that are clients."""
    code = (
        "import importlib, pkgutil, scraper_cpn\n"
        f"extras = {EXTRAS}\n"
        "for found in pkgutil.walk_packages(scraper_cpn.__path__, 'scraper_cpn.'):\n"
        "    if not found.name.endswith(('__main__', *extras)):\n"
        "        importlib.import_module(found.name)\n"
    )
    run(installed / "python", "-W", "error", "-c", code, cwd=tmp_path)
    run(installed / "python", "-m", "pip", "check", cwd=tmp_path)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            ("--fetcher", "httpx"),
            "fetcher: httpx is not installed; install it with pip install 'scraper-cpn[httpx]'",
        ),
        (
            ("--kernel", "native"),
            (
                "kernel: native is unavailable: it is built with Cython and setuptools: "
                "pip install 'scraper-cpn[fast]'; or choose kernel python"
            ),
        ),
    ],
)
def test_it_says_what_an_option_needs(
    option: tuple[str, str], said: str, installed: Path, tmp_path: Path
) -> None:
    """What is not installed is a mistake of the user, who is shown how to get it."""
    command = [str(installed / "scrape"), "http://127.0.0.1:1/", *option, "-o", "x.csv"]
    env = {**CLEAN, "XDG_CACHE_HOME": str(installed.parent / "caches")}  # nothing is built there
    done = subprocess.run(
        command, cwd=tmp_path, env=env, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == f"scrape: {said}\n"
    assert names_in(tmp_path) == []


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.anyio
async def test_it_crawls_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """The command fetches a loopback site, and leaves its output in the folder, and nothing else."""
    async with LoopbackWeb(WebSpec(pages=12)) as web:
        process = await asyncio.create_subprocess_exec(
            installed / "scrape",
            *(web.url, "--delay", "1ms", "-o", "pages.jsonl"),
            cwd=tmp_path,
            env=CLEAN,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, message = await process.communicate()
        assert process.returncode == 0, message.decode()
    assert out == b""
    assert names_in(tmp_path) == ["pages.jsonl"]
    rows = [json.loads(line) for line in (tmp_path / "pages.jsonl").read_text().splitlines()]
    assert {row["url"] for row in rows} == {
        web.url if page == 0 else f"{web.url}p/{page}" for page in range(12)
    }
    assert len(rows) == 12
