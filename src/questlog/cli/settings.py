"""Options that say where the data and the settings are, alike in all commands."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec

import click

from questlog.cli.secrets import warn_of_shown_secret
from questlog.config import ConfigError, Settings, load, section_types, setting_infos, unknown_variables
from questlog.supervision import PARENT_VARIABLE

DEFAULT_DATA = "questlog-data"

_Rest = ParamSpec("_Rest")


def data_option(function: Callable[_Rest, None]) -> Callable[_Rest, None]:
    """The option `--data DIR`, given to the command as `data`."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        default=DEFAULT_DATA,
        show_default=True,
        help="Data directory.",
    )(function)


def config_option(function: Callable[_Rest, None]) -> Callable[_Rest, None]:
    """The option `--config FILE`, given to the command as `config`."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Settings file (TOML). [default: questlog.toml in the data directory, where there is one]",
    )(function)


def assignments_option(function: Callable[_Rest, None]) -> Callable[_Rest, None]:
    """The option `--set KEY=VALUE`, given to the command as `assignments`."""
    return click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="KEY=VALUE",
        help="A setting for this run, for example collector.port=8000. May be repeated.",
    )(function)


def settings_options(function: Callable[Concatenate[Settings, _Rest], None]) -> Callable[..., None]:
    """The options `--data`, `--config` and `--set`; the command gets `Settings` as its first argument.

    The settings are read when the command runs: file, then environment, then `--set`.
    """

    @data_option
    @config_option
    @assignments_option
    @functools.wraps(function)
    def with_settings(
        data: Path, config: Path | None, assignments: tuple[str, ...], *rest: _Rest.args, **options: _Rest.kwargs
    ) -> None:
        function(read_settings(data, config, parse_assignments(assignments)), *rest, **options)

    return with_settings


def read_settings(data: Path, config: Path | None, overrides: Mapping[str, object]) -> Settings:
    """The settings of this run. `overrides` beat file and environment. Raises `click.ClickException`."""
    if PARENT_VARIABLE not in os.environ:  # else the process that started this one has said it
        _warn_of_unknown_variables()
        _warn_of_shown_secrets(overrides)
    try:
        return load(data, config, os.environ, overrides)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


def _warn_of_shown_secrets(overrides: Mapping[str, object]) -> None:
    """Say on stderr which secrets the command line shows."""
    secret = {
        info.key: info.variable for section in section_types() for info in setting_infos(section) if info.is_secret
    }
    for key in overrides:
        if key in secret:
            warn_of_shown_secret(f"--set {key}", f"put it in questlog.toml, or in {secret[key]}")


def _warn_of_unknown_variables() -> None:
    for unknown in unknown_variables(os.environ):
        text = f"{unknown.variable} is not a setting and has no effect; the nearest setting is {unknown.nearest}"
        click.echo(f"Warning: {text}", err=True)


def parse_assignments(assignments: Sequence[str]) -> dict[str, object]:
    """`["collector.port=8000"]` as a dictionary. Raises `click.UsageError`."""
    overrides: dict[str, object] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes KEY=VALUE, not {assignment!r}")
        overrides[key.strip()] = value
    return overrides
