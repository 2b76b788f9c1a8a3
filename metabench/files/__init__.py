"""Where files lie, and how they are written: completely or not at all, whatever they contain."""
