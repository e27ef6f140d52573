"""Text that remembers where it stands: every character of every value knows its line and column in the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kanpde.errors import ProblemError, Span


@dataclass(frozen=True)
class Text:
    """A scalar of the problem file as the reader of YAML gives it, with the place of each of its characters.

    ``marks`` holds one (line, column) for each character and one for the end, counted from 1.
    """

    value: str
    marks: tuple[tuple[int, int], ...]
    path: str
    source: str

    def span(self, start: int = 0, end: int | None = None) -> Span:
        """The place of the characters from ``start`` to ``end``; past the end, the place behind the last character."""
        last = len(self.marks) - 1
        start = min(max(start, 0), last)
        end = len(self.value) if end is None else min(end, len(self.value))
        line, column = self.marks[start]
        width = 1
        for at_line, at_column in self.marks[start + 1 : end]:
            if at_line != line:
                break
            width = at_column - column + 1
        return Span(self.path, line, column, width, self.source)

    def error(self, message: str, start: int = 0, end: int | None = None, hint: str | None = None) -> ProblemError:
        """An error that points into this text."""
        return ProblemError(message, self.span(start, end), hint)


@dataclass(frozen=True)
class Scalar:
    """A single value: its text, and the plain Python value that YAML 1.2 reads in it. ``in_flow``: inside [ ] or { }."""

    text: Text
    plain: str | int | float | bool | None
    in_flow: bool = False

    @property
    def span(self) -> Span:
        """The place of the whole value."""
        return self.text.span()

    def error(self, message: str, hint: str | None = None) -> ProblemError:
        """An error that points to the whole value."""
        return self.text.error(message, hint=hint)


@dataclass(frozen=True)
class Sequence:
    """A list of values."""

    items: tuple[Node, ...]
    span: Span

    def error(self, message: str, hint: str | None = None) -> ProblemError:
        """An error that points to the beginning of the list."""
        return ProblemError(message, self.span, hint)

    @property
    def plain(self) -> list[object]:
        """The list as plain Python values."""
        return [item.plain for item in self.items]


@dataclass(frozen=True)
class Mapping:
    """Keys and values in the order of the file; keys are unique."""

    entries: tuple[tuple[Scalar, Node], ...]
    span: Span

    def error(self, message: str, hint: str | None = None) -> ProblemError:
        """An error that points to the first key."""
        return ProblemError(message, self.span, hint)

    def get(self, name: str) -> Node | None:
        """The value of a key, or None."""
        return next((value for key, value in self.entries if key.text.value == name), None)

    def key(self, name: str) -> Scalar | None:
        """The key itself, for its place in the file."""
        return next((key for key, _ in self.entries if key.text.value == name), None)

    def __iter__(self) -> Iterator[tuple[Scalar, Node]]:
        return iter(self.entries)

    @property
    def plain(self) -> dict[str, object]:
        """The mapping as plain Python values."""
        return {key.text.value: value.plain for key, value in self.entries}


Node = Scalar | Sequence | Mapping


def suggest(word: str, known: Iterable[str]) -> str | None:
    """``did you mean 'boundary'?``, or None where nothing known is close."""
    names = [name for name in known if name != word]
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5 if len(word) > 2 else 0.45)
    if not close:
        close = [name for name in names if name.lower() == word.lower()]
    return f"did you mean '{close[0]}'?" if close else None
