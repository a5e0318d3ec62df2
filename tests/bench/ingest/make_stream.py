"""Write many different requests, for measuring the whole path: every event with an id of its own.

    python -m tests.bench.ingest.make_stream FILE --requests 50000 [--players 20000]

The format is that of make_bodies.py: 20 events a request, gzip. Players come back in later requests with new sessions,
as in the field; the same seed gives the same events.
"""

import argparse
import gzip
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.ingest.make_bodies import Event, annotations, category_fields, random_uuid, signature

EVENTS_PER_REQUEST = 20
FIRST_CLIENT_TS = 1_763_750_000
CATEGORIES = ["business", "resource", "progression", "design", "error"]
WEIGHTS = [2, 23, 25, 38, 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--players", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    size = 0
    with options.file.open("wb") as out:
        for events in sessions(rng, options.requests, options.players):
            body = gzip.compress(json.dumps(events, separators=(",", ":")).encode(), 1, mtime=0)
            signed = signature(body)
            size += len(body)
            out.write(b"%d %d\n%b%b" % (len(signed), len(body), signed, body))
    print(f"{options.requests} requests, {size / options.requests:.0f} bytes each", file=sys.stderr)


def sessions(rng: random.Random, requests: int, players: int) -> Iterator[list[Event]]:
    """One session of one player a request: `user`, others, `session_end`."""
    known = [annotations(rng) for _ in range(min(players, requests))]
    for number in range(requests):
        shared = {**known[rng.randrange(len(known))], "session_id": random_uuid(rng), "session_num": 1 + number % 90}
        shared.pop("android_id", None)
        start = FIRST_CLIENT_TS + number % 86_400
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
