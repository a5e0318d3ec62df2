"""`questlog saved`: questions that people saved in a game."""

import difflib
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from questlog.cli import questions
from questlog.cli.answers import FORMATS, print_answer, refuse_terminal
from questlog.cli.asked_game import AskedGame, find_game
from questlog.cli.console import Console, ask, console_options, find_console
from questlog.cli.groups import CommandGroup
from questlog.cli.table import echo_table
from questlog.model.clock import SystemClock

_COLUMNS = ("kind", "name", "owner")
_NO_QUESTIONS = ("segment", "custom-metric")
_game_option = click.option("--game", metavar="GAME", help="Name, game key or number. [default: the only game]")


@click.group("saved", cls=CommandGroup)
def command() -> None:
    """Saved questions, segments and custom metrics of a game."""


@command.command("list", short_help="List what is saved.")
@_game_option
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Format."
)
@console_options
def list_saved(game: str | None, form: str, data: Path, url: str | None, token: str | None) -> None:
    """List the saved definitions of a game, by kind and name. JSON has the definitions too."""
    console = find_console(data, url, token)
    found = _saved(console, find_game(console, game))
    if form == "json":
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        echo_table(_COLUMNS, ["string"] * len(_COLUMNS), [[each[name] for name in _COLUMNS] for each in found])


@command.command("run", short_help="Answer a saved question.")
@click.argument("name")
@_game_option
@click.option("--kind", metavar="ANALYSIS", help="Its analysis, if several questions have this name.")
@click.option("--period", metavar="PERIOD", help="Another period, as in `questlog query --period`.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Format of the answer."
)
@console_options
def run(  # noqa: PLR0913, PLR0917 - click passes the options by name
    name: str,
    game: str | None,
    kind: str | None,
    period: str | None,
    form: str,
    data: Path,
    url: str | None,
    token: str | None,
) -> None:
    """Answer the saved question NAME with the data of now."""
    refuse_terminal(form)
    console = find_console(data, url, token)
    asked = find_game(console, game)
    question = question_named(_saved(console, asked), name, kind)
    body = dict(question["definition"])
    if period is not None:
        body["period"] = questions.period(period, asked.today(SystemClock()))
    print_answer(console, f"{asked.path}/{urllib.parse.quote(question['kind'])}", body, form)


def question_named(saved: Sequence[Mapping[str, Any]], name: str, kind: str | None) -> Mapping[str, Any]:
    """The saved question of that name. Raises `click.ClickException` if there is none or more than one."""
    known = [each for each in saved if each["kind"] not in _NO_QUESTIONS and kind in (None, each["kind"])]
    found = [each for each in known if each["name"] == name]
    if not found:
        nearest = difflib.get_close_matches(name, [each["name"] for each in known], n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else "`questlog saved list` lists what there is"
        raise click.ClickException(f"there is no saved question {name!r}; {hint}")
    if len(found) > 1:
        kinds = ", ".join(each["kind"] for each in found)
        raise click.UsageError(f"several saved questions are named {name!r}; say which with --kind: {kinds}")
    return found[0]


def _saved(console: Console, game: AskedGame) -> list[dict[str, Any]]:
    with ask(console, "GET", f"{game.path}/definitions") as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found
