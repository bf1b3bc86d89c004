"""A state as one integer: a field of bits for each atom.

Owns: `StateLayout`. Each field has one bit more than its number needs. An event that makes a number too
large sets that bit, its guard; the exploration then begins again with wider fields. No field passes over the
border of a machine word, so that machine code can count word by word.
Must not know: events, properties.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

WORD = 64
"""Bits of a machine word."""


class StateLayout:
    """Where each atom's number is in a state.

    Args:
        widths: bits for the numbers of some atoms, where they are known to need more than their
            initial number does.
    """

    def __init__(self, widths: Mapping[int, int]) -> None:
        self._widths = dict(widths)
        self.shifts: dict[int, int] = {}
        self.fields: dict[int, int] = {}
        """All bits of an atom's number, not shifted."""
        self.guard = 0
        """The bits that no sound state has."""
        self._end = 0

    def add(self, atom: int, initial: int) -> int:
        """Give an atom a field; returns the initial number where it stands."""
        width = max(self._widths.get(atom, 1), initial.bit_length())
        self._widths[atom] = width
        if self._end % WORD + width >= WORD:
            self._end += -self._end % WORD
        self.shifts[atom] = self._end
        self.fields[atom] = (1 << width) - 1
        self.guard |= 1 << (self._end + width)
        self._end += width + 1
        return initial << self.shifts[atom]

    def number(self, state: int, atom: int) -> int:
        """How many there are of an atom; 0 of one that has no field."""
        shift = self.shifts.get(atom)
        return 0 if shift is None else (state >> shift) & self.fields[atom]

    def mask(self, atoms: Iterable[int]) -> int:
        """The bits of these atoms."""
        whole = 0
        for atom in atoms:
            if atom in self.shifts:
                whole |= self.fields[atom] << self.shifts[atom]
        return whole

    def delta(self, change: Mapping[int, int]) -> int:
        """What is added to a state to change these numbers."""
        return sum(number << self.shifts[atom] if number > 0 else -(-number << self.shifts[atom])
                   for atom, number in change.items() if atom in self.shifts)  # fmt: skip

    def present(self, state: int) -> list[int]:
        """The atoms of which a state has some."""
        return [atom for atom, shift in self.shifts.items() if (state >> shift) & self.fields[atom]]

    def widened(self, state: int) -> dict[int, int]:
        """Widths with more bits for what has overflowed in a state."""
        widths = dict(self._widths)
        for atom, shift in self.shifts.items():
            if (state >> (shift + widths[atom])) & 1:
                widths[atom] *= 2
        return widths

    def make_room(self, changes: Iterable[Mapping[int, int]]) -> None:
        """Make the fields that are still to be added so wide that no change passes over a guard bit."""
        for change in changes:
            for atom, number in change.items():
                self._widths[atom] = max(self._widths.get(atom, 1), abs(number).bit_length())

    def decoded(self, state: int, atoms: Sequence[int]) -> dict[int, int]:
        """The numbers of those of *atoms* of which there are some."""
        found = {atom: self.number(state, atom) for atom in atoms}
        return {atom: number for atom, number in found.items() if number}
