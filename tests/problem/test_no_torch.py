"""Reading and checking a problem imports no torch, in a process of its own."""

import subprocess
import sys
from pathlib import Path

PROBLEMS = Path(__file__).parents[2] / "problems"

PROGRAM = """
import sys
from pathlib import Path
from kanpde.plan import make_plan, schema
from kanpde.problem import read_file
for file in sorted(Path(sys.argv[1]).glob("*.yaml")):
    document = read_file(file)
    make_plan(document.method, document.span_of)
schema()
assert "torch" not in sys.modules, "torch was imported"
"""


def test_checking_all_problems_imports_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(PROBLEMS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
