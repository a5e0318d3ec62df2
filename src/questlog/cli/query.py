"""`questlog query`: ask the running server about a game."""

import datetime as dt
import difflib
import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from questlog.cli import questions
from questlog.cli.answers import FORMATS, print_answer, refuse_terminal
from questlog.cli.asked_game import find_game
from questlog.cli.console import console_options, find_console
from questlog.model.clock import SystemClock

_GRANULARITIES = ("minute", "hour", "day", "week", "month", "all")
_METRICS = "query"


class AnalysisName(click.ParamType[str]):
    """The name of an analysis of the registry, which is imported only where one is chosen or they are listed."""

    name = "analysis"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Click's hook: the name, where there is such an analysis."""
        known = self._choice().choices if value != _METRICS else (value,)
        if value not in known:
            nearest = difflib.get_close_matches(value, known, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known)}"
            self.fail(f"there is no analysis {value!r}; {hint}", param, ctx)
        return value

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Click's hook: all names, for the help."""
        return self._choice().get_metavar(param, ctx)

    @staticmethod
    def _choice() -> click.Choice[str]:
        registry = importlib.import_module("questlog.analytics.registry")
        return click.Choice([analysis.name for analysis in registry.ANALYSES])


@click.command("query", short_help="Ask the running server about a game: metrics, retention, ….")
@click.argument("question", required=False)
@click.option(
    "--game", metavar="GAME", help="Name, game key or number. [default: the only game, if there is exactly one]"
)
@click.option("--analysis", type=AnalysisName(), default=_METRICS, show_default=True, help="Kind of QUESTION.")
@click.option("--metrics", metavar="NAMES", help="Metrics, separated by commas: dau,revenue,retention_d7.")
@click.option(
    "--period",
    metavar="PERIOD",
    help="Days in the game's time zone: today, yesterday, 30d or 4w (the last ones, with today), 2025-01 (a month), "
    "this-month, last-month, 2025-01-01 (a day), 2025-01-01..2025-01-31.",
)
@click.option("--granularity", type=click.Choice(_GRANULARITIES), help="Length of a bucket.")
@click.option("--group-by", metavar="NAMES", help="Dimensions, separated by commas: country,platform.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="CONDITION",
    help="platform=ios, country=DE,AT (any of them), build!=1.0, attributes.level>=10, device~^iPhone (regular "
    "expression), event_id*=boss (contains), custom_01 (is set), !custom_01 (is not). May be repeated: all must hold.",
)
@click.option("--top", type=click.IntRange(1, 1000), help="Number of groups; all others are one group, (other).")
@click.option(
    "--compare",
    metavar="PERIOD",
    help="Add the numbers of another period: previous_period (of the same length), previous_weekdays (moved back by "
    "whole weeks), previous_year (the same dates), or days as in --period.",
)
@click.option("--totals", is_flag=True, help="Add a row for the whole period without groups.")
@click.option("--intervals", is_flag=True, help="Add numerators, denominators and 95 % intervals.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Format of the answer."
)
@console_options
def command(
    question: str | None,
    game: str | None,
    analysis: str,
    form: str,
    data: Path,
    url: str | None,
    token: str | None,
    **options: Any,
) -> None:
    """Answer a question about a game. Options give the question, or QUESTION, the JSON of the HTTP API, or both; with
    `-` the JSON is read from standard input.

    \b
    questlog query --metrics dau,revenue --period 30d --group-by country --top 5
    questlog query --analysis retention --period 4w
    questlog query --analysis retention --period last-month '{"ages": 14, "group_by": ["country"]}'
    questlog query --format parquet - < question.json > answer.parquet
    """  # noqa: D301 - the \b keeps click from joining the lines
    refuse_terminal(form)
    console = find_console(data, url, token)
    asked_game = find_game(console, game)
    body = _question(question, options, analysis, asked_game.today(SystemClock()))
    print_answer(console, f"{asked_game.path}/{analysis}", body, form)


def _question(question: str | None, options: Mapping[str, Any], analysis: str, today: dt.date) -> Mapping[str, Any]:
    """The question of the JSON and the options together."""
    given = _of_options(options, today)
    if question is None:
        if analysis == _METRICS and not given.keys() >= {"metrics", "period"}:
            raise click.UsageError("give --metrics and --period, or a question as JSON")
        return given
    read = _of_json(sys.stdin.read() if question == "-" else question)
    for name in given.keys() & read.keys():
        raise click.UsageError(f"--{name.replace('_', '-')} is in the JSON too; give it once")
    return {**read, **given}


def _of_json(text: str) -> Mapping[str, Any]:
    try:
        read = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise click.UsageError(f"the question is not JSON; the mistake is at {place}") from None
    except (ValueError, RecursionError):
        raise click.UsageError("the question is not JSON") from None
    if not isinstance(read, dict):
        raise click.UsageError("the question must be a JSON object")
    return read


def _of_options(options: Mapping[str, Any], today: dt.date) -> Mapping[str, Any]:
    given = {
        "metrics": questions.names(options["metrics"] or ""),
        "period": options["period"] and questions.period(options["period"], today),
        "granularity": options["granularity"],
        "group_by": questions.names(options["group_by"] or ""),
        "filter": questions.all_of(options["filters"]),
        "top": options["top"],
        "compare": options["compare"] and questions.compare(options["compare"], today),
        "totals": options["totals"],
        "intervals": options["intervals"],
    }
    return {name: value for name, value in given.items() if value}
