"""Weight files on disk: which there are, where they lie, what their identity is. Never torch."""
