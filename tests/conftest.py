"""Settings that hold for every test."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, max_examples=60)
settings.load_profile("ci" if os.environ.get("CI") else "local")
