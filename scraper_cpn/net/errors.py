"""The errors of a net, and whose fault each is.

Owns: the error types of the kernel. A user's mistake is a `NetError` and changes nothing; our
own is a `KernelBug`. Faults of the user's functions while the net runs are data, not exceptions:
see `Faulted` in `marking.py`.
"""


class NetError(Exception):
    """A net that can't work, or a call that a kernel can't take; nothing was changed.

    Attributes:
        problems: one line each: net, place or transition, arc, and what to do. Never empty.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NetWarning(UserWarning):
    """A net that can work, and that may come to a stop; `warnings.filterwarnings` silences it."""


class Stale(NetError):  # noqa: N818  (named after what it is)
    """A binding that can't be begun any more: a token, an absence, a number or a slot of it is gone."""


class KernelBug(Exception):  # noqa: N818  (named after what it is)
    """This should never happen: a kernel broke one of its own rules. Please report it."""
