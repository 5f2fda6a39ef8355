"""The scalars of the head `prior` by name: what training learns of them, a bundle ships and a device reads."""

TRUSTS = ("names", "base", "examples", "neighbours", "temperature")
SCALARS = (
    *(f"{name}{suffix}" for name in TRUSTS for suffix in ("", "_examples", "_labels")),
    *("bias_variance", "bias", "bias_labels", "shift", "shift_labels", "balance"),
)
"""What stands where. Of each trust there are its logarithm at 25 examples and 5 labels, and its slopes in the
logarithms of both; `bias_variance` is a logarithm too."""
