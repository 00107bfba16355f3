"""Layers that prepare data: in a model, and on the host in front of one."""
