"""The command ``kanpde``: turns words into calls, errors into text and exit codes. Holds no logic."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from kanpde.cli.say import BAD_INPUT, INTERRUPTED, NO_SOLUTION, SOLVED, complain
from kanpde.cli.words import parser
from kanpde.errors import DivergedError, KanpdeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except KeyboardInterrupt as interrupt:
        complain(f"interrupted; {interrupt}" if str(interrupt) else "interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as in `kanpde eval ... | head`
        sys.stderr.close()
        return SOLVED
    except KanpdeError as error:
        if options.debug:
            raise
        complain(str(error))
        return NO_SOLUTION if isinstance(error, DivergedError) else BAD_INPUT
    except OSError as error:
        if options.debug:
            raise
        complain(f"{error.filename or 'file'}: {error.strerror or error}")
        return BAD_INPUT
    except Exception as error:  # nobody who types a command wants a traceback; whoever mends kanpde asks for it
        if options.debug:
            raise
        complain(f"internal error, {type(error).__name__}: {error}\nhint: this is a bug in kanpde; --debug shows where")
        return NO_SOLUTION


__all__ = ["main", "parser"]
