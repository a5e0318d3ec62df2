"""`python -m tests.mutations [TEXT …]`: apply one change after the other, and say which of them no test noticed.

With texts, only the changes whose rule or path holds one of them. Ends with 1 where a change was not noticed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutations.mutants import MUTANTS, Mutant

_ROOT = Path(__file__).parents[2]
_FAILED = 1  # pytest: some tests failed


def main() -> int:
    """Try them."""
    asked = sys.argv[1:]
    chosen = [each for each in MUTANTS if not asked or any(text in f"{each.rule} {each.path}" for text in asked)]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="questlog-mutations-") as folder:
        shutil.copytree(_ROOT / "src", Path(folder, "src"))
        for place, mutant in enumerate(chosen, 1):
            is_noticed = _is_noticed(mutant, Path(folder))
            print(f"{place}/{len(chosen)} {'noticed ' if is_noticed else 'SURVIVED'} {mutant.rule}", flush=True)
            survivors += [] if is_noticed else [mutant]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} were noticed")
    return 1 if survivors else 0


def _is_noticed(mutant: Mutant, folder: Path) -> bool:
    path = folder / mutant.path
    whole = path.read_text()
    path.write_text(mutant.applied(whole))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *mutant.arguments]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "src"), str(_ROOT)])}
    try:
        done = subprocess.run(command, cwd=_ROOT, env=environ, capture_output=True, text=True, check=False)
    finally:
        path.write_text(whole)
    if done.returncode not in (0, _FAILED):
        raise SystemExit(f"{mutant.rule}: the tests did not run\n{done.stdout}\n{done.stderr}")
    return done.returncode == _FAILED


if __name__ == "__main__":
    sys.exit(main())
