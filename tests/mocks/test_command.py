"""`python -m mocks` serves, judges, and says clearly what is wrong with what it was given."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mocks.__main__ import main
from mocks.options import duration_ns, parser, spec_of
from mocks.wirelog import Request, read_log, write_log
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.mocks.logs import MS, S, made

SPEC = WebSpec(hosts=2, pages=3, links_out=0)


def polite_log() -> list[Request]:
    """Every page of the web once, half a second apart on each host, robots.txt first."""
    urls = ["/robots.txt", "/", "/p/1", "/p/2"]
    return [
        made(
            500 * k + 30 * h,
            f"http://h{h}.example{path}",
            status=404 if "robots" in path else 200,
        )
        for k, path in enumerate(urls)
        for h in (0, 1)
    ]


def judged(path: Path, log: list[Request], *options: str) -> int:
    write_log(path, log, SPEC)
    return main(["judge", str(path), "--delay", "0.5", *options])


def test_a_polite_crawl_is_judged_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, every guarantee ok, the utilisation and the tolerances."""
    assert judged(tmp_path / "wire.jsonl", polite_log()) == 0
    out = capsys.readouterr().out
    assert [line.split()[-1] for line in out.splitlines()[:6]] == ["ok"] * 6
    assert "not visible on the wire: G1, G6, G9, G10" in out
    assert "8 requests, 6 pages in 1.540 s" in out
    assert "politeness allowed them in 1.510 s at least, because of h0.example" in out
    assert "utilisation 98.1 %" in out
    assert "tolerance 2 ms, reaction 10 ms" in out


def test_violations_are_listed_with_their_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1; each violation names lines of the file, where the header is line 1."""
    assert judged(tmp_path / "wire.jsonl", polite_log()[:-1]) == 1
    assert "G5 missing: http://h1.example/p/2: reachable" in capsys.readouterr().out
    assert judged(tmp_path / "wire.jsonl", polite_log(), "--site", "h0.example=600ms") == 1
    out = capsys.readouterr().out
    assert "G2 gap: h0.example: started 500.0 ms after the request before it" in out
    assert "(line 2, 4)" in out


def test_many_violations_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list ends after twenty, with the number of those left out."""
    log = [made(500 * k, "http://h0.example/x", status=500) for k in range(40)]
    assert judged(tmp_path / "wire.jsonl", log, "--robots", "ignore", "--partial") == 1
    assert capsys.readouterr().out.endswith("... and 17 more\n")


def test_a_verdict_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with counts, utilisation and every violation."""
    assert judged(tmp_path / "wire.jsonl", polite_log()[:-1], "--json") == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["counts"] == {"G2": 0, "G3": 0, "G4": 0, "G5": 1, "G7": 0, "G8": 0}
    assert verdict["violations"][0]["kind"] == "missing"
    assert 0 < verdict["utilisation"] <= 1
    assert verdict["tolerance_ns"] == 2 * MS


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--partial"], 0),
        (["--max-pages", "5"], 0),
        (["--max-pages", "4"], 1),
        (["--max-time", "1.6"], 0),
        (["--max-time", "1.4"], 1),
        (["--max-depth", "1"], 0),
        (["--max-depth", "0"], 1),
        (["--url", "http://h0.example/"], 0),
        (["--url", "http://h1.example/"], 1),
        (["--partial", "--proxy-quota", "6"], 1),
        (["--partial", "--proxy-delay", "40ms"], 1),
        (["--partial", "--tolerance", "600ms", "--delay", "1s"], 0),
    ],
)
def test_limits_are_judged_as_given(tmp_path: Path, options: list[str], code: int) -> None:
    """A crawl with a budget misses no page; every other option changes what is allowed."""
    assert judged(tmp_path / "wire.jsonl", polite_log()[:-1], *options) == code


def test_the_truth_must_be_certain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it can't be known what a crawl stores, the referee says so and judges nothing."""
    write_log(tmp_path / "wire.jsonl", [], WebSpec(busy_hosts=1, busy_requests=9))
    assert main(["judge", str(tmp_path / "wire.jsonl")]) == 2
    assert "busy_requests is 9" in capsys.readouterr().err


def test_a_log_that_is_missing_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the file's name."""
    assert main(["judge", "/nowhere/wire.jsonl"]) == 2
    assert capsys.readouterr().err == (
        "error: wire log /nowhere/wire.jsonl: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fail", "1.5"], "`$.fail`"),
        (["--proxy-auth", "nobody"], "--proxy-auth: 'nobody' is no USER:PASSWORD"),
        (["--log", "/nowhere/wire.jsonl"], "/nowhere/wire.jsonl: No such file or directory"),
    ],
)
def test_a_web_that_cannot_be_served_is_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and the knob that is wrong."""
    assert main(["serve", *options]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize("option", [["--delay", "soon"], ["--retries", "-1"], ["--site", "x"]])
def test_a_bad_option_of_judge_is_named(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 from the option's own check."""
    with pytest.raises(SystemExit, match="2"):
        main(["judge", "wire.jsonl", *option])
    assert option[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("0.2", S // 5),
        ("200ms", S // 5),
        ("1.5s", 3 * S // 2),
        ("2m", 120 * S),
        ("1h", 3600 * S),
        ("1d", 86_400 * S),
        ("0.0001ms", 100),
    ],
)
def test_durations(text: str, time_ns: int) -> None:
    """Plain numbers are seconds; units are exact."""
    assert duration_ns(text) == time_ns


def test_a_kind_that_is_none_is_named_with_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A list of words is checked where it is read."""
    with pytest.raises(SystemExit, match="2"):
        main(["serve", "--robots", "allow,maybe"])
    assert "--robots: 'maybe' is none of absent, allow, delay" in capsys.readouterr().err


def test_every_knob_of_a_web_is_an_option() -> None:
    """Defaults are those of the spec, and options of each form reach it."""
    assert spec_of(parser().parse_args(["serve"])) == WebSpec()
    words = "--hosts 4 --fail 0.25 --latency 30ms --robots disallow,allow --retry-after 3"
    assert spec_of(parser().parse_args(["serve", *words.split()])) == WebSpec(
        hosts=4, fail=0.25, latency_ns=30 * MS, robots=("disallow", "allow"), retry_after_s=3
    )


def test_every_option_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """`serve --help` shows each knob with its meaning, default and kinds."""
    with pytest.raises(SystemExit, match="0"):
        main(["serve", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name in WebSpec.__struct_fields__:
        assert f"--{name.removesuffix('_ns').removesuffix('_s').replace('_', '-')} " in text
    assert "how pages fail, chosen per request; of 429 date, 429 seconds, 500" in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serving_as_a_process(tmp_path: Path, number: int) -> None:
    """It says where it listens, serves through its proxies, and ends cleanly with its log."""
    path = tmp_path / "wire.jsonl"
    command = [sys.executable, "-m", "mocks", "serve", "--hosts", "2", "--proxies", "2"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [*command, "--log", str(path)], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout
        where = json.loads(process.stdout.readline())
        proxies = urllib.request.ProxyHandler({"http": where["proxies"][1]})
        with urllib.request.build_opener(proxies).open(where["seeds"][1]) as answer:
            assert b"Page 0 of h1.example" in answer.read()
        process.send_signal(number)
        assert process.wait() == 0
        assert process.stdout.read() == ""
    header, [request] = read_log(path)
    assert (request.url, request.proxy) == ("http://h1.example/", where["proxies"][1])
    assert header.spec is not None
    assert SyntheticWeb(header.spec).seeds() == tuple(where["seeds"])
