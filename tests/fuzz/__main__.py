"""``python -m tests.fuzz``: any number of cases of some or all kinds."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from .campaign import all_kinds, run

HELPERS = Path(__file__).parents[1] / "helpers"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--kind", action="append", help="only kinds whose name has this in it")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HELPERS))  # where pytest looks by its configuration
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    total = 0
    for kind in all_kinds():
        if arguments.kind and not any(part in kind.name for part in arguments.kind):
            continue
        began = time.perf_counter()
        place = folder / kind.name.replace(" ", "-")
        found = run(kind, place, arguments.cases, arguments.first)
        seconds = time.perf_counter() - began
        sys.stdout.write(
            f"{kind.name}: {arguments.cases:,} cases, {len(found)} findings, {seconds:.0f} s\n"
        )
        for finding in found:
            sys.stdout.write(f"\ncase {finding.case}: {finding.file}\n{finding.problem}\n")
        total += len(found)
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
