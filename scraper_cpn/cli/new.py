"""`scrape new NAME`: writes a program to begin with, and a test of it.

Owns: what they contain. Must not know: how a program is run.
"""

import keyword
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from scraper_cpn.scrape.redact import shown
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.urls import seed_url

HELP = """\
usage: scrape new NAME [URL]      write a program NAME.py, and its test test_NAME.py

The program takes the title of each page and follows links. Its test passes as it is:
  python -m pytest test_NAME.py
Nothing is overwritten.

example:
  scrape new quotes https://quotes.example/
"""

_PROGRAM = '''\
"""Takes items from {site}

Run it:         scrape run {name}.py -o {name}.jsonl
Try selectors:  scrape shell {site}
Record pages:   scrape test {name}.py --record
"""

from collections.abc import Iterator

import msgspec

from scraper_cpn import Crawl, Link, Page


class Item(msgspec.Struct):
    """What is kept of a page."""

    url: str
    title: str | None


crawl = Crawl(Item, start=["{site}"], delay=1.0, max_pages=100)


@crawl.page()
def read(page: Page) -> Iterator[Item | Link]:
    """Take the title of a page, and follow its links."""
    yield Item(page.url, page.title)
    yield from page.links("a", to=read)


if __name__ == "__main__":
    print(crawl.run(output="{name}.jsonl"))
'''

_TEST = '''\
"""Tests of {name}.py: handlers are plain functions, which are called with a page."""

from {name} import Item, read
from scraper_cpn import Link, Page

HTML = """
<title>A page</title>
<a href="/next">next</a>
"""


def test_items_and_links() -> None:
    """A page is an item, and its links are followed."""
    found = list(read(Page.from_html(HTML, url="{site}")))
    assert found[0] == Item(url="{site}", title="A page")
    assert [link.url for link in found[1:] if isinstance(link, Link)] == ["{next}"]
'''


def new(argv: Sequence[str]) -> int:
    """Write the two files, and tell what to do with them. Raises `UsageError`."""
    if set(argv) & {"-h", "--help"}:
        sys.stdout.write(HELP)
        return 0
    if not 1 <= len(argv) <= 2:
        raise UsageError("new: give the name of a program: scrape new NAME [URL]")
    name = argv[0].removesuffix(".py")
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name) or keyword.iskeyword(name) or name in _TAKEN:
        raise UsageError(
            f"new: {shown(argv[0])} can't be the name of a program; give a name that Python can import and that no "
            "other module has, of a-z, 0-9 and _"
        )
    site = seed_url(argv[1]) if argv[1:] else "https://quotes.example/"
    texts = {f"{name}.py": _PROGRAM, f"test_{name}.py": _TEST}
    for file in texts:
        if Path(file).exists():
            raise UsageError(f"new: {file} exists; choose another name")
    following = "/".join([*site.split("/")[:3], "next"])
    values = {"name": name, "site": site.replace("\\", r"\\"), "next": following}
    for file, text in texts.items():
        Path(file).write_text(
            re.sub(r"\{(name|site|next)\}", lambda found: values[found[1]], text),
            encoding="utf-8",
        )
    sys.stdout.write(
        f"{name}.py and test_{name}.py are written\n"
        f"  scrape run {name}.py -o {name}.jsonl\n"
        f"  python -m pytest test_{name}.py\n"
    )
    return 0


_TAKEN = frozenset(sys.stdlib_module_names) | {"scraper_cpn", "msgspec", "pytest"}
