"""The command ``kanpde``: turns words into calls, errors into text and exit codes. Holds no logic."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanpde.errors import DivergedError, KanpdeError

if TYPE_CHECKING:
    from kanpde.results import Formula, Solution

SOLVED, MISSED, BAD_INPUT, NO_SOLUTION, INTERRUPTED = 0, 1, 2, 3, 130

_EPILOG = """exit codes: 0 solved to tolerance; 1 solved, tolerance missed (the outcome says why); 2 bad input;
3 no usable solution; 130 interrupted (checkpoint written)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except KeyboardInterrupt as interrupt:
        _complain(f"interrupted; {interrupt}" if str(interrupt) else "interrupted")
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
    except Exception as error:  # nobody who types a command wants a traceback; whoever mends kanpde asks for it
        if options.debug:
            raise
        _complain(f"internal error, {type(error).__name__}: {error}\nhint: this is a bug in kanpde; --debug shows where")
        return NO_SOLUTION


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

    sub = command("show", _show, "show a problem as mathematics, or what a run found")
    sub.add_argument("path", metavar="FILE|RUN")
    sub.add_argument("--latex", action="store_true", help="LaTeX instead of plain text")

    sub = command("eval", _eval, "values of a run, and derivatives, at points")
    sub.add_argument("run", metavar="RUN")
    where = sub.add_mutually_exclusive_group()
    where.add_argument("--at", metavar="POINTS", help='a .csv file with columns x, t, ..., or "x=0.5,t=1"')
    where.add_argument("--grid", metavar="NxM", help="a uniform grid: 201x101")
    sub.add_argument("--derivatives", default="", metavar="LIST", help="such as u_x,u_xx")
    sub.add_argument("--to", metavar="FILE", help="write to a .csv or .h5 file instead of standard output")

    sub = command("compare", _compare, "the error of a run against its reference, another run, or values in a .csv file")
    sub.add_argument("run", metavar="RUN")
    sub.add_argument("other", nargs="?", metavar="RUN|FILE")

    sub = command("symbolic", _symbolic, "search and prove a closed form of a finished run")
    sub.add_argument("run", metavar="RUN")
    sub.add_argument("--seconds", type=float, metavar="S", help="time for the search (default: as the run's plan says)")
    sub.add_argument("--no-harvest", action="store_true", help="do not try the functions that the problem itself names")

    sub = command("export", _export, "write a run, or its formula, in another format")
    sub.add_argument("run", metavar="RUN")
    sub.add_argument("--to", metavar="FILE", required=True, help="by suffix: .h5, or .py and .tex for the formula")

    sub = command("plot", _plot, "draw the figures of a run again")
    sub.add_argument("run", metavar="RUN")
    sub.add_argument("--format", default="png", choices=("png", "pdf", "svg"))
    sub.add_argument("--dpi", type=int, metavar="N", help="dots per inch (default 160)")
    sub.add_argument("--out", metavar="DIR", help="where to make the folder 'figures' (default: the run folder)")

    sub = command("list", _list, "what there is: problems, bases, optimizers, references, shapes")
    sub.add_argument("kind", nargs="?", choices=("problems", "bases", "optimizers", "references", "shapes"))

    command("schema", _schema, "the JSON Schema of the problem file, for editors")
    command("doctor", _doctor, "versions, device, precision and a short self-test")
    return top


def _solve(options: argparse.Namespace) -> int:
    from kanpde import run
    from kanpde.report.progress import bar, lines
    from kanpde.report.table import print_table

    folder = Path(options.out or Path("runs") / Path(options.file).stem)
    settings = {key: getattr(options, key) for key in ("tolerance", "budget", "seed", "device", "dtype")}
    arguments: dict[str, Any] = {**settings, "settings": options.set, "out": folder}
    problem = run.read(options.file).problem
    for remark in problem.remarks:
        if not remark.unsupported:
            _complain(str(remark))
    if options.quiet or options.json:
        solution = run.solve(problem, progress=False, **arguments)
    elif (console := _console(stderr=True)).is_terminal:
        with bar(console, options.file) as report:
            solution = run.solve(problem, report=report, **arguments)
    else:
        solution = run.solve(problem, report=lines(console), **arguments)
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
            count = len(verdict["warnings"])
            warned = f" ({count} warning{'s' * (count > 1)})" if count else ""
            _say(f"{path}: ok" + (f", {verdict['title']}" if verdict["title"] else "") + warned)
    if options.json:
        _say_json({"files": verdicts})
    return SOLVED if all(verdict["ok"] for verdict in verdicts) else BAD_INPUT


def _show(options: argparse.Namespace) -> int:
    from kanpde import run
    from kanpde.report.mathematics import as_latex, as_text
    from kanpde.results import Solution

    found = run.load(options.path)
    if isinstance(found, Solution):
        return _show_run(found, options)
    if options.json:
        _say_json({"title": found.title, "text": as_text(found), "latex": as_latex(found)})
    else:
        _say(as_latex(found) if options.latex else as_text(found))
    return SOLVED


def _show_run(solution: Solution, options: argparse.Namespace) -> int:
    from kanpde.export import summary
    from kanpde.report.mathematics import as_latex, as_text, formula_as_latex
    from kanpde.report.table import print_table

    if options.json:
        _say_json(summary(solution))
    elif options.latex:
        _say("\n\n".join(filter(None, (as_latex(solution.problem), formula_as_latex(solution.formula)))))
    else:
        _say(as_text(solution.problem) + "\n")
        print_table(solution, _console(), Path(options.path) if Path(options.path).is_dir() else None)
        if solution.formula is not None:
            _say("")
            _say_formula(solution.formula)
    return SOLVED


def _eval(options: argparse.Namespace) -> int:
    from kanpde.export import load
    from kanpde.export.tables import read_points, values_at, write_csv, write_table

    solution = load(options.run)
    points = read_points(options.at, options.grid, solution)
    values = values_at(solution, points, [name.strip() for name in options.derivatives.split(",") if name.strip()])
    if options.to:
        write_table(options.to, solution, points, values)
        if not (options.quiet or options.json):
            _say(f"{options.to}: {', '.join(values)} at {next(iter(values.values())).size} points")
    if options.json:
        arrays = {name: array.tolist() for name, array in {**points.coordinates, **values}.items()}
        _say_json({"file": options.to} if options.to else arrays)
    elif not options.to:
        write_csv(sys.stdout, points, values)
    return SOLVED


def _compare(options: argparse.Namespace) -> int:
    from kanpde import run

    comparison = run.compare(options.run, options.other)
    if options.json:
        fields, beside = ({name: vars(c) for name, c in part.items()} for part in (comparison.fields, comparison.beside))
        _say_json({"fields": fields, "remark": comparison.remark, **({"beside": beside} if beside else {})})
        return SOLVED
    for name, found in comparison.fields.items():
        h1 = "" if found.h1 is None else f", relative H1 {found.h1:.1e}"
        _say(f"{name}: {found.sentence}; relative maximum {found.max:.1e}{h1}")
    for name, found in comparison.beside.items():
        _say(f"{name}: beside that, {found.sentence}")
    if comparison.remark or not comparison.fields:
        _say(comparison.remark or "no independent reference")
    return SOLVED


def _symbolic(options: argparse.Namespace) -> int:
    from kanpde import run
    from kanpde.report.progress import bar, lines

    harvest = False if options.no_harvest else None
    console = _console(stderr=True)
    if options.quiet or options.json:
        solution = run.symbolic(options.run, options.seconds, harvest)
    elif console.is_terminal:
        with bar(console, options.run) as report:
            solution = run.symbolic(options.run, options.seconds, harvest, report)
    else:
        solution = run.symbolic(options.run, options.seconds, harvest, lines(console))
    if options.json:
        from kanpde.export import summary

        _say_json(summary(solution)["formula"])
    elif solution.formula is not None and not options.quiet:
        _say_formula(solution.formula)
    return SOLVED


def _say_formula(formula: Formula) -> None:
    """The formula, what is known of it, and why."""
    for line in formula.lines:
        _say(line)
    _say(formula.sentence)
    for line in formula.transcript:
        _say(f"  {line}")


def _export(options: argparse.Namespace) -> int:
    from kanpde import export

    export.save(export.load(options.run), options.to)
    if options.json:
        _say_json({"file": options.to})
    elif not options.quiet:
        _say(options.to)
    return SOLVED


def _plot(options: argparse.Namespace) -> int:
    from kanpde import run

    files = run.plot(options.run, options.format, options.dpi, options.out)
    if options.json:
        _say_json({"files": [str(path) for path in files]})
    elif not options.quiet:
        for path in files:
            _say(str(path))
    return SOLVED


def _list(options: argparse.Namespace) -> int:
    from kanpde.report.catalogue import NOTES, TABLES, entries

    kinds = [options.kind] if options.kind else list(TABLES)
    found = {kind: entries(kind) for kind in kinds}
    if options.json:
        _say_json({kind: [vars(entry) for entry in table] for kind, table in found.items()})
        return SOLVED
    for kind, table in found.items():
        if len(kinds) > 1 or kind in NOTES:
            _say(f"{kind} ({NOTES[kind]}):" if kind in NOTES else f"{kind}:")
        width = max((len(entry.name) for entry in table), default=0)
        for entry in table:
            defaults = f"  [{entry.defaults}]" if entry.defaults else ""
            _say(f"  {entry.name:<{width}}  {entry.sentence}{defaults}")
        if not table:
            _say("  none in this folder")
    return SOLVED


def _schema(options: argparse.Namespace) -> int:
    from kanpde.plan.schema import schema

    _say_json(schema())
    return SOLVED


def _doctor(options: argparse.Namespace) -> int:
    import torch

    from kanpde import run
    from kanpde.export import summary, versions

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    found = {**versions(), "cuda": device, "threads": str(torch.get_num_threads())}
    test = summary(run.self_test())
    error = test["fields"]["u"]["l2"]
    if options.json:
        _say_json({"versions": found, "error": error, "seconds": test["seconds"], "ok": test["converged"]})
    else:
        for name, value in found.items():
            _say(f"{name:<10}{value}")
        _say(f"self-test {test['outcome']} (true error {error:.1e}, {test['seconds']:.2f} s)")
    return SOLVED if test["converged"] else MISSED


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
