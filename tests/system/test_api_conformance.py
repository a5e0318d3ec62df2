"""A real console answers what its OpenAPI description says: Schemathesis asks every route, wrongly too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from questlog.analytics.registry import ANALYSES
from tests.support.installation import SANDBOX_GAME_KEY, installation

pytestmark = pytest.mark.system

_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)
_SAVED = r"/definitions/\{kind\}/\{name\}$"
_QUESTIONS = "|".join(analysis.name for analysis in ANALYSES)
_OF_QUESTIONS = rf"\{{game\}}/({_QUESTIONS})$"
_WITHOUT_END = "/live$"  # a stream ends with its reader alone


def asked_of_all(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What Schemathesis says of a server of its own with the sandbox game; the same cases every time."""
    config = directory / "schemathesis.toml"
    config.write_text(f'[parameters]\n"path.game" = "{SANDBOX_GAME_KEY}"\n', encoding="utf-8")
    with installation(directory / "data") as made:
        made.start_run()
        token = json.loads((made.data_dir / "console.json").read_bytes())["token"]
        program = str(Path(sys.executable).parent / "schemathesis")
        address = f"http://127.0.0.1:{made.console_port}/api/schema"
        command = [program, "--config-file", str(config), "run", address, "-H", f"Authorization: Bearer {token}"]
        command += ["--checks", _CHECKS, "--generation-deterministic", "--continue-on-failure", "--no-color", *options]
        return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=240, check=False)


def test_routes_answer_as_described(tmp_path: Path) -> None:
    left_out = f"{_OF_QUESTIONS}|{_SAVED}|{_WITHOUT_END}"
    options = ["--phases", "examples,coverage,fuzzing", "--max-examples", "2", "--exclude-path-regex", left_out]
    result = asked_of_all(tmp_path, *options)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]


def test_questions_are_answered_as_described(tmp_path: Path) -> None:
    """Without the phase `coverage`: it has no end with questions of questions."""
    asked = f"{_OF_QUESTIONS}|{_SAVED}"
    options = ["--phases", "examples,fuzzing", "--max-examples", "1", "--include-path-regex", asked]
    result = asked_of_all(tmp_path, *options)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
