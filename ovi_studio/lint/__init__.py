"""Checks prompts and prompt sets: findings are values, and rules are one file each."""
