"""The user's own images, in folders."""
