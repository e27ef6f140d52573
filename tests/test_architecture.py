"""The layers and rules of the project, held by reading the source: who imports whom, and what nobody may call."""

from __future__ import annotations

import ast
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "kanpde"
FILES = sorted(PACKAGE.rglob("*.py"))

LAYERS = (
    ("cli",),
    ("run",),
    ("run_fit",),
    ("report",),
    ("export", "symbolic"),
    ("train", "reference", "learn"),
    ("assembly",),
    ("results",),
    ("optimize", "kan", "sampling"),
    ("plan", "problem"),
    ("geometry",),
    ("errors",),
)
"""Each line may import what stands below it; names on one line are independent of each other."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
CONVENIENCES = {(a, b) for a in ("results", "learn") for b in ("export", "report")} | {("learn", "symbolic"), ("kan", "report")}
"""Conveniences of a result (save, plot, formula) that reach up, inside a function and only when they are called."""

SYMBOLIC = (
    ("__init__",),
    ("find",),
    ("together",),
    ("search", "data"),
    ("ladder", "settle"),
    ("rungs", "fourier"),
    ("curves", "proof"),
    ("constants", "boxes"),
    ("worker",),
    ("view",),
    ("form", "sample", "budget"),
)
"""The same inside symbolic: how a formula is looked for knows nothing of how it is proved, and neither of who asks."""

STAGE = {name: level for level, names in enumerate(SYMBOLIC) for name in names}
CHILD = {("worker", "constants"), ("worker", "proof")}
"""What only the child process imports, when it starts to serve."""

JUDGE = {"errors", "geometry", "problem", "results", "reference"}
"""All that the independent judge may know: no network, no training, no plan."""


def part(path: Path) -> str:
    """The package or module of kanpde that a file belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every imported module of a file as a dotted name, and whether the import waits inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {id(n) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef)) for n in ast.walk(f)}
    hints = {
        id(n)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and isinstance(test.test, ast.Name) and test.test.id == "TYPE_CHECKING"
        for n in ast.walk(test)
    }
    for node in ast.walk(tree):
        if id(node) in hints:  # what only a type checker reads binds nothing at run time
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "kanpde" else [module]
            yield from ((name, id(node) in late) for name in names)


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """The name of every function called by its bare name or as an attribute, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, node.lineno
            elif isinstance(node.func, ast.Attribute):
                yield ast.unparse(node.func), node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_go_down(path):
    here = part(path)
    if here in ("__init__", "__main__"):
        return
    assert here in LEVEL, f"{here} stands in no layer"
    for module, late in imports(path):
        top, _, rest = module.partition(".")
        if top != "kanpde" or not rest:
            continue
        there = rest.split(".")[0]
        if there == here or there.startswith("__") or (late and (here, there) in CONVENIENCES):
            continue
        assert LEVEL[there] > LEVEL[here], f"{path.relative_to(ROOT)}: {here} may not import {there}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "symbolic").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_inside_symbolic_only_go_down(path):
    here = path.relative_to(PACKAGE / "symbolic").parts[0].removesuffix(".py")
    assert here in STAGE, f"{here} stands in no layer"
    for module, late in imports(path):
        if not module.startswith("kanpde.symbolic"):
            continue
        names = module.split(".")[2:]
        assert names or here == "__init__", f"{path.relative_to(ROOT)}: import the module that is meant"
        there = names[0] if names else here
        if there == here or (late and ((here, there) in CHILD or here == "__init__")):
            continue
        assert STAGE[there] > STAGE[here], f"{path.relative_to(ROOT)}: {here} may not import {there}"


def test_the_judge_is_independent():
    for path in (PACKAGE / "reference").rglob("*.py"):
        found = {module.split(".")[1] for module, _ in imports(path) if module.startswith("kanpde.")}
        assert found <= JUDGE, path.name


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("problem", "torch"),
        ("geometry", "torch"),
        ("plan", "torch"),
        ("reference", "torch"),
        ("sampling", "torch"),
        ("kan", "sympy"),
        ("optimize", "sympy"),
        ("kan", "kanpde.problem"),
        ("optimize", "kanpde.kan"),
        ("symbolic/curves", "kanpde.symbolic.constants"),
        ("symbolic/rungs", "kanpde.symbolic.constants"),
        ("symbolic/rungs", "kanpde.symbolic.proof"),
        ("symbolic/fourier", "kanpde.symbolic.curves"),
        ("symbolic/data", "kanpde.symbolic.proof"),
        ("symbolic/data", "kanpde.symbolic.rungs"),
    ],
)
def test_what_a_package_must_not_know(package, forbidden):
    for path in (PACKAGE / package).rglob("*.py"):
        for module, _ in imports(path):
            assert module != forbidden, path.name
            assert not module.startswith(f"{forbidden}."), path.name


def test_formulas_need_no_torch():
    """The search sees values; only what looks at the edges of a trained network knows that there is one."""
    for path in (PACKAGE / "symbolic").rglob("*.py"):
        found = {
            module.partition(".")[0] if not module.startswith("kanpde.") else module.split(".")[1] for module, _ in imports(path)
        }
        if path not in [PACKAGE / "symbolic" / "data" / name for name in ("networks.py", "walk.py")]:
            assert not found & {"torch", "kan", "assembly", "optimize", "train"}, path.name


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_text_is_run_as_code_and_nothing_prints(path):
    """``sympify`` with ``strict=True`` converts objects and parses nothing; every other use may run what a user wrote."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    strict = {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and any(k.arg == "strict" and ast.unparse(k.value) == "True" for k in node.keywords)
    }
    for name, line in calls(path):
        where = f"{path.relative_to(ROOT)}:{line}: {name}"
        last = name.rpartition(".")[2]
        assert name not in ("eval", "exec", "compile", "__import__"), where
        assert last not in ("parse_expr", "lambdify"), where
        assert last != "sympify" or line in strict, where
        assert name != "print" or part(path) == "cli", where
        assert name not in ("pickle.load", "torch.set_default_dtype", "torch.manual_seed", "np.random.seed"), where


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_say_what_they_are(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree), f"{path.relative_to(ROOT)} has no docstring"


def commands() -> list[list[str]]:
    """Every ``kanpde ...`` line of the README's code blocks."""
    found = []
    inside = False
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = not inside
        text = line.strip().removeprefix("$ ")
        pieces = [piece.strip() for piece in text.split("#")[0].split("&&")] if inside else []
        found += [shlex.split(piece)[1:] for piece in pieces if piece.startswith("kanpde ")]
    return found


def test_the_commands_of_the_readme_exist():
    from kanpde.cli import parser

    assert len(commands()) >= 5
    for words in commands():
        parser().parse_args(words)


def test_the_files_of_the_readme_exist():
    for words in commands():
        for word in words:
            if word.startswith("problems/"):
                assert list(ROOT.glob(word)), word


@pytest.mark.parametrize(
    "code",
    [
        "import kanpde",
        "from kanpde.cli import parser; parser().format_help()",
        "from kanpde.cli import main; main(['check', 'problems/heat.yaml', 'problems/poisson_deep.yaml'])",
        "from kanpde.cli import main; main(['show', 'problems/burgers.yaml'])",
        "from kanpde.cli import main; main(['schema'])",
        "import kanpde.reference",
        "import kanpde.symbolic.proof.prove, kanpde.symbolic.constants.identify, kanpde.symbolic.ladder",
    ],
)
def test_reading_and_checking_need_no_torch(code):
    script = f"import sys\n{code}\nassert 'torch' not in sys.modules, 'torch was imported'"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_table_is_a_literal():
    """Tables are written out where they stand: easy to find, no side effects of imports."""
    for package, table in (("kan", "BASES"), ("optimize", "OPTIMIZERS"), ("reference", "REFERENCES"), ("export", "EXPORTERS")):
        for node in ast.walk(ast.parse("\n".join(p.read_text(encoding="utf-8") for p in (PACKAGE / package).glob("*.py")))):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(target, ast.Name) and target.id == table:
                assert isinstance(node.value, ast.Dict)
                break
        else:
            pytest.fail(f"kanpde/{package} has no table {table}")
