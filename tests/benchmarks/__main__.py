"""Run the benchmarks: ``tests/benchmarks/run [part ...] [--runs N] [--quick]``."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the tests' own modules

from benchmarks import peers, report
from benchmarks.cases import PARTS
from benchmarks.lab import Lab, opened
from benchmarks.measure import BenchmarkError

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure the parts that were asked for, then report on all that were ever measured."""
    asked = _arguments()
    parts = asked.parts or [*PARTS, "peers"]
    if parts != ["report"]:
        RESULTS.mkdir(exist_ok=True)
        with opened() as lab:
            try:
                for part in parts:
                    _measure(lab, part, asked.runs, asked.quick)
            except BenchmarkError as error:
                print(error, file=sys.stderr)
                return 1
    records = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    print(report.write(records, quick=asked.quick))
    return 0


def _measure(lab: Lab, part: str, runs: int, quick: bool) -> None:
    measure = peers.peers if part == "peers" else PARTS[part]
    print(f"--- {part}", file=sys.stderr, flush=True)
    about = {
        "part": part,
        "quick": quick,
        "server": lab.server.version,
        "postgresql": lab.postgresql.version,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {_cores()} cores",
        "records": measure(lab, runs, quick),
    }
    (RESULTS / f"{part}.json").write_text(json.dumps(about, indent=1))


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/benchmarks/run", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        choices=[*PARTS, "peers", "report", []],
        help="which to measure; all if none is named; report only prints what is there",
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each case; medians count")
    parser.add_argument("--quick", action="store_true", help="small sizes only, for a try")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
