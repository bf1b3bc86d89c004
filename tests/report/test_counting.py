"""What is counted of functions, against small sources that were counted by hand."""

from bench.report.code import python_code, rust_code
from bench.report.code.functions import total

PYTHON = '''
import asyncio


class Queue:
    """Things that wait."""

    def __init__(self):
        self.waiting = []
        self.open = True

    async def next(self, limit):
        """Documentation
        of two lines.
        """
        # a comment
        while not self.waiting:
            if limit and self.open:
                await asyncio.sleep(limit)
        self.count += 1
        return self.waiting.pop()


def outer(a):
    def inner(b):
        return b if a else None

    return inner
'''

RUST = """
trait Chooser {
    fn choose(&self, of: &[u8; 3]) -> usize;
}

/// Documentation.
pub async fn next(queue: &Queue, limit: u64) -> Option<u8> {
    // a comment with a brace {
    let text = "fn other() { if a && b {} }";
    loop {
        if queue.open.load(Ordering::Relaxed) && limit > 0 {
            tokio::time::sleep(Duration::from_millis(limit)).await;
        }
        let permit = semaphore.acquire().await?;
    }
}

fn next() {}
"""


def test_python_functions_are_counted_with_their_class_and_without_documentation() -> None:
    """Each figure of a method is the one counted by hand; docstrings and comments are no lines."""
    first, second, third = python_code.measure(PYTHON, "queue.py")
    assert [first.name, second.name, third.name] == ["Queue.__init__", "Queue.next", "outer"]
    assert (second.nloc, second.start) == (6, 12)
    assert (second.ccn, second.cognitive, second.nesting, second.awaits) == (4, 4, 2, 1)
    assert second.writes == ("count", "waiting")
    assert second.primitives == {"timer": 1}


def test_a_nested_function_counts_in_the_one_that_has_it() -> None:
    """It has no row of its own; its lines and its branch are in the outer function's."""
    outer = python_code.measure(PYTHON, "queue.py")[2]
    assert (outer.nloc, outer.ccn) == (4, 3)


def test_rust_functions_are_counted_without_what_strings_and_comments_say() -> None:
    """Braces, `fn` and `if` in text are no code; two functions of one name have a number each."""
    first, second = rust_code.measure(RUST, "next.rs")
    assert (first.name, first.nth, second.name, second.nth) == ("next", 0, "next", 1)
    assert (first.nloc, first.ccn, first.nesting, first.awaits) == (9, 4, 2, 2)
    assert first.primitives == {"atomic": 1, "semaphore": 1, "timer": 1}
    assert (first.cognitive, first.writes) == (None, None)


def test_a_sum_counts_fields_once_and_leaves_out_what_objects_are_made_with() -> None:
    """Lines add up, while a field written by two functions is one, and `__init__` writes none.

    What was not measured of Rust has no sum, rather than 0.
    """
    rows = python_code.measure(PYTHON, "queue.py")
    sums = total([*rows, *rows])
    assert (sums.functions, sums.ccn_max, sums.writes) == (6, 4, 2)
    assert sums.nloc == 2 * sum(row.nloc for row in rows)
    assert total(rust_code.measure(RUST, "next.rs")).cognitive is None
