"""What makes JAX fast: compiled steps and scans; none of it is required."""
