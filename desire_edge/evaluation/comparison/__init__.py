"""Table 1: every method of the paper on the same tasks, trained on the same data with the same budget."""
