"""The views of the terminal studio: one screen a file."""
