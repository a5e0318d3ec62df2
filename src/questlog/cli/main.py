"""`questlog`: the command line."""

import os
import sys
from pathlib import Path

import click

from questlog.cli.groups import LazyCommand, LazyGroup

COMMANDS = {
    "run": LazyCommand("questlog.cli.run:command", "Run everything on this machine: collectors and the server."),
    "collect": LazyCommand(
        "questlog.cli.collect:command", "Run only the collectors: accept events, write the journal."
    ),
    "serve": LazyCommand("questlog.cli.serve:command", "Run only the server: loader, store, API, status page."),
    "game": LazyCommand("questlog.cli.game:command", "Games and their keys."),
    "event": LazyCommand("questlog.cli.event:command", "Event names that a strict game accepts."),
    "api-key": LazyCommand("questlog.cli.api_key:command", "API keys for Satori."),
    "token": LazyCommand("questlog.cli.token:command", "Tokens for the HTTP API."),
    "user": LazyCommand("questlog.cli.user:command", "Users, their roles and log-ins."),
    "audit": LazyCommand("questlog.cli.audit:command", "Show who did what."),
    "control": LazyCommand("questlog.cli.control_database:command", "The control database: move it to PostgreSQL."),
    "sql": LazyCommand("questlog.cli.sql:command", "Ask the running server in SQL."),
    "query": LazyCommand("questlog.cli.query:command", "Ask the running server about a game: metrics, retention, …."),
    "saved": LazyCommand("questlog.cli.saved:command", "Saved questions of a game: list and run them."),
    "metrics": LazyCommand("questlog.cli.catalogue:metrics", "List the metrics, with their definitions."),
    "dimensions": LazyCommand("questlog.cli.catalogue:dimensions", "List the dimensions, with their meanings."),
    "events": LazyCommand("questlog.cli.catalogue:events", "List the events that a game sent."),
    "rebuild": LazyCommand("questlog.cli.rebuild:command", "Compute all rollups again from the events."),
    "reprice": LazyCommand(
        "questlog.cli.reprice:command", "Compute amounts in US dollars again with current exchange rates."
    ),
    "demo": LazyCommand("questlog.cli.demo:command", "Make a game full of made-up data, or remove it."),
    "doctor": LazyCommand("questlog.cli.doctor:command", "Check the installation and say what to do."),
}


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("questlog")
    except PackageNotFoundError:
        found = "(not installed)"
    click.echo(f"questlog {found}")
    ctx.exit()


program = LazyGroup(
    COMMANDS,
    name="questlog",
    help="Self-hosted game analytics for the GameAnalytics and Satori protocols.",
    epilog="`questlog COMMAND --help` explains a command. Data go to stdout, messages to stderr.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show the version and exit.",
        )
    ],
)


def main() -> None:
    """Run the command line: exit code 0, or another with one line on stderr. Never a traceback."""
    sys.exit(_run())


def _run() -> int:
    try:
        status = program.main(
            prog_name="questlog",
            default_map=_locations_of_environment(),
            color=False if os.environ.get("NO_COLOR") else None,
            standalone_mode=False,
        )
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _fail(_message(error), error.exit_code)
    except click.Abort:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the boundary to the person at the terminal
        return _fail(_one_line(error), 1)
    return status if isinstance(status, int) else 0


def _fail(message: str, status: int) -> int:
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {message}", err=True, color=color)
    return status


def _message(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message.rstrip('.')} (see `{error.ctx.command_path} --help`)"
    return message


def _locations_of_environment() -> dict[str, Path]:
    variables = {"data": "QUESTLOG_DATA", "config": "QUESTLOG_CONFIG"}
    return {name: Path(os.environ[variable]) for name, variable in variables.items() if os.environ.get(variable)}


def _one_line(error: Exception) -> str:
    """What went wrong; for what nobody foresaw also where, for the report of the fault."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    message = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] != "questlog":
        library = error.name.partition(".")[0]
        return f"the library {library} is not installed: install the libraries in runtime.lock of this version"
    if _is_expected(error):
        return message
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
    return f"unexpected {type(error).__name__}{place}: {message}"


def _is_expected(error: Exception) -> bool:
    from questlog.config import ConfigError
    from questlog.control.errors import ControlError

    return isinstance(error, (ConfigError, ControlError))
