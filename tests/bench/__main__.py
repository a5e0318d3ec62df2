"""`make bench`: the measurements in turn. Absolute figures are of this machine and these minutes; ratios count.

python -m tests.bench [collector] [whole] [dedupe] [growth] [queries] [metrics] [soak]
    [loading [--other SRC]] [--rounds 5] [--events 10000000]
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench import collector, dedupe, growth, loading, soak, whole
from tests.bench.queries import comparison, metrics

PARTS = ("collector", "whole", "dedupe", "growth", "queries", "metrics", "soak", "loading")


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="which measurements; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="paired rounds of the collector; of each question")
    parser.add_argument("--seconds", type=int, default=5, help="length of a round")
    parser.add_argument("--rate", type=int, default=50_000, help="events/s sent to the whole")
    parser.add_argument("--load-seconds", type=int, default=30, help="how long the whole is loaded")
    parser.add_argument(
        "--keys",
        type=int,
        default=10_000_000,
        help="most ids of the de-duplication, events of the store",
    )
    parser.add_argument("--events", type=int, default=10_000_000, help="events of the history that is asked about")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of the engines that are asked")
    parser.add_argument("--kept", type=Path, help="folder where history and store of the questions are kept")
    parser.add_argument("--soak-rate", type=int, default=15_000, help="events/s of the soak")
    parser.add_argument("--soak-seconds", type=int, default=420, help="how long the soak lasts")
    parser.add_argument("--players", type=int, default=20_000, help="players of the soak")
    parser.add_argument("--askers", type=int, default=4, help="how many ask without a pause in the soak")
    parser.add_argument("--other", type=Path, help="`src` of another version, loaded in turn with this one")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="settings of the soak's server"
    )
    parser.add_argument("--work", type=Path, help="folder on the disk to measure; a temporary one by default")
    options = parser.parse_args()
    parts = options.parts or PARTS
    missing = [name for name in ("wrk", "nginx") if not shutil.which(name)]
    if missing and {"collector", "whole"} & set(parts):
        sys.exit(
            f"{' and '.join(missing)} not installed: tests/bench/ingest/reference/install.sh installs both (Debian)"
        )
    with tempfile.TemporaryDirectory(prefix="questlog-bench-", dir=options.work) as folder:
        if "collector" in parts:
            collector.measure(Path(folder), options.rounds, options.seconds)
        if "whole" in parts:
            whole.measure(Path(folder), options.rate, options.load_seconds)
        if "dedupe" in parts:
            dedupe.measure(Path(folder), options.keys)
        if "growth" in parts:
            growth.measure(Path(folder), options.keys)
        if "queries" in parts:
            comparison.measure(Path(folder), options.events, options.rounds, options.threads, options.kept)
        if "metrics" in parts:
            metrics.measure(Path(folder), options.events, options.rounds, options.threads, options.kept)
        if "soak" in parts:
            load = soak.Load(options.soak_rate, options.soak_seconds, options.players, options.askers)
            soak.measure(Path(folder), load, dict(setting.split("=", 1) for setting in options.set))
        if "loading" in parts:
            loading.measure(Path(folder), options.other, options.rounds, options.load_seconds)


if __name__ == "__main__":
    main()
