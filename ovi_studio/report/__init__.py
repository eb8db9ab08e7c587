"""How results look: plain text, tables and JSON."""
