"""Rust source under a crate's default features."""

from pathlib import Path

import pytest

from bench.report.code.rust_cfg import compiled, compiled_files, default_features

MANIFEST = """
[package]
name = "small"
version = "1.0.0"

[features]
default = ["fast", "net"]
fast = ["inner", "dep:tokio"]
inner = []
net = []
slow = ["net"]
"""
FEATURES = frozenset({"fast"})


def test_default_features_bring_what_they_name_and_no_dependencies() -> None:
    """Features are followed through others; `dep:` names and features that are off stay out."""
    assert default_features(MANIFEST) == {"fast", "inner", "net"}


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ('#[cfg(feature = "slow")] fn a() { if x { y; } } fn b() {}', "fn b() {}"),
        ('#[cfg(feature = "fast")] fn a() {} fn b() {}', "fn a() {} fn b() {}"),
        ('#[cfg(not(feature = "fast"))] #[inline] pub(crate) async fn a() {} x', "x"),
        ('#[cfg(feature = "slow")] let a = match b { C => {} }; d();', "d();"),
        ('#[cfg(feature = "slow")] use a::{b, c}; d();', "d();"),
        ('#[cfg(feature = "slow")] if a { b } else if c { d } else { e } f();', "f();"),
        ('#[cfg(feature = "slow")] { a; } b();', "b();"),
        ('S { #[cfg(feature = "slow")] a: f(b, c), d: e }', "S { d: e }"),
        ('struct S { #[cfg(feature = "slow")] a: Map<K, V>, d: E }', "struct S { d: E }"),
        ('match a { #[cfg(feature = "slow")] B => { c } D => e }', "match a { D => e }"),
        ('f(a, #[cfg(feature = "slow")] b)', "f(a, )"),
        ('#[cfg(all(unix, not(any(feature = "slow", test))))] a();', "a();"),
        ('#[cfg(all(unix, feature = "slow"))] \'a: loop { b } c();', "c();"),
        ('#[cfg(feature = "slow")] const fn a() {} const B: u8 = 1;', "const B: u8 = 1;"),
        (
            'let a = "#[cfg(test)] fn"; // #[cfg(test)]',
            'let a = "#[cfg(test)] fn"; // #[cfg(test)]',
        ),
    ],
)
def test_what_a_condition_disables_is_blanked_and_nothing_else(source: str, left: str) -> None:
    """Exactly the item, statement, field, arm or argument goes; a string is no condition."""
    assert " ".join(compiled(source, FEATURES).split()) == left


def test_lines_keep_their_numbers() -> None:
    """What follows a disabled module of several lines is found in the line where it was written."""
    source = "a();\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\nc();\n"
    assert compiled(source, FEATURES).split("\n")[5] == "c();"


def test_only_files_of_modules_that_are_compiled_are_there(tmp_path: Path) -> None:
    """From lib.rs modules are followed in both layouts, but not a `mod` whose feature is off."""
    files = {
        "lib.rs": 'mod a; #[cfg(feature = "slow")] mod b; pub mod c;',
        "a.rs": "mod d;",
        "b.rs": "fn b() {}",
        "c/mod.rs": "fn c() {}",
        "a/d.rs": "fn d() {}",
    }
    for name, text in files.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = {
        path.relative_to(tmp_path / "src").as_posix() for path in compiled_files(tmp_path, FEATURES)
    }
    assert found == {"lib.rs", "a.rs", "c/mod.rs", "a/d.rs"}
