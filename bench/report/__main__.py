"""`python -m bench.report`: the comparison report, as Markdown and as one HTML page.

Owns: the arguments, the order of the sections, the files. Must not know: what any section says.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import machine
from bench.report.document import Document, Plot, Section, Text
from bench.report.gather import Data, functions_csv, gather
from bench.report.markdown import markdown
from bench.report.page import page
from bench.report.plots import svg
from bench.report.sections.correctness import correctness
from bench.report.sections.decisions import decided, repeated
from bench.report.sections.features import features
from bench.report.sections.losses import losses, threats
from bench.report.sections.size import size
from bench.report.sections.speed import end_to_end
from scraper_cpn.version import __version__

OUT = Path("report-out")
PLOTS = "plots"
DOCS = Path(__file__).parents[2] / "docs"
PAGE = "comparison"
"""The name of the page in the documentation, and of the folder of what belongs to it."""


def main(arguments: list[str] | None = None) -> None:
    """Write the report; *arguments* are those of the process by default."""
    parser = argparse.ArgumentParser(prog="python -m bench.report")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER")
    parser.add_argument("--crawl", action="store_true", help="run the crawls; else the kept ones")
    parser.add_argument("--docs", action="store_true", help="write the page of the documentation")
    args = parser.parse_args(arguments)
    data = gather(crawl=args.crawl, say=lambda line: print(line, flush=True))
    document = document_of(data)
    functions = functions_csv(data.code)
    for path in publish(document) if args.docs else write(document, functions, args.out):
        print(path)


def document_of(data: Data) -> Document:
    """The whole report."""
    loops = data.crawls.loops if data.crawls is not None else ()
    return Document(
        "A coloured Petri net as a scheduler: the comparison",
        (
            _question(),
            size(data.code),
            features(data.code, data.features),
            correctness(data.crawls, data.fresh),
            end_to_end(data.crawls, data.fresh),
            repeated(data.repeated),
            decided(data.decisions, loops),
            losses(data.code, data.crawls),
            threats(data.crawls),
        ),
    )


def _question() -> Section:
    day = datetime.now(UTC).date().isoformat()
    return Section(
        "The question",
        (
            Text(
                "Does writing coordination as a coloured Petri net make a concurrent program simpler, more "
                "correct and as fast? The subjects are the scrape net of this repository; a scheduler "
                "written by hand that decides the same, with the same policy, colours and effects; and the "
                "Rust crate spider 2.52.4. Scrapy and crawlee are in the crawls as well."
            ),
            Text(
                f"scraper_cpn {__version__}, report of {day}. Sizes and features are those of the code at "
                f"{machine().commit or 'no commit'}; each measurement says of which commit it is. Larger is "
                "better for none of the sizes."
            ),
        ),
    )


def write(document: Document, functions: str, folder: Path) -> list[Path]:
    """Write all files of the report into a folder; returns their paths."""
    return _written(
        {
            folder / "report.html": page(document),
            folder / "report.md": markdown(document, PLOTS),
            folder / "functions.csv": functions,
            **_plots(document, folder / PLOTS),
        }
    )


def publish(document: Document, folder: Path = DOCS) -> list[Path]:
    """Write the report as a page of the documentation in a folder; returns the paths."""
    whole = f"[The same report as one HTML page]({PAGE}/report.html)"
    said = f"`python -m bench.report --docs` writes this page. {whole}.\n"
    return _written(
        {
            folder / f"{PAGE}.md": f"{markdown(document, PAGE)}\n{said}",
            folder / PAGE / "report.html": page(document),
            **_plots(document, folder / PAGE),
        }
    )


def _plots(document: Document, folder: Path) -> dict[Path, str]:
    blocks = [block for section in document.sections for block in section.blocks]
    return {folder / f"{plot.name}.svg": svg(plot) for plot in blocks if isinstance(plot, Plot)}


def _written(texts: dict[Path, str]) -> list[Path]:
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)


if __name__ == "__main__":
    main()
