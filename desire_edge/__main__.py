"""`python -m desire_edge`, the same as `desire-edge`."""

from desire_edge.cli import main

main(prog_name="desire-edge")
