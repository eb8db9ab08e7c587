"""Settings for every test process, before torch is imported anywhere."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    # One test process a core already: threads of torch that wait for each other actively would
    # take the cores from those they wait for, and a test of two seconds takes a hundred.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
