"""What a prompt is: its language, its sets, its timing. Pure; no files, no rules."""
