"""What makes torch fast: recorded steps and kernels; none of it is required."""
