"""Measures a machine: what the chip can do, and what each stage of a render takes of it."""
