"""Special values."""
NAMES = ()
PROBES = ()
