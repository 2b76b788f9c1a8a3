"""One folder for each dataset: its archives, how they are read, and its class splits."""
