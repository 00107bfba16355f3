"""Multinet beside loops written by hand and beside Keras 3: what `multinet bench` runs.

Importing this imports nothing else: the time of an import belongs to who is measured.
"""
