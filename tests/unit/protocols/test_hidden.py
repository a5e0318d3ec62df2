import subprocess
import sys

import pytest

from questlog.protocols.hidden import hidden

COLLECTOR = """
import sys
import questlog.app.collecting
assert "jwt" in sys.modules
assert not {name for name in sys.modules if name.partition(".")[0] == "cryptography"}
import cryptography
"""


def test_a_collector_does_not_load_cryptography() -> None:
    subprocess.run([sys.executable, "-c", COLLECTOR], check=True)


def test_what_is_hidden_is_there_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    with hidden("wave"), pytest.raises(ModuleNotFoundError):
        import wave
    import wave

    assert wave.__name__ == "wave"


def test_what_is_loaded_stays() -> None:
    import json

    with hidden("json"):
        import json as again
    assert again is json


def test_an_error_inside_hides_nothing_for_ever() -> None:
    with pytest.raises(ZeroDivisionError), hidden("nothing_of_this_name"):
        raise ZeroDivisionError
    assert "nothing_of_this_name" not in sys.modules
