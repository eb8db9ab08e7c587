"""Rewriting prompts: what may change, who writes it, and what is accepted. No screens."""
