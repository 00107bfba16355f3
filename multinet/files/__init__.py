"""Models and weights in files: written whole, read without running anything."""
