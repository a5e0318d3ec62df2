"""Groups of commands: imported when used, taking `--data` and `--config` before a command's name as well as after."""

import difflib
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

_LOCATIONS = "questlog.locations"
_CUTOFF = 0.5


class LazyCommand(NamedTuple):
    """Where a command is (`package.module:name`) and what the list of commands says of it."""

    target: str
    short_help: str


class CommandGroup(click.Group):
    """A group that hands the `--data` and `--config` given before a command's name on to the command."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.params += [
            _location("data", "DIR", "Data directory. [default: questlog-data]"),
            _location("config", "FILE", "Settings file (TOML). [default: questlog.toml in the data directory]"),
        ]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's hook: `args` as a command and what follows it."""
        if (
            args
            and not ctx.resilient_parsing
            and self.get_command(ctx, args[0]) is None
            and not args[0].startswith("-")
        ):
            raise click.UsageError(_no_such_command(args[0], self.list_commands(ctx)), ctx)
        name, command, rest = super().resolve_command(ctx, args)
        ctx.default_map = {name or "": ctx.meta.get(_LOCATIONS, {})}
        return name, command, rest


class LazyGroup(CommandGroup):
    """A group that knows its commands' names and short helps, and imports a module when its command is used."""

    def __init__(self, lazy_commands: Mapping[str, LazyCommand], **named: Any) -> None:
        super().__init__(**named)
        self.lazy_commands = lazy_commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        del ctx
        return list(self.lazy_commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an unknown name."""
        del ctx
        lazy = self.lazy_commands.get(cmd_name)
        if lazy is None:
            return None
        module, _, name = lazy.target.partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{lazy.target} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.short_help) for name, lazy in self.lazy_commands.items()])


def _no_such_command(given: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(given, known, n=1, cutoff=_CUTOFF)
    return f"there is no command {given!r}" + (f"; did you mean {nearest[0]!r}?" if nearest else "")


def _location(name: str, metavar: str, text: str) -> click.Option:
    return click.Option(
        [f"--{name}"], type=click.Path(path_type=Path), metavar=metavar, expose_value=False, callback=_keep, help=text
    )


def _keep(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if value is not None and parameter.name is not None:
        ctx.meta.setdefault(_LOCATIONS, {})[parameter.name] = value
