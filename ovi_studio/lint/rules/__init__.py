"""One rule per file, named `<code>_<name>.py`; `lint/registry.py` is the table of all of them."""
