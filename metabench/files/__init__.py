"""Where files lie, and how they are written whole or not at all. Knows nothing of their content."""
