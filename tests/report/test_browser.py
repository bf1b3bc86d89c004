"""The HTML page in a real browser, where there is one (Debian: apt install chromium)."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.report.__main__ import document_of, write
from bench.report.gather import Data
from bench.report.sections.features import the_features
from tests.report.data import a_crawl, a_kept, a_report, the_code

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FRAME = """<!doctype html><iframe id="page" src="report.html" style="width:{width}px;height:800px">
</iframe><script>onload = () => {{
  const page = document.getElementById("page").contentDocument;
  const plots = [...page.querySelectorAll("img")].map(plot => plot.getBoundingClientRect().width);
  document.body.textContent = "measured " + page.documentElement.scrollWidth + " " +
    Math.max(...plots) + " " + parseFloat(getComputedStyle(page.querySelector("p")).fontSize);
}}</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium here; on Debian: apt install chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_a_desktop_and_a_phone(tmp_path: Path, width: int) -> None:
    """Nothing scrolls sideways, no plot is wider than the window, and text is 16 px or more."""
    crawls = a_kept(a_crawl(violations={"G2 gap": 3}, examples={"G2 gap": "h0"}), a_crawl("spider"))
    data = Data(
        code=the_code(),
        features=the_features(),
        crawls=crawls,
        fresh=frozenset(),
        repeated=None,
        decisions=a_report(),
    )
    write(document_of(data), "", tmp_path)
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    options = [f"--user-data-dir={tmp_path / 'profile'}", "--allow-file-access-from-files"]
    done = subprocess.run(
        [*command, *options, (tmp_path / "frame.html").as_uri()],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"measured (\d+) ([\d.]+) ([\d.]+)", done.stdout)
    assert found is not None
    whole, plot, letters = map(float, found.groups())
    assert whole <= width
    assert 0 < plot <= width
    assert letters >= 16
