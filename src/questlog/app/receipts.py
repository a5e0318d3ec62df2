"""What receipts are checked with, as the settings and the games say."""

from pathlib import Path

from questlog.config import ConfigError, Settings
from questlog.loader.apple_receipts import AppleReceipts, RootsUnreadable
from questlog.loader.receipts import ReceiptKeys, Receipts


def receipts(settings: Settings, keys: ReceiptKeys) -> Receipts:
    """The games' keys, and Apple's root where `receipts.apple_root_path` names it. Raises `ConfigError`."""
    if not settings.receipts.apple_root_path:
        return Receipts(keys)
    path = Path(settings.receipts.apple_root_path)
    try:
        return Receipts(keys, AppleReceipts(path.read_bytes()))
    except RootsUnreadable as error:
        raise ConfigError(f"receipts.apple_root_path: {path}: {error}") from error
    except OSError as error:
        raise ConfigError(f"receipts.apple_root_path: cannot read {path}: {error.strerror}") from error
