"""What makes NumPy fast: planned steps and fused kernels; none of it is required."""
