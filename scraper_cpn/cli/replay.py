"""`scrape test FILE.py`: a program on pages that were recorded before.

Owns: its switches, where recorded pages are, what is printed.
Must not know: how a page is written down or compared (`recording` does).
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper_cpn.cli.arguments import ON_COMMAND_LINE, parse
from scraper_cpn.cli.job import job_of, program_of
from scraper_cpn.scrape.options.read import GivenValue
from scraper_cpn.scrape.options.table import Option
from scraper_cpn.scrape.options.values import Kind, switch
from scraper_cpn.scrape.settings import UsageError

if TYPE_CHECKING:
    from scraper_cpn.cli.arguments import Arguments
    from scraper_cpn.scrape.recording import Functions

HELP = """\
usage: scrape test FILE.py                            try a program on its recorded pages
       scrape test FILE.py --record [URL...] [OPTION...]   record pages by a crawl
       scrape test FILE.py --accept                   take what it makes of them now as right

Pages are recorded in the folder FILE.pages, two files each: the body as it came, and what the
program made of it (items, links, why it failed), in NAME.page.json. They belong to the program,
like its tests. Replaying needs no network. What differs is printed; the exit code is 1 then.

--record crawls as `scrape run` does, with its options; 10 pages unless --max-pages says
otherwise. It records no cookies and no headers of requests; a body may hold what it holds.

examples:
  scrape test quotes.py --record --max-pages 3
  scrape test quotes.py
"""
PAGES = 10
"""The number of pages that are recorded by default."""
_OWN = tuple(
    Option(name=name, kind=Kind(switch), group="", help="") for name in ("record", "accept")
)


def replay(argv: Sequence[str]) -> int:
    """Record pages, or replay those that are recorded; return the exit code. Raises `UsageError`."""
    arguments = parse(argv, (*ON_COMMAND_LINE, *_OWN), "test")
    given = dict(arguments.options)
    if "help" in given:
        sys.stdout.write(HELP)
        return 0
    records, accepts = given.pop("record", None), given.pop("accept", None)
    if not arguments.words:
        raise UsageError("test: give the file of a program: scrape test FILE.py")
    file, *urls = arguments.words
    if records is not None:
        return _record(file, replace(arguments, words=("run", file, *urls), options=given))
    if urls or given:
        raise UsageError("test: URLs and options are for --record; leave them out")
    return _replay(file, accepts=accepts is not None)


def folder_of(file: str) -> Path:
    """Return the folder of the recorded pages of a program."""
    return Path(file).with_suffix(".pages")


def _record(file: str, arguments: "Arguments") -> int:
    from scraper_cpn.cli.crawl import run_job
    from scraper_cpn.scrape.recording import Functions, PageRecorder, replayed, write

    if "state" in arguments.options:
        raise UsageError("test: --record keeps no state; leave out --state")
    if folder_of(file).exists() and not folder_of(file).is_dir():
        raise UsageError(f"test: {folder_of(file)} is in the way of the folder of pages; move it")
    options = {"output": GivenValue("-", "-o"), **arguments.options}  # the program's own may exist
    job = job_of(replace(arguments, options=options))
    settings = replace(job.settings, max_pages=job.settings.max_pages or PAGES)
    recorder, folder = PageRecorder(), folder_of(file)
    code = run_job(
        replace(
            job, settings=settings, bodies=recorder, sink=None, output=f"no file: {folder} has them"
        )
    )
    made = replayed(recorder.raws, Functions(job.handlers, job.hooks, job.validator, settings))
    for raw, each in zip(recorder.raws, made, strict=True):
        write(folder, raw, each)
    sys.stdout.write(f"{len(made)} pages recorded in {folder}\n")
    return code


def _replay(file: str, *, accepts: bool) -> int:
    from scraper_cpn.scrape.recording import accept, difference, recorded, replayed

    functions, folder = _functions(file), folder_of(file)
    pages = list(recorded(folder, functions.settings)) if folder.is_dir() else []
    if not pages:
        raise UsageError(
            f"test: {folder} has no recorded pages; record some: scrape test {file} --record"
        )
    raws = [raw for _, raw, _ in pages]
    differs = 0
    made = replayed(raws, functions)
    for (path, raw, wanted), now in zip(pages, made, strict=True):
        lines = difference(wanted, now)
        if accepts:
            accept(path, now)
        elif lines:
            sys.stdout.write("\n".join([f"{raw.target.url}  ({path})", *lines, "", ""]))
        differs += bool(lines)
    did = "accepted" if accepts else "differ"
    sys.stdout.write(f"{len(pages)} pages, {differs} {did}\n")
    return 1 if differs and not accepts else 0


def _functions(file: str) -> "Functions":
    from scraper_cpn.scrape.items.validate import Validator
    from scraper_cpn.scrape.recording import Functions

    program = program_of(("run", file))[1]
    assert program is not None
    validator = Validator(program.item_type, program.settings.schema)
    return Functions(program.handlers, program.hooks, validator, program.settings)
