"""The command ``kanpde``: turns words into calls, errors into text and exit codes. Holds no logic."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kanpde.errors import DivergedError, KanpdeError

SOLVED, MISSED, BAD_INPUT, NO_SOLUTION, INTERRUPTED = 0, 1, 2, 3, 130

_EPILOG = """exit codes: 0 solved to tolerance; 1 solved, tolerance missed (the outcome says why); 2 bad input;
3 no usable solution; 130 interrupted (checkpoint written)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as in `kanpde eval ... | head`
        sys.stderr.close()
        return SOLVED
    except KanpdeError as error:
        if options.debug:
            raise
        _complain(str(error))
        return NO_SOLUTION if isinstance(error, DivergedError) else BAD_INPUT
    except OSError as error:
        if options.debug:
            raise
        _complain(f"{error.filename or 'file'}: {error.strerror or error}")
        return BAD_INPUT


def parser() -> argparse.ArgumentParser:
    """The words of the command line."""
    top = argparse.ArgumentParser(
        prog="kanpde",
        description="Solves partial differential equations from a text file, to a stated error.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    from kanpde import __version__

    top.add_argument("--version", action="version", version=f"kanpde {__version__}")
    top.set_defaults(debug=False)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--quiet", action="store_true", help="say only what is wrong")
    common.add_argument("--json", action="store_true", help="one JSON object on standard output")
    common.add_argument("--debug", action="store_true", help="show tracebacks")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[common], help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(command=function)
        return sub

    sub = command("solve", _solve, "solve a problem file and write the run folder")
    sub.add_argument("file", help="the problem, a YAML file")
    sub.add_argument("--out", metavar="DIR", help="the run folder (default: runs/<name of the file>)")
    sub.add_argument("--tolerance", type=float, metavar="X", help="target for the estimated relative error (default 1e-10)")
    sub.add_argument("--budget", type=float, metavar="SECONDS", help="time for training (default 600)")
    sub.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any key of the method part: network.degree=5"
    )
    sub.add_argument("--seed", type=int, metavar="N")
    sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    sub.add_argument("--dtype", choices=("float64", "float32"), default="float64")

    sub = command("check", _check, "read and check problem files without solving them")
    sub.add_argument("files", nargs="+", metavar="FILE")
    return top


def _solve(options: argparse.Namespace) -> int:
    from kanpde import run
    from kanpde.report.progress import bar, lines
    from kanpde.report.table import print_table

    folder = Path(options.out or Path("runs") / Path(options.file).stem)
    settings = {key: getattr(options, key) for key in ("tolerance", "budget", "seed", "device", "dtype")}
    arguments: dict[str, Any] = {**settings, "settings": options.set, "out": folder}
    if options.quiet or options.json:
        solution = run.solve(options.file, progress=False, **arguments)
    elif (console := _console(stderr=True)).is_terminal:
        with bar(console, options.file) as report:
            solution = run.solve(options.file, report=report, **arguments)
    else:
        solution = run.solve(options.file, report=lines(console), **arguments)
    if options.json:
        from kanpde.export import summary

        _say_json(summary(solution))
    elif not options.quiet:
        print_table(solution, _console(), folder)
    return SOLVED if solution.converged else MISSED


def _check(options: argparse.Namespace) -> int:
    from kanpde import run

    verdicts = []
    for path in options.files:
        verdict: dict[str, Any] = {"file": path, "ok": True, "title": None, "warnings": [], "error": None}
        try:
            problem = run.check(path).problem
            verdict |= {"title": problem.title, "warnings": [str(remark) for remark in problem.remarks]}
        except (KanpdeError, OSError) as error:
            if options.debug:
                raise
            verdict |= {"ok": False, "error": str(error)}
        verdicts.append(verdict)
        if options.json:
            continue
        for text in [*verdict["warnings"], *([verdict["error"]] if verdict["error"] else [])]:
            _complain(text)
        if verdict["ok"] and not options.quiet:
            _say(f"{path}: ok" + (f", {verdict['title']}" if verdict["title"] else ""))
    if options.json:
        _say_json({"files": verdicts})
    return SOLVED if all(verdict["ok"] for verdict in verdicts) else BAD_INPUT


def _console(stderr: bool = False) -> Any:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def _say(text: str) -> None:
    print(text)


def _say_json(value: dict[str, Any]) -> None:
    import json

    from kanpde.export.summary import as_json

    _say(as_json(value) if value else json.dumps(value))


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
