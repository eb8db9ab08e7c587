"""Training: from random weights, or from published ones, to weights that `ovi render` loads."""
