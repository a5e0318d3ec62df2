"""The settings that running processes were started with: left in the data directory for `questlog doctor`."""

import os
from collections.abc import Iterable, Mapping

import msgspec

from questlog.app.places import run_directory
from questlog.config import Settings, section_types, setting_infos

SERVER, COLLECTORS = "server", "collectors"


def note_settings(settings: Settings, process: str) -> None:
    """Write down what `process` runs with, without secrets. Raises `OSError`."""
    noted = {
        info.key: _value(settings, info.key)
        for section in section_types()
        for info in setting_infos(section)
        if not info.is_secret
    }
    directory = run_directory(settings)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"settings-{process}.json"
    new = path.with_suffix(".new")
    with open(new, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(msgspec.json.encode(noted))
    new.replace(path)


def with_noted_settings(settings: Settings, process: str, sections: Iterable[str]) -> Settings:
    """`settings` with those of these sections that `process` wrote down last. Unreadable notes change nothing."""
    try:
        noted = msgspec.json.decode((run_directory(settings) / f"settings-{process}.json").read_bytes(), type=dict)
        return msgspec.structs.replace(
            settings, **{section: _section(settings, section, noted) for section in sections}
        )
    except (OSError, msgspec.DecodeError):
        return settings


def _section(settings: Settings, section: str, noted: Mapping[str, object]) -> msgspec.Struct:
    given: msgspec.Struct = getattr(settings, section)
    values = {
        info.key.partition(".")[2]: msgspec.convert(noted[info.key], info.type)
        for info in setting_infos(section)
        if info.key in noted
    }
    return msgspec.structs.replace(given, **values)


def differences(given: Settings, running: Settings) -> list[str]:
    """`collector.port=8000` for each setting of `running` that is not as in `given`; secrets are not compared."""
    return [
        f"{info.key}={_text(_value(running, info.key))}"
        for section in section_types()
        for info in setting_infos(section)
        if not info.is_secret and _value(given, info.key) != _value(running, info.key)
    ]


def _value(settings: Settings, key: str) -> object:
    section, _, name = key.partition(".")
    return getattr(getattr(settings, section), name)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
