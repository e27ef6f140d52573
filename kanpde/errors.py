"""What can go wrong, said so that the user can act: every error is a sentence, a place, and a hint."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_LINE = 130
"""Characters of a source line that a message shows; of a longer one, the part around what is wrong."""


@dataclass(frozen=True)
class Span:
    """A piece of a problem's text: where something stands, so that a message can point to it.

    Lines and columns count from 1, as editors do. ``source`` is the whole text of the file.
    """

    path: str
    line: int
    column: int
    width: int = 1
    source: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    def excerpt(self) -> str:
        """The line of the source with a caret below the span; empty if there is no such line.

        Of a long line, the part around the span.
        """
        lines = self.source.splitlines()
        if not 1 <= self.line <= len(lines):
            return ""
        text = "".join(letter if letter.isprintable() else " " for letter in lines[self.line - 1])
        before = self.column - 1
        if len(text) > LONGEST_LINE:
            cut = max(0, min(before - LONGEST_LINE // 2, len(text) - LONGEST_LINE))
            end = "..." if cut + LONGEST_LINE < len(text) else ""
            start = "..." if cut else ""
            text = start + text[cut : cut + LONGEST_LINE] + end
            before += len(start) - cut
        gutter = f"{self.line:>2}"
        carets = "^" * max(1, min(self.width, len(text) - before))
        return f"{gutter} | {text}\n{' ' * len(gutter)} | {' ' * before}{carets}"


class KanpdeError(Exception):
    """The root of all errors that kanpde raises on purpose.

    ``str(error)`` is the text that the command line shows: ``place: what is wrong``, the source line, a caret, and a hint.
    """

    def __init__(self, message: str, span: Span | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.span}: {self.message}" if self.span else self.message]
        if self.span and self.span.excerpt():
            lines.append(self.span.excerpt())
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class ProblemError(KanpdeError):
    """The problem, or a setting of the method, is wrong as written. Exit code 2."""


class UnsupportedProblem(KanpdeError):
    """The problem is read and well posed as far as kanpde can tell, but this version cannot solve it. Exit code 2."""


class DivergedError(KanpdeError):
    """The iteration found no usable solution. Exit code 3."""


class MissingDependency(KanpdeError):
    """An optional package, or a device, is needed and not there. Exit code 2."""
