"""What holds for all tests."""

import os

from hypothesis import HealthCheck, settings

# A busy machine may stall any example for longer than hypothesis allows by default.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of torch would wait for each other
