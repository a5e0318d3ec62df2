"""The benchmarks of questions, small: all engines give the same answers, and every built-in metric has events."""

import subprocess
import sys
from pathlib import Path

import pytest

from questlog.analytics.metrics.catalogue import CATALOGUE
from tests.bench.queries.answers import QUESTIONS

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.system


@pytest.mark.timeout(300)
def test_all_engines_answer_every_question_the_same(tmp_path: Path) -> None:
    lines = _printed_by("queries", tmp_path)
    assert not [line for line in lines if "DIFFERS" in line]
    assert [line.split()[0] for line in lines[-len(QUESTIONS) :]] == list(QUESTIONS)


@pytest.mark.timeout(300)
def test_every_built_in_metric_is_timed_over_events_that_it_is_of(tmp_path: Path) -> None:
    lines = _printed_by("metrics", tmp_path)
    of_metrics = {line.split()[0]: line for line in lines if line.strip()}
    assert set(CATALOGUE) <= set(of_metrics)
    empty = {name for name, line in of_metrics.items() if line.endswith("empty")}
    assert not empty


def _printed_by(part: str, folder: Path) -> list[str]:
    """In a process of its own: there can be one chdb session in each."""
    command = [sys.executable, "-m", "tests.bench", part, "--events", "100000", "--rounds", "1", "--work", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()
