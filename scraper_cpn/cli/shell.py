"""`scrape shell [URL]`: pages and their selectors, by hand.

Owns: what a person finds there, which prompt it is, and how a mistake is shown.
Must not know: how pages are fetched (`byhand` does).
"""

import code
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal

from scraper_cpn.cli.arguments import given_options, parse
from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.fetch.loop import loop_options
from scraper_cpn.scrape.options.read import crawl_options, settings_from
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.urls import seed_url

HELP = """\
usage: scrape shell [URL] [OPTION...]      a prompt with a page

  page                 the page that was fetched last; page.text("h1"), page.links("a"), ...
  fetch(url)           fetch another one; it may be relative, or a Link
  Page, Link           of scraper_cpn

Each request keeps the delay, robots.txt and all other limits, as in a crawl with these options.
The prompt is IPython where it is installed.

examples:
  scrape shell https://quotes.example/
  scrape shell https://quotes.example/ --fetcher httpx --delay 2s
"""
NOT_HERE = frozenset({
    "state", "run", "output", "overwrite", "append", "failed", "trace", "input", "skip_bad_seeds", "json", "verbose",
})  # fmt: skip
"""Options that have no meaning without a crawl."""

AWAKE_S = 0.5
"""How often the main thread wakes up while it waits: a signal that comes just before a wait doesn't end it."""

Names = dict[str, Any]
_OURS = str(Path(__file__).parents[1])


def shell(argv: Sequence[str], prompt: Callable[[str, Names], None] | None = None) -> int:
    """Open a prompt (*prompt*, by default the best that is installed). Raises `UsageError`."""
    from scraper_cpn.scrape.byhand import HandFetcher, NoPage
    from scraper_cpn.scrape.pages.page import Page

    arguments = parse(argv)
    if "help" in arguments.options:
        sys.stdout.write(HELP)
        return 0
    if len(arguments.words) > 1:
        raise UsageError("shell: give one URL, or none; fetch(url) fetches others")
    given = given_options(arguments)
    for key in given.keys() & NOT_HERE:
        raise UsageError(f"{given[key].where}: has no meaning here; leave it out")
    settings = settings_from(crawl_options(given))
    urls = tuple(map(seed_url, arguments.words))
    names: Names = {"Page": Page, "Link": Link, "page": None}
    by_hand = HandFetcher(settings)

    def fetch(asked: str | Link) -> Page:
        """Fetch a page, which is also `page` then."""
        before = names["page"]
        if isinstance(asked, str) and isinstance(before, Page):
            asked = before.absolute(asked) or asked
        coming = portal.start_task_soon(by_hand.fetch, asked)
        try:
            while not coming.done():
                wait([coming], timeout=AWAKE_S)
            names["page"] = coming.result()
        except KeyboardInterrupt:
            coming.cancel()
            raise
        except (NoPage, UsageError, ValueError) as error:
            failed = type(error)(str(error))
        else:
            return names["page"]  # type: ignore[no-any-return]
        raise failed  # without the frames of the crawl

    names["fetch"] = fetch
    options = loop_options()
    with (
        start_blocking_portal(backend_options=options) as portal,
        portal.wrap_async_context_manager(by_hand),
    ):
        for url in urls:
            try:
                fetch(url)
            except NoPage as error:
                names["page"] = None
                sys.stderr.write(f"no page: {error}\n")
        (prompt or _prompt)(_banner(names["page"]), names)
    return 0


def _banner(page: object) -> str:
    first = f"page is {page}" if page is not None else "there is no page yet"
    return f"{first}; fetch(url) fetches another one; Ctrl-D ends"


def _prompt(banner: str, names: Names) -> None:
    _best()(banner, names)


def _best() -> Callable[[str, Names], None]:
    try:
        embed = import_module("IPython.terminal.embed").InteractiveShellEmbed
    except ImportError:
        return _plain
    return partial(_ipython, embed)


def _ipython(embed: Any, banner: str, names: Names) -> None:
    prompt = embed(banner1=banner, user_ns=names)
    prompt.set_custom_exc((Exception,), _show_in_ipython)
    prompt()


def _show_in_ipython(
    prompt: Any, kind: object, error: BaseException, trace: object, tb_offset: int | None = None
) -> None:
    told = _told(error)
    if told is None:
        prompt.showtraceback((kind, error, trace), tb_offset=tb_offset)
    else:
        sys.stderr.write(told)


def _plain(banner: str, names: Names) -> None:
    with suppress(ImportError):
        import_module("readline")  # gives the prompt a history and editing
    _Console(names).interact(banner, exitmsg="")


class _Console(code.InteractiveConsole):
    """The prompt of Python."""

    def showtraceback(self) -> None:
        """Show the exception that is being handled."""
        error = sys.exc_info()[1]
        told = None if error is None else _told(error)
        if told is None:
            super().showtraceback()
        else:
            self.write(told)


def _told(error: BaseException) -> str | None:
    """Return what to show of a mistake that our own code has noticed, without its frames; None for other exceptions.

    It is one line, unless the mistake is inside a function of the person's.
    """
    from scraper_cpn.scrape.byhand import NoPage
    from scraper_cpn.scrape.pages.page import HostilePageError

    if not isinstance(error, (TypeError, ValueError, UsageError, NoPage, HostilePageError)):
        return None
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first one is the prompt's
    theirs = [each for each in frames if not each.filename.startswith(_OURS)]
    if not frames or frames[-1] in theirs:
        return None
    listed = traceback.format_list(theirs) if len(theirs) > 1 else []
    return "".join([*listed, f"{type(error).__name__}: {error}\n"])
