"""`python -m ovi_studio` is the command `ovi`."""

import sys

from ovi_studio.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
