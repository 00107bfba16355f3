"""What makes the backend fast, and could be left out: see `Graph.run`."""
