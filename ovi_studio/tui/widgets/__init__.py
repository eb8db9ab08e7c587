"""The parts of the terminal studio's screens: one widget a file."""
