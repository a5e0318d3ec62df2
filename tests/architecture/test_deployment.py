"""What `Dockerfile`, `compose.yaml` and `deploy/` say is what the settings and the repository say."""

import re
from pathlib import Path

from questlog.config import CollectorSettings, ConsoleSettings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
UNIT = (ROOT / "deploy" / "questlog.service").read_text()
CADDY = (ROOT / "deploy" / "Caddyfile").read_text()
NGINX = (ROOT / "deploy" / "nginx.conf").read_text()

PORTS = {CollectorSettings().port, ConsoleSettings().port}


def test_the_image_is_made_of_files_that_are_there() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert copied == [".", "locks/runtime.lock"]
    assert all((ROOT / source).exists() for source in copied)


def test_what_the_build_needs_is_not_left_out_of_it() -> None:
    left_out = {line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")}
    assert not left_out & {"Makefile", "pyproject.toml", "src", "frontend", "locks", "README.md", "LICENSE", "NOTICE"}


def test_ports_are_those_of_the_settings() -> None:
    exposed = re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)
    assert {int(port) for port in exposed[0].split()} == PORTS
    assert {int(port) for port in re.findall(r"for port in \((\d+), (\d+)\)", DOCKERFILE)[0]} == PORTS
    assert {int(port) for port in re.findall(r'"(?:127\.0\.0\.1:)?\d+:(\d+)"', COMPOSE)} == PORTS
    assert {int(port) for port in re.findall(r"reverse_proxy 127\.0\.0\.1:(\d+)", CADDY)} == PORTS
    assert {int(port) for port in re.findall(r"server 127\.0\.0\.1:(\d+);", NGINX)} == PORTS


def test_the_console_is_published_to_its_machine_only() -> None:
    assert f'"127.0.0.1:{ConsoleSettings().port}:{ConsoleSettings().port}"' in COMPOSE


def test_proxies_take_bodies_as_large_as_a_collector_does() -> None:
    largest = CollectorSettings().max_body_bytes
    assert re.findall(r"> (\d+)`", CADDY) == [str(largest)]
    assert all(int(size) << 20 >= largest for size in re.findall(r"client_max_body_size (\d+)m;", NGINX))


def test_proxies_name_one_address() -> None:
    assert "$proxy_add_x_forwarded_for;" not in NGINX
    assert NGINX.count("X-Forwarded-For $remote_addr;") == CADDY.count("X-Forwarded-For {remote_host}") == 2


def test_nothing_of_it_runs_as_root() -> None:
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "\nUser=questlog\n" in UNIT
