"""Loading and asking at once, for minutes: how old the newest visible event is, how long questions take, what memory.

Events arrive at a fixed rate at real collectors, most of them of now and some of earlier days, while askers ask one
question after the other without a pause, each a different one of `QUESTIONS` at a time.
"""

import datetime as dt
import http.client
import itertools
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.bench.ingest.ingest import busy_cpu, tree_cpu
from tests.bench.percentiles import percentile
from tests.bench.whole import _COUNT, EVENTS_PER_REQUEST, _ask, _processes
from tests.support.installation import SANDBOX_GAME_KEY, Installation, installation

LATE_SHARE = 0.02
SAMPLE_S = 0.25
SHOWN_EVERY_S = 60
SETTLE_S = 3
CATCH_UP_S = 120
TO_REACH = {"age_p95_s": 2.0, "question_p95_ms": 500.0}
_NEWEST = "SELECT epoch(max(received_at)) AS received_s, epoch(now()::TIMESTAMP) AS now_s FROM events"
_PERIOD_DAYS = 30
_FUNNEL = ("Start:world01", "Complete:world01", "Start:world02")


class Load(NamedTuple):
    """How much is sent, by how many players, and how many ask meanwhile."""

    events_per_s: int = 15_000
    seconds: int = 420
    players: int = 20_000
    askers: int = 4


class Sample(NamedTuple):
    """One look: seconds since the start, age of the newest visible event, the server's memory in MB."""

    at_s: float
    age_s: float
    resident_mb: float
    own_mb: float


class Asked(NamedTuple):
    """One question: when it was asked (seconds since the start), which, what it took, the status of the answer."""

    at_s: float
    kind: str
    took_ms: float
    status: int


def questions(today: dt.date) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Path and body of each question, over the last 30 days."""
    period = {"start": str(today - dt.timedelta(_PERIOD_DAYS - 1)), "end": str(today)}
    steps = [{"category": "progression", "event_id": event_id, "is_prefix": True} for event_id in _FUNNEL]
    return {
        "dau and revenue": ("query", {"metrics": ["dau", "revenue"], "period": period}),
        "dau by build": ("query", {"metrics": ["dau"], "period": period, "group_by": ["build"]}),
        "retention": ("retention", {"period": period, "ages": 14}),
        "funnel": ("funnel", {"period": period, "steps": steps, "window_s": 86_400}),
        "explore": ("explore", {"period": period, "depth": 2, "measures": ["count", "sum", "players"]}),
        "realtime": ("realtime", {}),
    }


def measure(folder: Path, load: Load, settings: Mapping[str, object] | None = None) -> None:
    """Print how it went, minute by minute and as a whole."""
    print(
        f"\n== the soak: {load.events_per_s:,} events/s for {load.seconds} s of {load.players:,} players,"
        f" {LATE_SHARE:.0%} of earlier days; {load.askers} askers",
        flush=True,
    )
    stream = folder / "stream"
    requests_per_s = load.events_per_s / EVENTS_PER_REQUEST
    _make_stream(stream, load, requests_per_s)
    chosen = {"collector.workers": 0, "loader.tick_ms": 250, **(settings or {})}
    with installation(folder / "soak", chosen) as made:
        made.start_run()
        _ask(made, _COUNT)
        time.sleep(SETTLE_S)
        Soak(made, load).run(stream, requests_per_s)


def _make_stream(file: Path, load: Load, requests_per_s: float) -> None:
    requests = int(requests_per_s * load.seconds)
    command = [sys.executable, "-m", "tests.bench.ingest.make_stream", str(file), "--requests", str(requests)]
    command += ["--players", str(load.players), "--late-share", str(LATE_SHARE), "--start", str(int(time.time()))]
    subprocess.run([*command, "--requests-per-s", str(requests_per_s)], check=True)


class Soak:
    """One run over a running installation."""

    def __init__(self, made: Installation, load: Load) -> None:
        self._made = made
        self._load = load
        self._processes = _processes(made)
        self._began = time.monotonic()
        self._over = threading.Event()
        self.samples: list[Sample] = []
        self.asked: list[Asked] = []
        self.missed = 0

    def run(self, stream: Path, requests_per_s: float) -> None:
        """Send, ask and watch; then print."""
        before = {name: tree_cpu((pid,)) for name, pid in self._processes.items()}
        others = busy_cpu()
        self._began = time.monotonic()
        threads = [threading.Thread(target=self._watch)]
        threads += [threading.Thread(target=self._keep_asking, args=(number,)) for number in range(self._load.askers)]
        for thread in threads:
            thread.start()
        command = [sys.executable, "-m", "tests.bench.ingest.send_stream", str(stream)]
        command += [str(self._made.collector_port), "--requests-per-s", str(requests_per_s)]
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        self._over.set()
        for thread in threads:
            thread.join()
        if ran.returncode:
            sys.exit("the sender failed")
        used = {name: tree_cpu((pid,)) - before[name] for name, pid in self._processes.items()}
        sent = json.loads(ran.stdout)
        busy = (busy_cpu() - others) / sent["seconds"]
        self._print_sent(sent)
        self._print_minutes()
        self._print_ages()
        self._print_questions()
        shown = ", ".join(f"{name} {cpu / sent['seconds']:.2f}" for name, cpu in used.items())
        print(f"cores used: {shown}, the whole machine {busy:.2f}")
        self._print_stored(int(sent["accepted"]) * EVENTS_PER_REQUEST)

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            answer = self._made.console("POST", "/api/v1/sql", msgspec.json.encode({"sql": _NEWEST}))
            if answer.status != HTTPStatus.OK:
                self.missed += 1
                continue
            [newest] = answer.json()
            if newest["received_s"] is not None:
                age_s = float(newest["now_s"]) - float(newest["received_s"])
                self.samples.append(Sample(self._now_s(), age_s, *_memory_mb(self._processes["serve"])))

    def _keep_asking(self, number: int) -> None:
        """One question after the other, each asker beginning at another one."""
        place = json.loads((self._made.data_dir / "console.json").read_bytes())
        headers = {"Authorization": f"Bearer {place['token']}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self._made.console_port, timeout=120)
        asked = list(questions(_today()).items())
        for kind, (path, body) in itertools.islice(itertools.cycle(asked), number, None):
            if self._over.is_set():
                break
            began = time.monotonic()
            connection.request("POST", f"/api/v1/games/{SANDBOX_GAME_KEY}/{path}", msgspec.json.encode(body), headers)
            answer = connection.getresponse()
            told = answer.read()
            self.asked.append(Asked(began - self._began, kind, (time.monotonic() - began) * 1000, answer.status))
            if answer.status >= 300:
                print(f"{kind}: {answer.status} {told[:300]!r}", file=sys.stderr)
                time.sleep(SAMPLE_S)
        connection.close()

    def _now_s(self) -> float:
        return time.monotonic() - self._began

    def _print_sent(self, sent: Mapping[str, Any]) -> None:
        events = sent["accepted"] * EVENTS_PER_REQUEST
        print(
            f"sent {events:,} events at {events / sent['seconds']:,.0f}/s, {sent['refused']} requests refused"
            f" {sent['first_refusals'] or ''}; answers p50 {sent['p50_ms']:.1f} ms, p99 {sent['p99_ms']:.1f} ms,"
            f" most {sent['max_ms']:.0f} ms"
        )

    def _print_minutes(self) -> None:
        print(
            f"{'from s':>7} {'age p50':>8} {'p95':>6} {'max':>6} {'questions':>10} {'p50 ms':>7} {'p95 ms':>7}   memory"
        )
        for start in range(0, self._load.seconds, SHOWN_EVERY_S):
            samples = [each for each in self.samples if start <= each.at_s < start + SHOWN_EVERY_S]
            took = [each.took_ms for each in self.asked if start <= each.at_s < start + SHOWN_EVERY_S]
            if samples and took:
                ages = [each.age_s for each in samples]
                print(
                    f"{start:7} {_shown(ages, '8.2f', 0.5)} {_shown(ages, '6.2f', 0.95)} {max(ages):6.2f}"
                    f" {len(took):10}"
                    f" {_shown(took, '7.0f', 0.5)} {_shown(took, '7.0f', 0.95)}   {samples[-1].resident_mb:,.0f} MB,"
                    f" {samples[-1].own_mb:,.0f} of it its own"
                )

    def _print_ages(self) -> None:
        ages = [each.age_s for each in self.samples]
        print(
            f"age of the newest visible event: median {_shown(ages, '.2f', 0.5)} s, p95 {_shown(ages, '.2f', 0.95)} s,"
            f" most {max(ages):.2f} s ({len(ages)} samples, {self.missed} times no answer);"
            f" to reach: {TO_REACH['age_p95_s']} s"
        )
        print(
            f"memory of the server: at most {max(each.resident_mb for each in self.samples):,.0f} MB,"
            f" {max(each.own_mb for each in self.samples):,.0f} of it its own"
        )

    def _print_questions(self) -> None:
        by_kind = defaultdict(list)
        for each in self.asked:
            by_kind[each.kind].append(each.took_ms)
        for kind, took in [*by_kind.items(), ("all", [each.took_ms for each in self.asked])]:
            print(
                f"{kind:16} {len(took):7,} times: p50 {_shown(took, '6.0f', 0.5)} ms,"
                f" p95 {_shown(took, '6.0f', 0.95)} ms, most {max(took):6.0f} ms"
            )
        statuses = Counter(each.status for each in self.asked)
        print(f"to reach: p95 of all {TO_REACH['question_p95_ms']:.0f} ms; answers by status: {dict(statuses)}")

    def _print_stored(self, expected: int) -> None:
        deadline = time.monotonic() + CATCH_UP_S
        began = time.monotonic()
        while _ask(self._made, _COUNT) < expected and time.monotonic() < deadline:
            time.sleep(SAMPLE_S)
        stored = _ask(self._made, _COUNT)
        ids = _ask(self._made, "SELECT count(DISTINCT event_uuid) AS n FROM events")
        print(
            f"acknowledged {expected:,}, stored {stored:,} rows with {ids:,} different ids,"
            f" {time.monotonic() - began:.1f} s after the last answer"
        )
        if not expected == stored == ids:
            sys.exit("what is stored is not what was acknowledged")


def _today() -> dt.date:
    return dt.datetime.fromtimestamp(time.time(), dt.UTC).date()


def _shown(values: Sequence[float], form: str, share: float) -> str:
    return format(percentile(values, share), form)


def _memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process, and what of it is not of files."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = [re.search(rf"{name}:\s+(\d+)", status) for name in ("VmRSS", "RssAnon")]
    resident, own = (int(each[1]) / 1024 if each else 0.0 for each in found)
    return resident, own
