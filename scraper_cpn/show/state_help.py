"""The help of the commands on states.

Owns: its words, in at most 80 columns.
Must not know: what the commands do.
"""

_STATE = """\
STATE is a file, or postgres://USER@HOST/DATABASE?name=NAME.

"""
_COMMON = """\
      --run NAME             which crawl, if STATE has several{default}
      --json                 one JSON object on standard output
  -h, --help                 print this and exit
"""
_RETRY = """\
      --kind KIND            only this kind of failure, as shown by `scrape
                             status` (repeatable)
"""
_EXPORT = """\
  -o, --output FILE          write items to FILE; - is stdout (default)
      --format NAME          the format, if the name does not show it
      --csv-excel            CSV for spreadsheets
  -O, --overwrite            replace files that exist
      --failed FILE          write the attempts that failed to FILE too (JSONL)
"""


def _options(own: str = "", *, default: str = "") -> str:
    return f"{_STATE}options:\n{own}{_COMMON.format(default=default)}"


HELP = {
    "status": f"""\
usage: scrape status STATE [OPTION...]      show how far crawls are

Shows pages, failures by kind, how many URLs wait and for what, the domains with
the largest backlog and their next request, and resting proxies. Only reads,
also while a crawl runs. For a crawl of many workers, with --follow and
--metrics PORT, see: scrape status --database ADDRESS -h

{_options(default=" (default all)")}
examples:
  scrape status crawl.db
  scrape status crawl.db --json | jq '.runs[0].waiting'
  watch -n 5 scrape status crawl.db
""",
    "explain": f"""\
usage: scrape explain STATE URL [OPTION...]     why a URL waits, or how it ended

For a waiting URL: each thing that it waits for, and until when. For a fetched
one: its items, or each failed attempt. For one that was never found: whether
the scope, the filters, the rules for traps or robots.txt would exclude it. Only
reads, also while a crawl runs.

{_options()}
examples:
  scrape explain crawl.db https://quotes.example/page/2
  scrape explain crawl.db https://quotes.example/ --json | jq .waits
""",
    "retry": f"""\
usage: scrape retry STATE [OPTION...]      retry failed URLs

Puts failed URLs back into the queue, with their full number of attempts.
`scrape resume STATE` then fetches them. URLs for which another attempt is
pointless stay failed: a 404, for example, or a URL that robots.txt forbids. No
crawl may be running in STATE.

{_options(_RETRY)}
examples:
  scrape retry crawl.db
  scrape retry crawl.db --kind timeout --kind connect
  scrape retry crawl.db && scrape resume crawl.db --timeout 60s
""",
    "export": f"""\
usage: scrape export STATE [-o FILE] [OPTION...]      write the items to a file

Writes the items in the order in which they were kept. The suffix determines the
format: .jsonl, .json, .csv, .sqlite, .db or .parquet. Only reads, also while a
crawl runs.

{_options(_EXPORT)}
examples:
  scrape export crawl.db -o items.csv
  scrape export crawl.db | jq -r .title
  scrape export crawl.db -o items.jsonl -O --failed failed.jsonl
""",
    "check": f"""\
usage: scrape check STATE [OPTION...]      verify that STATE is sound

Runs SQLite's own check, and checks the counts of rows and the hash of the
marking. Then replays the journal: each batch must lead to the recorded marking.
If something is wrong, it prints the first fault and exits with 3. Only reads,
also while a crawl runs.

{_options(default=" (default all)")}
examples:
  scrape check crawl.db
  scrape check crawl.db --json | jq .sound
""",
    "backup": """\
usage: scrape backup STATE FILE [OPTION...]      copy STATE while a crawl runs

FILE becomes a complete copy of STATE at one moment, and is checked as by
`scrape check`. Don't copy a state with cp while a crawl runs: some of its
commits are still in other files.

options:
      --json                 one JSON object on standard output
  -h, --help                 print this and exit

examples:
  scrape backup crawl.db backup.db
  scrape resume backup.db                      # continues from that moment
""",
}
"""The help texts, by command."""
