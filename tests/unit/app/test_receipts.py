from pathlib import Path

import pyarrow as pa
import pytest

from questlog.app.receipts import receipts
from questlog.config import ConfigError, load
from questlog.loader.receipts import NoReceiptKeys
from tests.support.stores import Apple


def test_the_root_of_the_configured_file_decides(tmp_path: Path) -> None:
    apple = Apple()
    file = tmp_path / "AppleRootCA-G3.cer"
    file.write_bytes(apple.root_der)
    purchase = {
        "game_id": pa.array([1]),
        "category": pa.array(["business"]),
        "event_id": pa.array(["gems:100"]),
        "amount": pa.array([499]),
        "attributes": pa.array([f'{{"receipt_info":{{"store":"apple","receipt":"{apple.transaction()}"}}}}']),
    }
    assert receipts(load(tmp_path), NoReceiptKeys()).states(purchase).to_pylist() == ["unchecked"]
    settings = load(tmp_path, overrides={"receipts.apple_root_path": str(file)})
    assert receipts(settings, NoReceiptKeys()).states(purchase).to_pylist() == ["valid"]


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "root.cer"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^receipts\.apple_root_path") as refused:
        receipts(load(tmp_path, overrides={"receipts.apple_root_path": str(file)}), NoReceiptKeys())
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)
