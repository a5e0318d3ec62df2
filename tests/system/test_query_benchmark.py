"""The benchmark of questions, small: Questlog, raw DuckDB, raw ClickHouse and numpy give the same answers."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.queries.answers import QUESTIONS

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.system


@pytest.mark.timeout(300)
def test_all_engines_answer_every_question_the_same(tmp_path: Path) -> None:
    # In a process of its own: there can be one chdb session in each.
    command = [sys.executable, "-m", "tests.bench", "queries", "--events", "100000", "--rounds", "1"]
    ran = subprocess.run(
        [*command, "--work", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "DIFFERS" not in ran.stdout
    assert [line.split()[0] for line in ran.stdout.splitlines()[-len(QUESTIONS) :]] == list(QUESTIONS)
