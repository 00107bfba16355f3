"""Real data: small sets inside the wheel."""

from multinet.datasets import digits

__all__ = ["digits"]
