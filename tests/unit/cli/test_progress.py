import pytest

from questlog.cli.progress import ProgressLine, progress_text


def test_a_bar_is_for_terminals_only() -> None:
    assert progress_text("sessions", 0.5, has_bar=True) == f"{'█' * 15}{'░' * 15}  50%  sessions"
    assert progress_text("sessions", 0.5, has_bar=False) == "sessions: 50%"
    assert progress_text("", 1.0, has_bar=False) == "100%"
    assert progress_text("waiting", None, has_bar=True) == "waiting"


def test_a_log_has_each_line_once_and_nothing_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine() as line:
        for share in (0.1, 0.101, 0.2):
            line.show("sessions", share)
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "sessions: 10%\nsessions: 20%\n")


def test_a_terminal_has_one_line_that_is_drawn_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with ProgressLine() as line:
        line.show("waiting for the loader")
        line.show("", 1.0)
    written = capsys.readouterr().err
    assert (written.count("\n"), written.count("\r")) == (1, 2)
    assert written.endswith("100%\n")
