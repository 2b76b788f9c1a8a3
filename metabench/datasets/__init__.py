"""One file per dataset: its archives, how they are read, and its class splits."""
