"""The parts of `benchmarks/house.py`, each independent of the others."""
