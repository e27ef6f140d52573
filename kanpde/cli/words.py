"""The words of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from kanpde.cli import commands, fits

_EPILOG = """exit codes: 0 solved to tolerance; 1 solved, tolerance missed (the outcome says why); 2 bad input;
3 no usable solution; 130 interrupted (checkpoint written)"""


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
    subparsers = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, parents=[common], help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(command=function)
        return sub

    sub = command("solve", commands.solve, "solve a problem file and write the run folder")
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

    sub = command("fit", fits.fit, "fit a network to columns of a file, simplify it, and look for a formula")
    sub.add_argument("file", help="columns of numbers: .csv or other text with or without names, or .npz")
    sub.add_argument(
        "--target", action="append", metavar="NAME", help="what to predict, by name or number (default: last column)"
    )
    sub.add_argument("--inputs", action="append", metavar="NAMES", help="what to predict it from (default: all other columns)")
    sub.add_argument("--names", action="append", metavar="NAMES", help="names of all columns, in their order: x,t,u")
    sub.add_argument("--out", metavar="DIR", help="the run folder (default: runs/<name of the file>)")
    sub.add_argument("--widths", type=fits.widths, metavar="LIST", help="nodes of each layer: 2,5,1 (default: chosen)")
    sub.add_argument(
        "--grid", type=fits.grid, metavar="N", help="intervals of every edge, or of stages: 5,10,20 (default: chosen)"
    )
    sub.add_argument("--degree", type=fits.degree, metavar="K", help="of the edges' functions (default: chosen)")
    sub.add_argument("--basis", metavar="NAME", help="as 'kanpde list bases' says (default: chosen)")
    sub.add_argument("--optimizer", metavar="NAME", help="as 'kanpde list optimizers' says (default levenberg-marquardt)")
    sub.add_argument("--l1", type=float, metavar="X", help="weight of sparsity (default 0)")
    sub.add_argument("--validation", type=float, metavar="X", help="part of the points that is held back (default 0.2)")
    sub.add_argument("--tolerance", type=float, metavar="X", help="a relative error that is good enough")
    sub.add_argument("--noise", type=float, metavar="X", help="root mean square error of the values, where it is known")
    sub.add_argument("--budget", type=float, metavar="SECONDS", help="time for training (default 60)")
    sub.add_argument("--seconds", type=float, metavar="S", help="time for the search of a formula (default 30; 0: no search)")
    sub.add_argument("--no-prune", action="store_true", help="keep all edges and nodes")
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other word of kanpde.fit: steps=50")
    sub.add_argument("--seed", type=int, metavar="N")
    sub.add_argument("--device", choices=("auto", "cpu", "cuda"))
    sub.add_argument("--dtype", choices=("float64", "float32"))

    sub = command("check", commands.check, "read and check problem files without solving them")
    sub.add_argument("files", nargs="+", metavar="FILE")

    sub = command("show", commands.show, "show a problem as mathematics, or what a run found")
    sub.add_argument("path", metavar="FILE|RUN")
    sub.add_argument("--latex", action="store_true", help="LaTeX instead of plain text")

    sub = command("eval", commands.evaluate, "values of a run, and derivatives, at points")
    sub.add_argument("run", metavar="RUN")
    where = sub.add_mutually_exclusive_group()
    where.add_argument("--at", metavar="POINTS", help='a .csv file with columns x, t, ..., or "x=0.5,t=1"')
    where.add_argument("--grid", metavar="NxM", help="a uniform grid: 201x101")
    sub.add_argument("--derivatives", default="", metavar="LIST", help="such as u_x,u_xx")
    sub.add_argument("--to", metavar="FILE", help="write to a .csv or .h5 file instead of standard output")

    sub = command("compare", commands.compare, "the error of a run against its reference, another run, or values in a .csv file")
    sub.add_argument("run", metavar="RUN")
    sub.add_argument("other", nargs="?", metavar="RUN|FILE")

    sub = command("symbolic", commands.symbolic, "search and prove a closed form of a finished run")
    sub.add_argument("run", metavar="RUN")
    sub.add_argument("--seconds", type=float, metavar="S", help="time for the search (default: as the run's plan says)")
    sub.add_argument("--no-harvest", action="store_true", help="do not try the functions that the problem itself names")

    sub = command("export", commands.export, "write a run, or its formula, in another format")
    sub.add_argument("run", metavar="RUN")
    sub.add_argument(
        "--to",
        metavar="FILE",
        required=True,
        help="by suffix: all .h5; formula .py .c .tex; values .csv .nc .vtkhdf; network .pt2 .onnx, of a fit .pt",
    )

    sub = command("plot", commands.plot, "draw the figures of a run again")
    sub.add_argument("run", metavar="RUN")
    sub.add_argument("--format", default="png", choices=("png", "pdf", "svg"))
    sub.add_argument("--dpi", type=int, metavar="N", help="dots per inch (default 160)")
    sub.add_argument("--out", metavar="DIR", help="where to make the folder 'figures' (default: the run folder)")

    sub = command("list", commands.list_tables, "what there is: problems, bases, optimizers, references, shapes")
    sub.add_argument("kind", nargs="?", choices=("problems", "bases", "optimizers", "references", "shapes"))

    command("schema", commands.schema, "the JSON Schema of the problem file, for editors")
    command("doctor", commands.doctor, "versions, device, precision and a short self-test")
    return top
