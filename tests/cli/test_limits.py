"""What the limits for one page leave out is reported wherever the page is spoken of."""

import json
from pathlib import Path

import pytest

from tests.cli.test_crawl import Site
from tests.cli.test_state_commands import Folder
from tests.servers import serving


class Links(Site):
    """A page with eight links, two of them to another host, and four values."""

    def do_GET(self) -> None:  # noqa: N802 - the name of the base
        if self.path == "/":
            inside = "".join(f"<a href=/{n}>{n}</a>" for n in range(6))
            outside = "".join(f"<a href=https://other.example/{n}></a>" for n in range(2))
            self._answer(
                200, "text/html", f"{outside}{inside}<i>1</i><i>2</i><i>3</i><p>{'x' * 50}"
            )
        else:
            self._answer(200, "text/html", "leaf")


@pytest.mark.parametrize("fetcher", ["aiohttp", "httpx"])
def test_what_is_left_out_is_reported(
    fetcher: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the summary, in the page's record, and by `explain`."""
    folder = Folder(tmp_path, capfd)
    with serving(Links) as site:
        limits = ("--max-links", "5", "--max-values", "2", "--max-text", "20")
        pace = ("--delay", "0", "--robots", "ignore", "--fetcher", fetcher)
        done = folder.scrape(
            site, *pace, *limits, "-f", "i[]=i", "--state", "s.db", "-o", "o.jsonl"
        )
        result = folder.result("explain", "s.db", site)
    assert done.returncode == 0
    first = json.loads((tmp_path / "o.jsonl").read_text().splitlines()[0])
    assert first["fields"] == {"i": ["1", "2"]}
    assert len(first["text"]) == 20
    lines = [
        "the field i has 3 values; --max-values keeps 2",
        "the text has 60 characters; --max-text keeps 20",
        "3 more links; --max-links follows 5",
    ]
    assert result["cut"] == lines
    assert "1 page had parts left out:" in done.stderr
    assert f"{site}/: {'; '.join(lines)}" in done.stderr
    assert "2 links not followed: out of scope, filtered out or too deep" in done.stderr
