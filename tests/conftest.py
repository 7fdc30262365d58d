"""What holds for all tests."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of torch would wait for each other
