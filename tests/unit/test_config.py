import re
from pathlib import Path

import pytest

from questlog.config import ConfigError, Settings, load, section_types, setting_infos, unknown_variables


def write(directory: Path, text: str) -> Path:
    path = directory / "questlog.toml"
    path.write_text(text, encoding="utf-8")
    return path


def message(data_dir: Path, **given: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(data_dir, **given)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert (settings.collector.host, settings.collector.port, settings.console.port) == ("0.0.0.0", 7450, 7451)  # noqa: S104
    assert settings.event.sessionless_events_grace_period_sec == 3600
    assert settings.journal_dir == tmp_path / "journal"
    assert settings.control_database == tmp_path / "control.sqlite3"


def test_every_setting_has_a_description_and_its_default_is_valid(tmp_path: Path) -> None:
    infos = [info for section in section_types() for info in setting_infos(section)]
    assert len(infos) > 25
    for info in infos:
        assert [meta.description for meta in info.type.__metadata__ if meta.description], info.key
        load(tmp_path, overrides={info.key: info.default})


def test_environment_beats_file_and_flag_beats_environment(tmp_path: Path) -> None:
    write(tmp_path, "[collector]\nport = 1001\nworkers = 1\nmax_body_bytes = 2048\n")
    environ = {"QUESTLOG_COLLECTOR_PORT": "1002", "QUESTLOG_COLLECTOR_WORKERS": "2", "HOME": "/"}
    collector = load(tmp_path, environ=environ, overrides={"collector.port": 1003}).collector
    assert (collector.port, collector.workers, collector.max_body_bytes) == (1003, 2, 2048)


def test_text_of_environment_and_flags_is_converted(tmp_path: Path) -> None:
    settings = load(
        tmp_path, environ={"QUESTLOG_JOURNAL_KEEP_S": "1.5"}, overrides={"collector.port": "80", "log.level": "debug"}
    )
    assert (settings.journal.keep_s, settings.collector.port, settings.log.level) == (1.5, 80, "debug")


def test_a_named_file_is_read_instead_of_the_one_in_the_data_directory(tmp_path: Path) -> None:
    write(tmp_path, "[collector]\nport = 1001\n")
    other = tmp_path / "other.toml"
    other.write_text("[store]\nthreads = 3\n", encoding="utf-8")
    settings = load(tmp_path, other)
    assert (settings.collector.port, settings.store.threads) == (7450, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[collector]\nprot = 1\n", r"unknown setting collector\.prot .*did you mean collector\.port\?"),
        ("[colector]\nport = 1\n", r"unknown section colector .*did you mean collector\?"),
        ("collector = 3\n", r"collector: must be a table"),
        ('[collector]\nport = "7450"\n', r"collector\.port: expected `int`, got `str`, is '7450'"),
        ("[collector]\nport = 70000\n", r"collector\.port: expected `int` <= 65535, is 70000"),
        ("[collector]\nworkers = true\n", r"collector\.workers: expected `int`, got `bool`"),
        ("[journal]\nkeep_s = inf\n", r"journal\.keep_s: expected `float` <= "),
        ("[journal]\nkeep_s = nan\n", r"journal\.keep_s: expected `float` >= "),
        ('[log]\nlevel = "loud"\n', r"log\.level: "),
        ("[collector\n", r"is not TOML"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    refusal = message(tmp_path)
    assert re.search(expected, refusal)
    assert str(path) in refusal


def test_a_missing_named_file_is_refused(tmp_path: Path) -> None:
    assert message(tmp_path, file=tmp_path / "absent.toml").startswith("cannot read ")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "questlog.toml").write_bytes(b"\xff\xfe")
    assert "is not TOML" in message(tmp_path)


def test_an_unknown_variable_is_no_refusal(tmp_path: Path) -> None:
    assert load(tmp_path, environ={"QUESTLOG_SATORI_SIGNINGKEY": "secret"}) == load(tmp_path)


def test_an_unknown_variable_is_told_with_the_nearest_setting_and_without_its_value() -> None:
    environ = {"QUESTLOG_SATORI_SIGNINGKEY": "secret", "QUESTLOG_COLLECTOR_PORT": "80", "HOME": "/"}
    assert unknown_variables(environ) == [("QUESTLOG_SATORI_SIGNINGKEY", "QUESTLOG_SATORI_SIGNING_KEY")]


def test_a_misspelt_option_is_told_with_the_nearest_option() -> None:
    assert unknown_variables({"QUESTLOG_DATA_DIR": "/data"}) == [("QUESTLOG_DATA_DIR", "QUESTLOG_DATA")]


def test_variables_of_kubernetes_services_are_neither_settings_nor_unknown(tmp_path: Path) -> None:
    environ = {
        name: value
        for service in ("QUESTLOG", "QUESTLOG_COLLECTOR", "QUESTLOG_CONSOLE")
        for name, value in (
            (f"{service}_SERVICE_HOST", "10.0.0.11"),
            (f"{service}_SERVICE_PORT", "7450"),
            (f"{service}_SERVICE_PORT_GAMES", "7450"),
            (f"{service}_PORT", "tcp://10.0.0.11:7450"),
            (f"{service}_PORT_7450_TCP", "tcp://10.0.0.11:7450"),
            (f"{service}_PORT_7450_TCP_PROTO", "tcp"),
            (f"{service}_PORT_7450_TCP_PORT", "7450"),
            (f"{service}_PORT_7450_TCP_ADDR", "10.0.0.11"),
        )
    }
    assert unknown_variables(environ) == []
    assert load(tmp_path, environ=environ) == load(tmp_path)


def test_a_port_that_no_service_set_is_told() -> None:
    assert [name for name, _ in unknown_variables({"QUESTLOG_PORT": "8000"})] == ["QUESTLOG_PORT"]


def test_an_unknown_flag_is_refused_naming_the_nearest(tmp_path: Path) -> None:
    assert message(tmp_path, overrides={"satori.token_lifetime": 3}).endswith("did you mean satori.token_lifetime_s?")


def test_variables_of_command_line_options_are_no_settings(tmp_path: Path) -> None:
    environ = {"QUESTLOG_DATA": "/x", "QUESTLOG_CONFIG": "y", "QUESTLOG_TOKEN": "z"}
    assert load(tmp_path, environ=environ) == load(tmp_path)


def test_secrets_are_neither_in_repr_nor_in_errors(tmp_path: Path) -> None:
    secrets = {"satori.signing_key": "hunter2", "control.url": "postgresql://u:hunter2@host/db"}
    settings = load(tmp_path, overrides=secrets)
    assert isinstance(settings, Settings)
    assert settings.satori.signing_key == "hunter2"
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)
    assert "hunter2" not in message(tmp_path, overrides={"satori.signing_key": ["hunter2"]})


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        load(tmp_path).collector.port = 1  # type: ignore[misc]
