"""Write many different requests, for measuring the whole path: every event with an id of its own.

    python -m tests.bench.ingest.make_stream FILE --requests 50000 [--players 20000]
        [--start SECONDS --requests-per-s 750 --late-share 0.02]

The format is that of make_bodies.py: 20 events a request, gzip. Players come back in later requests with new sessions,
as in the field; the same seed gives the same events. With `--start`, a Unix time, the clients' times are those at which
the requests are to be sent, but for the late ones: they are 1 to 30 days older.
"""

import argparse
import gzip
import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.ingest.make_bodies import Event, annotations, category_fields, random_uuid, signature

EVENTS_PER_REQUEST = 20
FIRST_CLIENT_TS = 1_763_750_000
CATEGORIES = ["business", "resource", "progression", "design", "error"]
WEIGHTS = [2, 23, 25, 38, 2]
DAY_S = 86_400
MOST_DAYS_LATE = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--players", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--start", type=int, help="Unix time of the first request; by default all times are of one day")
    parser.add_argument("--requests-per-s", type=float, default=750.0, help="with --start")
    parser.add_argument("--late-share", type=float, default=0.0, help="share of sessions of earlier days, with --start")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    begins = (
        of_one_day if options.start is None else as_sent(rng, options.start, options.requests_per_s, options.late_share)
    )
    size = 0
    with options.file.open("wb") as out:
        for events in sessions(rng, options.requests, options.players, begins):
            body = gzip.compress(json.dumps(events, separators=(",", ":")).encode(), 1, mtime=0)
            signed = signature(body)
            size += len(body)
            out.write(b"%d %d\n%b%b" % (len(signed), len(body), signed, body))
    print(f"{options.requests} requests, {size / options.requests:.0f} bytes each", file=sys.stderr)


def of_one_day(number: int) -> int:
    """When the session of a request begins: a second after that of the one before, all day long."""
    return FIRST_CLIENT_TS + number % DAY_S


def as_sent(rng: random.Random, start: int, requests_per_s: float, late_share: float) -> Callable[[int], int]:
    """When the session of a request begins: so that it ends when the request is sent, or days earlier."""

    def begins(number: int) -> int:
        days_late = rng.randint(1, MOST_DAYS_LATE) if rng.random() < late_share else 0
        return int(start + number / requests_per_s) - EVENTS_PER_REQUEST - days_late * DAY_S

    return begins


def sessions(rng: random.Random, requests: int, players: int, begins: Callable[[int], int]) -> Iterator[list[Event]]:
    """One session of one player a request: `user`, others, `session_end`."""
    known = [annotations(rng) for _ in range(min(players, requests))]
    for number in range(requests):
        shared = {**known[rng.randrange(len(known))], "session_id": random_uuid(rng), "session_num": 1 + number % 90}
        shared.pop("android_id", None)
        start = begins(number)
        categories = ["user", *rng.choices(CATEGORIES, WEIGHTS, k=EVENTS_PER_REQUEST - 2), "session_end"]
        yield [
            {
                **shared,
                "event_uuid": random_uuid(rng),
                "client_ts": start + i,
                "category": category,
                **category_fields(rng, category),
            }
            for i, category in enumerate(categories)
        ]


if __name__ == "__main__":
    main()
