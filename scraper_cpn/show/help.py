"""The help of the command, made from the table of options.

Owns: its layout, in at most 80 columns on every version of Python.
Must not know: what an option does.
"""

import textwrap
from collections.abc import Iterator

from scraper_cpn.scrape.options.table import GROUPS, OPTIONS, Option

_WIDTH = 80
_INDENT = 29

_USAGE = """\
usage: scrape [OPTION...] URL...            fetch, follow links, write items
       scrape run FILE.py [URL...]          run a program of the Python API
       scrape new NAME                      write a program, and its test
       scrape test FILE.py [--record]       try a program on recorded pages
       scrape shell [URL]                   look at pages, by hand
       scrape resume STATE [OPTION...]      continue a crawl kept by --state
       scrape status|explain|retry|export|check|backup STATE...
                                            inspect it; add -h for details
       scrape worker --database ADDRESS     crawl with others, on many machines
       scrape status|export|stop|resume --database ADDRESS
                                            look at such a crawl, or stop it
       scrape net [--part NAME] [--svg|...]     print the net
       scrape simulate [NAME=VALUE...]      simulate a crawl in virtual time
       scrape verify [FILE.py]              prove the guarantees of a crawl

Scrapes politely: one request a second to a domain, robots.txt respected.
"""

_EXAMPLES = """\
examples:
  scrape https://quotes.example -o quotes.jsonl --max-pages 100
  scrape https://quotes.example -f 'title=h1' -f 'links[]=a::attr(href)' | head
  scrape -i urls.txt --proxies proxies.txt --per-proxy 2 -o items.sqlite
  scrape https://a.example --failed failed.jsonl -o a.csv
  scrape -i failed.jsonl -o a.csv --append       # what failed, once more
  scrape https://a.example --state a.db          # survives kill -9
  scrape resume a.db --delay 5s                  # and continues, slower

times: 500ms, 2s, 5m, 1.5h, 1d, or seconds; sizes: 512, 64k, 10M, 1G
exit codes: 0 done, 1 a seed failed or nothing was stored, 2 usage,
            3 output or state, 70 a bug in scrape
            129, 130, 143 ended by SIGHUP, SIGINT (Ctrl-C), SIGTERM: the first
            lets running requests end, for at most 10 s; the second ends at once
"""


def help_text() -> str:
    """Return the help."""
    return "\n".join([_USAGE, *(_group(group) for group in GROUPS), _EXAMPLES])


def _group(group: str) -> str:
    rows = [option for option in OPTIONS if option.group == group and option.on_command_line]
    lines = [line for option in rows for line in _lines(option)]
    return "\n".join([f"{group}:", *lines, ""])


def _lines(option: Option) -> Iterator[str]:
    """Yield an option's name, with its help beside it (below a long name)."""
    short = f"-{option.short}, " if option.short else "    "
    name = f"  {short}--{option.name} {option.kind.metavar}".rstrip()
    text = textwrap.wrap(_described(option), _WIDTH - _INDENT, break_on_hyphens=False)
    if len(name) >= _INDENT:
        yield name
        name = ""
    for line in text:
        yield f"{name:<{_INDENT}}{line}"
        name = ""


def _described(option: Option) -> str:
    notes = [note for note in (option.many and "repeatable", _default(option)) if note]
    return option.help + (f" ({', '.join(notes)})" if notes else "")


def _default(option: Option) -> str:
    return f"default {option.default}" if option.default else ""
