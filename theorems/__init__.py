"""The catalogue: one module per paper, one folder per topic."""
