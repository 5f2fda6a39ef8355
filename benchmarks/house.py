"""What the house promises of itself: `python benchmarks/house.py [--part NAME]` writes results/house.json.

Each part measures one thing and replaces what the file says of it; the rest of the file stays as it is.
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module

from parts.part import Measured
from record import merge_result
from timing import without_overrides

PARTS = {
    "adapt": "adapt_over_before",
    "readers": "readers",
    "clients": "clients_agree",
    "outer step": "outer_step",
}
"""Each part's module, of which only those asked for are loaded: what one needs must not weigh on what another times."""


def main() -> None:
    """Measure the parts asked for, and write each."""
    without_overrides()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--part", choices=PARTS, action="append", help="only this one (may be given more than once)"
    )
    arguments = parser.parse_args()
    for name in arguments.part or PARTS:
        measured: Measured = import_module(f"parts.{PARTS[name]}").measure()
        merge_result("house", name, measured.metrics, measured.details)
        print(json.dumps(dict(measured.metrics), indent=2))


if __name__ == "__main__":
    main()
