"""The rule of tests/conftest.py, seen red."""

from pathlib import Path

import pytest

CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text()

SKIPPING = {
    "by its mark": """
        import pytest

        @pytest.mark.skip(reason="not now")
        def test_it(): ...
    """,
    "while it runs": """
        import pytest

        def test_it():
            pytest.skip("not now")
    """,
    "in its fixture": """
        import pytest

        @pytest.fixture
        def browser():
            pytest.skip("not now")

        def test_it(browser): ...
    """,
    "with its whole file": """
        import pytest

        pytest.importorskip("a_module_that_nobody_has")

        def test_it(): ...
    """,
}


def run(pytester: pytest.Pytester, source: str) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider")


@pytest.mark.parametrize("source", SKIPPING.values(), ids=SKIPPING)
def test_a_skipped_test_fails_in_ci(source: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(pytester, source)
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*was skipped, which CI does not allow*"])


@pytest.mark.parametrize("source", SKIPPING.values(), ids=SKIPPING)
def test_a_skipped_test_is_no_failure_elsewhere(
    source: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert run(pytester, source).ret in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
