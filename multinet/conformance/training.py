"""Training."""
PROBES = ()
