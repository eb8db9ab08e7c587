"""Facts about the released checkpoints, and requests. Standard library only, never torch."""
