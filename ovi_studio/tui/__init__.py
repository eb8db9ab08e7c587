"""The studio on a terminal: write, rewrite, render and choose on one screen. Textual lives here."""
