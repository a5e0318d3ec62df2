"""The rule of tests/conftest.py, seen red."""

from pathlib import Path

import pytest

CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text()

SKIPPING = {
    "test_by_its_mark": """
        import pytest

        @pytest.mark.skip(reason="not now")
        def test_it(): ...
    """,
    "test_while_it_runs": """
        import pytest

        def test_it():
            pytest.skip("not now")
    """,
    "test_in_its_fixture": """
        import pytest

        @pytest.fixture
        def browser():
            pytest.skip("not now")

        def test_it(browser): ...
    """,
    "test_with_its_whole_file": """
        import pytest

        pytest.importorskip("a_module_that_nobody_has")

        def test_it(): ...
    """,
}
"""The files of a run, and how each skips its test."""


def run(pytester: pytest.Pytester) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(**SKIPPING)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "--continue-on-collection-errors")


def test_a_skipped_test_fails_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(pytester)
    result.assert_outcomes(failed=1, errors=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    for name in SKIPPING:
        result.stdout.fnmatch_lines([f"*{name}.py* was skipped, which CI does not allow*"])


def test_a_skipped_test_is_no_failure_elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    result = run(pytester)
    result.assert_outcomes(skipped=len(SKIPPING))
    assert result.ret == pytest.ExitCode.OK
