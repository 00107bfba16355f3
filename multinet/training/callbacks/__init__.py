"""What happens around the steps of training; `multinet.callbacks` has the names."""
