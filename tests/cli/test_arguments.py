"""Command lines: split, merged with a file, and written again for a retry."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.cli.arguments import Arguments, merged, parse, retry_command
from scraper_cpn.scrape.options.read import GivenValue
from scraper_cpn.scrape.options.table import OPTIONS
from scraper_cpn.scrape.settings import UsageError

VALUED = [option for option in OPTIONS if option.on_command_line and option.kind.metavar]


def mistake(*argv: str) -> str:
    """Return what is wrong with a command line."""
    with pytest.raises(UsageError) as raised:
        parse(argv)
    return str(raised.value)


def retried(*argv: str, output: str = "-", failed: str | None = "f.jsonl") -> str:
    """Return the command that retries what failed in a command line."""
    return retry_command(parse(argv), output=output, failed=failed, urls=["https://a.example/1"])


def test_options_and_words_come_in_any_order() -> None:
    """Long and short options, joined or apart, mix with words; -- ends the options."""
    parsed = parse(
        ["u1", "--delay=2s", "-o", "x.csv", "u2", "-Dh1", "-D", "h2", "-kq", "--", "-u3"]
    )
    assert parsed.words == ("u1", "u2", "-u3")
    assert parsed.options == {
        "delay": GivenValue("2s", "--delay"),
        "output": GivenValue("x.csv", "-o"),
        "domains": GivenValue(["h1", "h2"], "-D"),
        "insecure": GivenValue(True, "-k"),
        "quiet": GivenValue(True, "-q"),
    }


def test_an_option_takes_the_next_word_whatever_it_is() -> None:
    """A negative duration is a value that is refused as such, not an unknown option."""
    assert parse(["--delay", "-1s"]).options["delay"].value == "-1s"


def test_the_last_of_a_single_option_counts() -> None:
    """An option that cannot be repeated is overridden, as in curl."""
    assert parse(["--delay", "1", "--delay", "2"]).options["delay"].value == "2"


@given(st.lists(st.tuples(st.sampled_from(VALUED), st.text(max_size=5)), max_size=4))
def test_every_option_of_the_table_is_parsed(pairs: list[tuple[object, str]]) -> None:
    """Each option that takes a value gets it, in the order given, from its long and short name."""
    for option in VALUED:
        for written in [f"--{option.name}", *([f"-{option.short}"] if option.short else [])]:
            texts = [text for each, text in pairs if each is option] or ["x"]
            given = parse([word for text in texts for word in (written, text)]).options
            assert given == {option.key: GivenValue(texts if option.many else texts[-1], written)}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--dealy", "1"], "--dealy: unknown option; did you mean --delay?"),
        (["--zzzzzz"], "--zzzzzz: unknown option; see scrape --help"),
        (["-Z"], "-Z: unknown option; see scrape --help"),
        (["--delay"], "--delay: needs a value: TIME"),
        (["u", "-o"], "-o: needs a value: FILE"),
        (
            ["--max-page", "5"],
            "--max-page: begins several options; give one of --max-pages, --max-pages-per-domain",
        ),
        (["--quiet=1"], "--quiet: must not have an argument; see scrape --help"),
        (["-O", "--append"], "-O and --append exclude each other; give one of them"),
        (["-q", "-v"], "-q and -v exclude each other; give one of them"),
    ],
)
def test_a_mistake_names_the_option(argv: list[str], message: str) -> None:
    """What is wrong with a command line is reported with the option as it was written."""
    assert mistake(*argv) == message


def test_a_prefix_that_fits_one_option_is_enough() -> None:
    """As GNU programs have it, an option may be shortened."""
    assert parse(["--over", "--conc=3"]).options.keys() == {"overwrite", "concurrency"}


def test_the_command_line_wins_over_the_file() -> None:
    """An option of the command line replaces that of the file, lists included."""
    file = {"delay": GivenValue(5, "f:1: delay"), "allow": GivenValue(["a"], "f:2: allow")}
    line = parse(["--allow", "b"]).options
    assert merged(file, line) == {"delay": file["delay"], "allow": GivenValue(["b"], "--allow")}


def test_the_command_line_wins_over_the_opposite_in_the_file() -> None:
    """--append on the command line beats overwrite = true in the file; both in one are a mistake."""
    file = {"overwrite": GivenValue(True, "f:1: overwrite")}
    assert merged(file, parse(["--append"]).options).keys() == {"append"}
    with pytest.raises(UsageError, match="f:1: overwrite and f:2: append exclude each other"):
        merged({**file, "append": GivenValue(True, "f:2: append")}, {})


def test_a_retry_has_the_same_options_but_for_files() -> None:
    """The retry reads what failed, adds to the output, and keeps pace and scope."""
    command = retried(
        "https://a.example", "-i", "urls.txt", "-o", "x.csv", "-O", "--trace", "t", "--delay", "2s",
        "--allow", "/a b/", "-k", output="x.csv",
    )  # fmt: skip
    assert command == ("scrape -i f.jsonl -o x.csv --append --delay 2s --allow '/a b/' --insecure")


def test_a_retry_names_few_urls_itself() -> None:
    """Without a file of what failed, the URLs are on the command line."""
    assert retried("https://a.example", failed=None) == "scrape https://a.example/1"


def test_a_retry_of_a_program_runs_the_program() -> None:
    """The handlers of `scrape run` are those of the file."""
    assert retried("run", "quotes.py", "https://a.example") == "scrape run quotes.py -i f.jsonl"


def test_a_retry_keeps_the_list_it_starts_from(tmp_path: Path) -> None:
    """The next list of failures gets a free name: the first one is the input."""
    failed = tmp_path / "failed.jsonl"
    (tmp_path / "failed.2.jsonl").touch()
    command = retried("u", "--failed", str(failed), failed=str(failed))
    assert command == f"scrape -i {failed} --failed {tmp_path / 'failed.3.jsonl'}"


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["-H", "Authorization: Bearer s3cret"], "--header 'Authorization: ***'"),
        (["-H", "X-Api-Key:s3cret"], "--header 'X-Api-Key: ***'"),
        (["-b", "sid=s3cret"], "--cookie 'sid=***'"),
        (["-x", "http://ann:s3cret@p:1"], "--proxy 'http://ann:***@p:1'"),
        (["-x", "ann:s3cret@p:1 slots=2"], "--proxy 'ann:***@p:1 slots=2'"),
        (["-H", "Accept-Language: en"], "--header 'Accept-Language: en'"),
        (["-x", "http://p:1"], "--proxy http://p:1"),
    ],
)
def test_a_retry_shows_no_credentials(argv: list[str], shown: str) -> None:
    """Passwords and headers that may be secrets are starred; the rest is repeated."""
    command = retried("u", *argv)
    assert shown in command
    assert "s3cret" not in command


@given(st.lists(st.tuples(st.sampled_from(["--allow", "--deny"]), st.text(max_size=8)), max_size=4))
def test_a_retry_is_read_back_by_a_shell(pairs: list[tuple[str, str]]) -> None:
    """Whatever the values are, a shell splits the command into the same options."""
    argv = [word for pair in pairs for word in pair]
    words = shlex.split(retried(*argv))
    assert words[:3] == ["scrape", "-i", "f.jsonl"]
    assert parse(words[1:]).options == {"input": GivenValue("f.jsonl", "-i"), **parse(argv).options}


def test_arguments_without_anything() -> None:
    """An empty command line is no mistake of its own: what is missing is reported later."""
    assert parse([]) == Arguments((), {})


@pytest.mark.parametrize(
    "argv",
    [
        ("--allow", "https://me:hush77@a.example/.*"),
        ("--prefer", "me:hush77@a.example"),
        ("--sitemaps", "https://a.example/s.xml?token=hush77"),
        ("--deny", "//me:hush77@h/"),
    ],
)
def test_a_command_to_copy_has_no_secret_of_any_option(argv: tuple[str, str]) -> None:
    """Whatever looks like a password is hidden in the value of any option, and the rest is left as it is."""
    command = retried(*argv, "--allow", r"https?://b\.example/\d+", "-f", "name: h1")
    assert "hush77" not in command
    assert r"https?://b\.example/\d+" in command
    assert "name: h1" in command
