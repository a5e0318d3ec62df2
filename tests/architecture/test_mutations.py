"""The changes of `tests.mutations` still fit the source: each can be applied, and is another program that compiles."""

from pathlib import Path

import pytest

from tests.mutations.mutants import MUTANTS, Mutant

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.rule)
def test_a_change_can_be_applied(mutant: Mutant) -> None:
    source = (_ROOT / mutant.path).read_text()
    changed = mutant.applied(source)
    assert changed != source
    compile(changed, mutant.path, "exec")
    assert all((_ROOT / argument).exists() for argument in mutant.arguments if argument.endswith(".py"))
