"""What holds for every test: how long a property test takes says nothing about the property.

The machine may be slow, and hypothesis builds its tables when a text is first drawn.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
