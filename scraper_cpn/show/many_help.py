"""The help of the commands on crawls in a database.

Owns: its words, in at most 80 columns.
Must not know: what the commands do.
"""

_COMMON = """\
      --database ADDRESS     postgres://user@host:5432/database
      --name NAME            which crawl (default main)
      --json                 one JSON object on standard output
  -h, --help                 print this and exit
"""

_EXPORT = """\
  -o, --output FILE          write items to FILE; - is stdout (default)
      --format NAME          the format, if the name does not show it
      --csv-excel            CSV for spreadsheets
  -O, --overwrite            replace files that exist
      --failed FILE          write the attempts that failed to FILE too (JSONL)
"""

_RETRY = """\
      --kind KIND            only this kind of failure, as shown by scrape
                             status (repeatable)
"""

MANY_HELP = {
    "status": f"""\
usage: scrape status --database ADDRESS [--name NAME]      how far a crawl is

Shows the workers and what each of them has, pages, failures by kind, how many
URLs wait and for what, and the domains with the most of them. Only reads, also
while workers run.

options:
      --follow               show it again every 2 s until the crawl has ended
      --metrics PORT         serve it as a page on http://127.0.0.1:PORT/,
                             and /metrics for Prometheus, until Ctrl-C
{_COMMON}""",
    "export": f"""\
usage: scrape export --database ADDRESS [--name NAME] [-o FILE]

Writes the items of a crawl, also while workers run: those that are durable.

options:
      --follow               go on with new items until the crawl has ended
{_EXPORT}{_COMMON}""",
    "explain": f"""\
usage: scrape explain --database ADDRESS [--name NAME] URL

Why a URL waits, or how it ended, as scrape explain says it of a state. Only
reads, also while workers run.

options:
{_COMMON}""",
    "retry": f"""\
usage: scrape retry --database ADDRESS [--name NAME]      retry failed URLs

Puts failed URLs back into the queue, with their full number of attempts, when
no worker runs (scrape stop lets them leave). Workers then fetch them.

options:
{_RETRY}{_COMMON}""",
    "check": f"""\
usage: scrape check --database ADDRESS [--name NAME]      check a crawl

Checks the rows of each partition, its marking and every page, and replays its
journal: each decision is made again, and must lead to the same marking. Only
reads, also while workers run.

options:
{_COMMON}""",
    "stop": f"""\
usage: scrape stop --database ADDRESS [--name NAME]       let all workers leave

Workers start no more requests, let running ones end, and leave. Everything else
stays as it is; scrape resume --database lets workers go on.

options:
{_COMMON}""",
    "resume": f"""\
usage: scrape resume --database ADDRESS [--name NAME]     undo scrape stop

Workers that are started from now on continue the crawl.

options:
{_COMMON}""",
}
