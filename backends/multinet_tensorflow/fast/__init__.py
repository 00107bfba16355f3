"""What makes TensorFlow fast: compiled steps and kernels; none of it is required."""
